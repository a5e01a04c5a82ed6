"""Names as numbers, as long as somebody has them: owners of accounts, assets of balances."""


class SharedNames:
    """Numbers of names that several rows have; a number is free again when the last lets go."""

    def __init__(self) -> None:
        """Begin empty."""
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []
        self._holders: list[int] = []
        self._free: list[int] = []

    def __len__(self) -> int:
        """Return how many names somebody has."""
        return len(self._numbers)

    def __getitem__(self, number: int) -> str:
        """Return a number's name."""
        return self._names[number]

    def find(self, name: str) -> int:
        """Return a name's number, -1 if nobody has it."""
        return self._numbers.get(name, -1)

    def take(self, name: str) -> int:
        """Return a name's number for one more holder."""
        number = self._numbers.get(name)
        if number is not None:
            self._holders[number] += 1
            return number
        if self._free:
            number = self._free.pop()
            self._names[number], self._holders[number] = name, 1
        else:
            number = len(self._names)
            self._names.append(name)
            self._holders.append(1)
        self._numbers[name] = number
        return number

    def release(self, number: int) -> None:
        """Let one holder of a name go."""
        self._holders[number] -= 1
        if not self._holders[number]:
            del self._numbers[self._names[number]]
            self._names[number] = ""
            self._free.append(number)
