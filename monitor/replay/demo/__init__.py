"""A synthetic exchange with a crash in it: it knows the monitor only by its public protocols.

Start at `exchange.py` (one step of the exchange) and `recording.py` (the whole story as a
pure function of a seed); `live.py` paces the same exchange against a real broker.
"""
