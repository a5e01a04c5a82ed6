"""Names outside, numbers inside: what is kept of a name is bounded by who has it now."""

from collections.abc import Iterator

PARTS = 256  # a power of two


class Numbers:
    """Numbers by name, in 256 dictionaries: one of a million names stops for 100 ms to grow.

    In which part a name is differs from run to run, so nothing here is told in an order.
    """

    __slots__ = ("_count", "parts")

    def __init__(self) -> None:
        """Begin empty."""
        self.parts: list[dict[str, int]] = [{} for _ in range(PARTS)]
        self._count = 0

    def __len__(self) -> int:
        """Return how many names there are."""
        return self._count

    def __contains__(self, name: object) -> bool:
        """Return whether a name has a number."""
        return name in self.parts[hash(name) & (PARTS - 1)]

    def find(self, name: str) -> int:
        """Return a name's number, -1 if it has none."""
        return self.parts[hash(name) & (PARTS - 1)].get(name, -1)

    def add(self, name: str, number: int) -> None:
        """Give a new name its number."""
        part = self.parts[hash(name) & (PARTS - 1)]
        assert name not in part
        part[name] = number
        self._count += 1

    def remove(self, name: str) -> None:
        """Forget a name."""
        del self.parts[hash(name) & (PARTS - 1)][name]
        self._count -= 1


class SharedNames:
    """Numbers of names that several rows have; a number is free again when the last lets go."""

    def __init__(self) -> None:
        """Begin empty."""
        self._numbers = Numbers()
        self.names: list[str] = []  # by number
        self._holders: list[int] = []
        self._free: list[int] = []

    def __len__(self) -> int:
        """Return how many names somebody has."""
        return len(self._numbers)

    def __iter__(self) -> Iterator[str]:
        """Yield the names that somebody has, in the order of their numbers."""
        return (name for name, holders in zip(self.names, self._holders, strict=True) if holders)

    def find(self, name: str) -> int:
        """Return a name's number, -1 if nobody has it."""
        return self._numbers.find(name)

    def take(self, name: str) -> int:
        """Return a name's number for one more holder."""
        number = self._numbers.find(name)
        if number >= 0:
            self._holders[number] += 1
            return number
        if self._free:
            number = self._free.pop()
            self.names[number], self._holders[number] = name, 1
        else:
            number = len(self.names)
            self.names.append(name)
            self._holders.append(1)
        self._numbers.add(name, number)
        return number

    def release(self, number: int) -> None:
        """Let one holder of a name go."""
        self._holders[number] -= 1
        if not self._holders[number]:
            self._numbers.remove(self.names[number])
            self.names[number] = ""
            self._free.append(number)
