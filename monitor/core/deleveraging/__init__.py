"""Deleveraging: one file a policy."""
