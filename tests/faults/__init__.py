"""Faults: processes killed, brokers dead, clocks that jump."""
