"""Socialized-loss monitor: a risk daemon that runs beside a derivatives exchange."""
