"""Snapshots, and the mirror of live state in Redis."""
