"""What the contract knows and the engine does not use yet, in one place.

The gate checks all of it, so a producer may send it today; `docs/events.md` says so beside each.
`tests/tools/test_unused.py` asks the engine: an event stands here exactly as long as it is ignored.
"""

UNUSED_EVENTS: frozenset[str] = frozenset()
UNUSED_FIELDS: dict[str, tuple[str, ...]] = {}
UNUSED_DECISIONS: frozenset[str] = frozenset()
