"""Socialized loss: one file a method."""
