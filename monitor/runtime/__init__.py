"""Async building blocks that know nothing of margins: inbox, supervision, clock, logs."""
