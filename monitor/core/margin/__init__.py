"""Margin: tiers, the book, thresholds, exact verdicts."""
