"""Where the mirror in Redis stands, and the one way to move it.

The marker is a hash: `epoch` and `offset` of the last `batch_applied` that is mirrored, and a
`sequence` that grows by one with every write. Each write is one script that compares all three,
carries out its commands and moves the marker, or does nothing. So a command that was thought lost
and arrives late, a zombie's write, and a Redis that lost writes in a failover are all refused,
and reading the marker back settles every ambiguous answer.
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import msgspec
import redis.asyncio

Argument: TypeAlias = str | bytes | int | float
Command: TypeAlias = Sequence[Argument]

# KEYS: the marker. ARGV: expected epoch, offset, sequence; new epoch, offset; then the commands,
# each as its length and its words. Answers whether it was applied, and the marker as it is now.
_SCRIPT = """
local stored = redis.call('HMGET', KEYS[1], 'epoch', 'offset', 'sequence')
for i = 1, 3 do stored[i] = stored[i] or '-1' end
if stored[1] ~= ARGV[1] or stored[2] ~= ARGV[2] or stored[3] ~= ARGV[3] then
  return {0, stored[1], stored[2], stored[3]}
end
local i = 6
while i <= #ARGV do
  local n = tonumber(ARGV[i])
  redis.call(unpack(ARGV, i + 1, i + n))
  i = i + n + 1
end
local sequence = string.format('%d', tonumber(stored[3]) + 1)
redis.call('HSET', KEYS[1], 'epoch', ARGV[4], 'offset', ARGV[5], 'sequence', sequence)
return {1, ARGV[4], ARGV[5], sequence}
"""


class Marker(msgspec.Struct, frozen=True):
    """How far Redis has been written; all -1 when Redis knows of no mirror.

    `offset` is -1 while the mirror is being rebuilt.
    """

    epoch: int = -1
    offset: int = -1
    sequence: int = -1

    def after(self, epoch: int, offset: int) -> "Marker":
        """Return the marker as the next write leaves it."""
        return Marker(epoch, offset, self.sequence + 1)


class MarkerMovedError(Exception):
    """Redis stands elsewhere than expected; nothing was written."""

    def __init__(self, expected: Marker, received: Marker) -> None:
        super().__init__(f"expected the mirror at {expected}, received {received}")
        self.received = received


class MarkedRedis:
    """A Redis that is only written together with its marker."""

    def __init__(self, client: "redis.asyncio.Redis", key: str) -> None:
        self._client = client
        self._key = key
        self._script = client.register_script(_SCRIPT)

    async def read(self) -> Marker:
        """Return the marker as it stands."""
        answer = await self._client.hmget(self._key, ["epoch", "offset", "sequence"])
        return Marker(*(-1 if value is None else int(value) for value in answer))

    async def write(
        self, expected: Marker, commands: Iterable[Command], *, epoch: int, offset: int
    ) -> Marker:
        """Carry out the commands as one step if Redis stands at `expected`; return the new marker.

        Raises MarkerMovedError when it does not, and an error of the client when the answer is
        unknown: read the marker back.
        """
        words: list[Argument] = [*msgspec.structs.astuple(expected), epoch, offset]
        for command in commands:
            words.append(len(command))
            words.extend(command)
        answer: list[Any] = await self._script(keys=[self._key], args=words)
        applied, *stored = (int(value) for value in answer)
        marker = Marker(*stored)
        if not applied:
            raise MarkerMovedError(expected, marker)
        return marker
