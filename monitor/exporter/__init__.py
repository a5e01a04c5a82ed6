"""Prometheus: the catalogue of metrics and its collector."""
