"""Benchmarks: one runnable module a question (`python -m bench.NAME [--json] [--scale full]`).

A figure stands beside a peer that is measured in the same run, in turns; `ratio` is the peer's
time / our time, so more is better, and carries over to other machines. See `bench.measure`.
"""
