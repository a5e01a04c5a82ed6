"""Oracles: which price of an index is fit for what, and how one price is made of several.

Start at `board.py` (reports in, verdicts on indices out). Prices are exact rationals; only the
stable price is made of floats, as its rule has them.

- `aggregation.py`: one price of several, outliers, the interval around it: pure functions
- `mean.py`: the time-weighted mean in bounded memory
- `stable_price.py`: the slow price that a short pump hardly moves
"""
