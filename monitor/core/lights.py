"""Indicator lights: in which fifth of its side's deleveraging queue every position stands.

Light 5 is the first fifth of all candidates, 1 the last, 0 is said of who is no candidate. A board
remembers what it has said of each side, and tells only what has changed since. Ranked in floats:
where two scores agree to about 1e-12 the exact rank (`winners.standing`) may be the other one.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.core.candidates import Scored
from monitor.core.decisions import Side
from monitor.core.deleveraging.policy import Floats

FIFTHS = 5
Lights = NDArray[np.uint8]


class LightChange(NamedTuple):
    """A position whose light is another one than it was; 0: it is, or was, no candidate."""

    instrument: str
    side: Side
    account: str
    light: int
    before: int


class _Told(NamedTuple):
    """What was said of a side of one shard: rows of positions, whose they were, their lights."""

    rows: NDArray[np.int64]
    accounts: NDArray[np.int32]
    lights: Lights


def lights_of(scores: Floats, name: Callable[[int], bytes]) -> Lights:
    """Return the light of every candidate, given their scores; equal scores stand by `name`.

    Of 10 candidates the two with the highest scores have light 5, the next two 4, and so on.
    """
    total = len(scores)
    lights = np.ones(total, np.uint8)
    if not total:
        return lights
    ends = [-(-fifth * total // FIFTHS) for fifth in range(1, FIFTHS)]  # how many are before
    in_order = np.partition(scores, [total - end for end in ends])
    for end in ends:
        least = in_order[total - end]
        is_before = scores > least
        equal = np.flatnonzero(scores == least)
        missing = end - int(np.count_nonzero(is_before))
        if missing < len(equal):
            equal = np.array(sorted(equal.tolist(), key=name)[:missing], np.int64)
        is_before[equal] = True
        lights += is_before
    return lights


class LightBoard:
    """The lights as they were last told, side by side."""

    def __init__(self) -> None:
        """Begin with nothing told."""
        self._told: dict[tuple[str, str], list[_Told]] = {}

    def tell(self, instrument: str, side: Side, parts: Sequence[Scored]) -> list[LightChange]:
        """Take the candidates of a side, a part from each shard; return whose light has changed.

        Of a side that was never told before nothing is said: it is where changes begin.
        """
        scores = np.concatenate([part.scores for part in parts])
        ends = np.cumsum([len(part.scores) for part in parts])

        def name(place: int) -> bytes:
            number = int(np.searchsorted(ends, place, side="right"))
            begin = 0 if number == 0 else int(ends[number - 1])
            return parts[number].name(place - begin).encode()

        lights = np.split(lights_of(scores, name), ends[:-1])
        told = [
            _Told(part.candidates.rows, part.candidates.accounts, own)
            for part, own in zip(parts, lights, strict=True)
        ]
        before = self._told.get((instrument, side))
        self._told[instrument, side] = told
        if before is None:
            return []
        return [
            LightChange(instrument, side, part.account_name(account), now, last)
            for part, old, new in zip(parts, before, told, strict=True)
            for account, now, last in _changes(old, new)
            if part.account_name(account)
        ]

    def forget(self, queue: tuple[str, str]) -> None:
        """Forget a side (instrument, side): what is told of it begins anew."""
        self._told.pop(queue, None)


def _changes(old: _Told, new: _Told) -> list[tuple[int, int, int]]:
    """Return (account, light now, light before) where they differ; who left has light 0."""
    room = int(max(old.rows.max(initial=-1), new.rows.max(initial=-1))) + 1
    lights, accounts = np.zeros(room, np.uint8), np.full(room, -1, np.int32)
    lights[old.rows], accounts[old.rows] = old.lights, old.accounts
    is_same = accounts[new.rows] == new.accounts
    last = np.where(is_same, lights[new.rows], 0)
    changed = np.flatnonzero(last != new.lights)
    found = _listed(new.accounts[changed], new.lights[changed], last[changed])
    gone = ~np.isin(old.accounts, new.accounts)
    return found + _listed(old.accounts[gone], np.zeros(np.count_nonzero(gone)), old.lights[gone])


def _listed(*columns: NDArray[np.generic]) -> list[tuple[int, int, int]]:
    return [
        (int(account), int(now), int(last))
        for account, now, last in zip(*(column.tolist() for column in columns), strict=True)
    ]
