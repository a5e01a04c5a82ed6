"""The compiled threshold index: which margin units can change state at this price.

Start at `index.py` (values in, unit numbers and states out); docs/model/thresholds.md explains
slack, split, guards and buckets, and proves the bound. One module a question:

- `columns.py`: where everything lies; `blocks.py`: the rows of a unit near each other
- `requirement.py`: what a position must keep, and how fast that can grow
- `verdict.py`: the one function that gives a verdict
- `split.py`: how far each price may move; `guards.py`: guards of a unit, set from that
- `buckets.py`: guards by price key, found by scanning what a move crosses
- `sums.py`: equity by state, by differences
- `steps.py`: one step: prices, hits, verdicts, guards
"""
