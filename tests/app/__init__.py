"""Tests of the daemon, started inside the test."""
