"""Lists of steps as bytes: what a target for a conversation takes, and what mutators can work on.

    STEPS = Sequence((
        Step("send", (Bytes("message"),)),
        Step("wait", (Int("seconds", 2),)),
    ))
    Target(..., parse=lambda data: run(STEPS.decode(data)), structure=STEPS.schema, seeds=lambda: (STEPS.encode(...),))

    steps := step*          step := u8 number of the kind | u16 length | arguments

Any bytes are a list of steps: a number beyond the last kind counts modulo their number, a length beyond the end is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.mutate.fields import Bytes, Field, Int, Node
from ipc_gauntlet.fuzz.mutate.fields_derived import Length
from ipc_gauntlet.fuzz.mutate.fields_groups import Choice, Record, Repeat, Span
from ipc_gauntlet.fuzz.mutate.schema import Schema

_HEAD = 3
_MOST_BODY = 0xFFFF


@dataclass(frozen=True)
class Step:
    """A kind of step.

    Args:
        name: How it is called.
        fields: Its arguments.
        often: How often it is made, in comparison.
    """

    name: str
    fields: tuple[Field, ...] = ()
    often: int = 1


@dataclass(frozen=True, slots=True)
class Call:
    """A step of a list.

    Attributes:
        step: Its kind.
        body: Its arguments as bytes.
    """

    step: Step
    body: bytes


class Sequence:
    """Kinds of steps.

    Args:
        steps: These; their order gives them their numbers, so new ones go to the end.
        most: Most steps of a list that are looked at.
        prefix: Fields in front of the list, of fixed widths.
        samples: Gives lists of which others are made: few lists of any steps make sense.

    Raises:
        UsageError: There are none, too many, or two of one name.
    """

    def __init__(
        self,
        steps: Iterable[Step],
        most: int = 32,
        prefix: tuple[Int, ...] = (),
        samples: Callable[[], Iterable[bytes]] | None = None,
    ) -> None:
        self.steps = tuple(steps)
        self.most = most
        self.prefix = prefix
        self._samples = samples
        self._numbers = {step.name: number for number, step in enumerate(self.steps)}
        if not 0 < len(self.steps) <= 256 or len(self._numbers) != len(self.steps):
            raise UsageError("a sequence has 1 to 256 kinds of steps, each with a name of its own")
        self._skip = sum(one.width for one in prefix)

    @cached_property
    def schema(self) -> Schema:
        """The structure of a list."""
        often = tuple(number for number, step in enumerate(self.steps) for _ in range(step.often))
        kinds = {number: Span(step.name, Record("", step.fields)) for number, step in enumerate(self.steps)}
        words = {number: step.name for number, step in enumerate(self.steps)}
        kind = _Kind("kind", samples=often, words=words, high=len(self.steps) - 1)
        step = Record(
            "step",
            (kind, Length("length", 2, of=("arguments",)), Choice("arguments", by="kind", cases=kinds)),
        )
        steps = Repeat("steps", step, high=self.most)
        return Schema(Record("", (*self.prefix, steps)) if self.prefix else steps, self._samples)

    def encode(self, calls: Iterable[tuple[str, bytes]], prefix: bytes = b"") -> bytes:
        """Write a list of steps, each by its name and the bytes of its arguments.

        Raises:
            UsageError: There is no such step, its arguments are too long, or the prefix has another length.
        """
        if len(prefix) != self._skip:
            raise UsageError(f"the prefix of this sequence has {self._skip} bytes")
        parts = [prefix]
        for name, body in calls:
            if name not in self._numbers or len(body) > _MOST_BODY:
                raise UsageError(f"there is no step {name!r}, or its arguments are too long")
            parts += (bytes((self._numbers[name],)), len(body).to_bytes(2), body)
        return b"".join(parts)

    def decode(self, data: bytes) -> Iterator[Call]:
        """The steps of any bytes, at most `most`; see `values` for the prefix."""
        pos, count = self._skip, len(self.steps)
        for _ in range(self.most):
            if pos + _HEAD > len(data):
                return
            stop = pos + _HEAD + (data[pos + 1] << 8 | data[pos + 2])
            yield Call(self.steps[data[pos] % count], data[pos + _HEAD : stop])
            pos = stop

    def values(self, data: bytes) -> tuple[int, ...]:
        """The numbers of the prefix; what is missing is zero."""
        found, pos = [], 0
        for one in self.prefix:
            found.append(one.value(Node(one, data[pos : pos + one.width])))
            pos += one.width
        return tuple(found)


@dataclass(frozen=True)
class _Kind(Int):
    """The number of a step's kind; counts modulo the number of kinds, as it is carried out."""

    def value(self, node: Node) -> int:
        return Int.value(self, node) % (self.most + 1)


def number(body: bytes, low: int = 0, high: int = 0xFFFF) -> int:
    """The number that the first two bytes of a step's arguments are, brought within bounds."""
    return low + int.from_bytes(body[:2]) % (high - low + 1)


__all__ = ["Bytes", "Call", "Sequence", "Step", "number"]
