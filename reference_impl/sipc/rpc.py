"""Requests under way: those this side waits for, and those it owes an answer to.

Rule of this file: a message number names one request for the whole life of a session. A response settles exactly
the request it names, once. A response to a request that was given up is counted and dropped; any other
response that nobody asked for is the peer's error.
"""

import heapq
import math
from collections.abc import Mapping
from dataclasses import dataclass

from sipc.cbor import Value
from sipc.envelope import MAX_BUDGET_MS, RETRYABLE, Field, Label, Status
from sipc.errors import LocalError, ProtocolError
from sipc.events import Executed

DEFAULT_BUDGET_MS = 30_000
_METHOD, _SCHEMA, _IDEM, _BUDGET, _LABEL, _PURPOSE, _OKEY, _TRACE, _BODY = map(
    int,
    (
        Field.METHOD,
        Field.SCHEMA,
        Field.IDEM,
        Field.BUDGET,
        Field.LABEL,
        Field.PURPOSE,
        Field.OKEY,
        Field.TRACE,
        Field.BODY,
    ),
)


@dataclass(frozen=True, slots=True)
class Message:
    """An event to send.

    Attributes:
        method: Dotted lower-case name.
        body: Anything of the CBOR subset; None leaves it out.
        schema: Version of the method's schema.
        label: How confidential the content is; None means the strictest.
        purpose: What the content may be used for.
        okey: Ordering key, at most 32 bytes; messages without one share a lane.
        trace: 25 bytes of trace context.
        extra: Further fields of the envelope by number: a token, a signature.
    """

    method: str
    body: Value = None
    schema: int | None = None
    label: Label | None = None
    purpose: str | None = None
    okey: bytes | None = None
    trace: bytes | None = None
    extra: Mapping[int, Value] | None = None

    def is_plain(self) -> bool:
        """Whether it has no optional field but a body."""
        return (
            self.schema is None
            and self.label is None
            and self.purpose is None
            and self.okey is None
            and self.trace is None
            and self.extra is None
        )

    def fields(self) -> dict[int, Value]:
        """The fields of the envelope that this message decides."""
        fields: dict[int, Value] = {_METHOD: self.method}
        if self.schema is not None:
            fields[_SCHEMA] = self.schema
        self._add_common(fields)
        return fields

    def _add_common(self, fields: dict[int, Value]) -> None:
        """The fields behind those of requests, in the order in which they are encoded."""
        pairs = (
            (_LABEL, self.label),
            (_PURPOSE, self.purpose),
            (_OKEY, self.okey),
            (_TRACE, self.trace),
            (_BODY, self.body),
        )
        fields.update({key: value for key, value in pairs if value is not None})


@dataclass(frozen=True, slots=True)
class Call(Message):
    """A request to send.

    Attributes:
        idem: Idempotency key, 16 to 32 random bytes; one for each operation, kept over retries.
        budget_ms: How long the caller waits, in milliseconds. Longer than ten minutes is cut to that.
    """

    idem: bytes | None = None
    budget_ms: float = DEFAULT_BUDGET_MS

    def is_plain(self) -> bool:
        """Whether it has no optional field but a body."""
        return self.idem is None and Message.is_plain(self)

    def fields(self) -> dict[int, Value]:
        """The fields of the envelope that this request decides."""
        fields: dict[int, Value] = {_METHOD: self.method}
        if self.schema is not None:
            fields[_SCHEMA] = self.schema
        if self.idem is not None:
            fields[_IDEM] = self.idem
        fields[_BUDGET] = clamp_budget(self.budget_ms)
        self._add_common(fields)
        return fields


def clamp_budget(milliseconds: float) -> int:
    """Return the budget that goes on the wire: 1 to 600000 whole milliseconds.

    Raises:
        LocalError: Nothing is left of it (also: not a number); the request is not sent.
    """
    if not milliseconds > 0:
        raise LocalError("the deadline has passed already", reason="timeout")
    return max(1, math.floor(min(milliseconds, MAX_BUDGET_MS)))


def may_resend(executed: Executed, status: int | None, *, keyed: bool, idempotent: bool) -> bool:
    """Whether a request may be sent again without asking the program.

    Args:
        executed: Whether the effect of the failed attempt may have happened.
        status: Status of the response; None if there was none.
        keyed: The request carries an idempotency key.
        idempotent: Executing the method twice is the same as executing it once.

    Returns:
        False for every final answer, and for an ambiguous failure of a request that could take effect twice.
    """
    if status is not None and status not in RETRYABLE | {Status.OUTCOME_UNKNOWN}:
        return False
    if status == Status.OUTCOME_UNKNOWN:
        return keyed
    return executed is Executed.NO or status is not None or keyed or idempotent


# So many settled numbers are carried along before they are swept out.
_SETTLED = 64


class _Deadlines:
    """Numbers with deadlines; settled ones leave the heap when they come up, or when they are the majority."""

    __slots__ = ("_heap", "open")

    def __init__(self) -> None:
        self.open: dict[int, float] = {}
        self._heap: list[tuple[float, int]] = []

    def add(self, mid: int, deadline: float) -> None:
        """Request `mid` was sent, or arrived."""
        self.open[mid] = deadline
        heapq.heappush(self._heap, (deadline, mid))
        if len(self._heap) > 2 * len(self.open) + _SETTLED:
            self._heap = [(when, open_mid) for open_mid, when in self.open.items()]
            heapq.heapify(self._heap)

    def next_deadline(self) -> float | None:
        """The earliest deadline of an open number; None when there is none."""
        heap = self._heap
        while heap and heap[0][1] not in self.open:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def take_due(self, now: float) -> list[int]:
        """Remove and return the open numbers whose deadline has come."""
        due = []
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            mid = heapq.heappop(self._heap)[1]
            del self.open[mid]
            due.append(mid)
        return due

    def take_all(self) -> list[int]:
        """Remove and return every open number, oldest first."""
        mids = list(self.open)
        self.open.clear()
        self._heap.clear()
        return mids


class OpenCalls(_Deadlines):
    """Requests this side sent.

    Attributes:
        late_replies: Responses that came after their request had been given up.
    """

    __slots__ = ("_abandoned", "late_replies")

    def __init__(self) -> None:
        super().__init__()
        # Given up, but the peer may still be working on them: they count against its limit.
        self._abandoned: set[int] = set()
        self.late_replies = 0

    def __len__(self) -> int:
        return len(self.open) + len(self._abandoned)

    def settle(self, mid: int) -> bool:
        """A response to `mid` arrived.

        Returns:
            False if the request had been given up: the response is late.

        Raises:
            ProtocolError: `mid` is not a request that waits for a response.
        """
        if self.open.pop(mid, None) is not None:
            return True
        if mid not in self._abandoned:
            raise ProtocolError(f"a response to {mid}, which is not an open request")
        self._abandoned.remove(mid)
        self.late_replies += 1
        return False

    def abandon(self, mid: int) -> bool:
        """Give up waiting for `mid`; False if it is not open."""
        if self.open.pop(mid, None) is None:
            return False
        self._abandoned.add(mid)
        return True

    def expire(self, now: float) -> list[int]:
        """Give up the requests whose deadline has come and return them."""
        due = self.take_due(now)
        self._abandoned.update(due)
        return due

    def take_all(self) -> list[int]:
        """Give up everything: the session has ended. Returns what was open."""
        self._abandoned.clear()
        return super().take_all()


class OwedAnswers(_Deadlines):
    """Requests this side received and has not answered."""

    __slots__ = ()

    def __len__(self) -> int:
        return len(self.open)

    def settle(self, mid: int) -> bool:
        """The answer to `mid` is given now; False if nobody waits for one any more."""
        return self.open.pop(mid, None) is not None

    def expire(self, now: float) -> list[int]:
        """Remove and return the requests whose deadline has come."""
        return self.take_due(now)
