"""Messages of one session: numbering, requests and answers in both directions.

Rule of this file: a message gets its number when it is certain to be sent, and numbers have no gaps. The exchange
knows nothing of records; it hands encoded messages to `post` and tells the program through `emit`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sipc import envelope as wire
from sipc.cbor import Value
from sipc.envelope import Envelope, Field, Kind, Label, SignedEnvelope, Status, UnsupportedEnvelope
from sipc.errors import LocalError, ProtocolError
from sipc.events import (
    Cause,
    Event,
    Executed,
    MessageReceived,
    MessageRefused,
    RequestEnded,
    RequestFailed,
    RequestReceived,
    ResponseReceived,
)
from sipc.rpc import Call, Message, OpenCalls, OwedAnswers

_REF = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """The final answer to a request.

    Attributes:
        status: `Status.OK` or an error code.
        body: The result; must be None with an error code.
        label: How confidential the body is; None means the strictest.
        retry_after_ms: With an error code: how long the caller should wait before it tries again.
    """

    status: int = Status.OK
    body: Value = None
    label: Label | None = None
    retry_after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Outlets:
    """Where an exchange puts what it makes.

    Attributes:
        post: Takes an encoded message for the peer; raises LocalError if it cannot be sent.
        emit: Takes an event for the program.
        random: Draws bytes that link an error on the wire to a line of the log.
        count: Told the name of what happened, for counters.
    """

    post: Callable[[bytes], None]
    emit: Callable[[Event], None]
    random: Callable[[int], bytes]
    count: Callable[[str], None] = lambda name: None


class Exchange:
    """Both directions of messages.

    Args:
        outlets: Where messages and events go.
        max_inflight: How many requests of the peer are worked on at once; more are answered BUSY.
        verifies: The program verifies signed requests and events; otherwise they are refused here.

    Attributes:
        sent: Messages sent.
        received: Messages received.
        peer_max_inflight: How many requests the peer works on at once.
        muted: Nothing can be sent any more: requests that still arrive are dropped, not worked on.
    """

    __slots__ = (
        "_calls",
        "_max_inflight",
        "_out",
        "_owed",
        "_verifies",
        "muted",
        "peer_max_inflight",
        "received",
        "sent",
    )

    def __init__(self, outlets: Outlets, max_inflight: int, *, verifies: bool = False) -> None:
        self._verifies = verifies
        self._out = outlets
        self._max_inflight = max_inflight
        self._calls = OpenCalls()
        self._owed = OwedAnswers()
        self.peer_max_inflight = 1
        self.muted = False
        self.sent = 0
        self.received = 0

    # --- sending ---

    def send_event(self, message: Message) -> int:
        """Send an event and return its number."""
        return self._send(Kind.EVENT, _fields(message))

    def request(self, call: Call, now: float) -> int:
        """Send a request and return its number; its outcome follows as an event."""
        if len(self._calls) >= self.peer_max_inflight:
            raise LocalError("the peer works on as many requests as it allows", reason="limit")
        mid = self._send(Kind.REQUEST, _fields(call))
        self._calls.add(mid, now + min(max(call.budget_ms, 1), wire.MAX_BUDGET_MS) / 1000)
        return mid

    def cancel(self, mid: int) -> bool:
        """Give up request `mid` and tell the peer; False if it is not open any more."""
        if not self._calls.abandon(mid):
            return False
        self._send(Kind.CANCEL, {Field.CORR: mid})
        self._out.emit(RequestFailed(mid, "timeout", "cancelled", Executed.UNKNOWN))
        return True

    def respond(self, mid: int, answer: Answer) -> bool:
        """Answer request `mid`; False if nobody waits for it any more.

        Raises:
            LocalError: The body cannot be sent; the peer got an error instead.
        """
        if not self._owed.settle(mid):
            return False
        try:
            self._answer(mid, answer)
        except LocalError as error:
            self._answer(mid, Answer(Status.TOO_LARGE if error.reason == "limit" else Status.INTERNAL))
            raise
        return True

    def _answer(self, mid: int, answer: Answer) -> None:
        if self.muted:
            return
        fields: dict[int, Value] = {
            Field.CORR: mid,
            Field.STATUS: answer.status,
            Field.LABEL: answer.label,
            Field.BODY: answer.body,
        }
        if answer.status != Status.OK:
            fields[Field.ERR] = wire.error_detail(
                self._out.random(_REF),
                retryable=answer.status in wire.RETRYABLE,
                retry_after_ms=answer.retry_after_ms,
            )
        self._send(Kind.RESPONSE, fields)

    def _send(self, kind: Kind, fields: Mapping[int, Value]) -> int:
        mid = self.sent
        self._out.post(wire.encode(wire.build(kind, mid, fields)))
        self.sent = mid + 1
        return mid

    # --- receiving ---

    def receive(self, message: bytes, now: float, *, refuse: Status | None) -> None:
        """Take one message of the peer.

        Args:
            message: The encoded message.
            now: Monotonic time.
            refuse: Answer requests with this status instead of working on them.

        Raises:
            RemoteError: The peer broke a rule; the session cannot go on.
        """
        try:
            envelope = wire.decode(message)
        except UnsupportedEnvelope as error:
            envelope = error.envelope
            if not self._passes_on(error):
                self._number(envelope)
                self._unsupported(error)
                return
        self._number(envelope)
        kind = envelope.kind
        if kind == Kind.EVENT:
            self._out.emit(MessageReceived(envelope))
        elif kind == Kind.REQUEST:
            self._requested(envelope, now, refuse)
        elif kind == Kind.RESPONSE:
            if self._calls.settle(envelope.corr):
                self._out.emit(ResponseReceived(envelope.corr, envelope))
            else:
                self._out.count("late_reply")
        else:
            self._cancelled(envelope)

    def _passes_on(self, error: UnsupportedEnvelope) -> bool:
        """Whether the program is going to verify a message that is refused otherwise."""
        return (
            self._verifies
            and isinstance(error, SignedEnvelope)
            and error.envelope.kind in (Kind.REQUEST, Kind.EVENT)
        )

    @property
    def processed(self) -> int:
        """Number of the last message of the peer that was processed, plus one."""
        return self.received

    def _number(self, envelope: Envelope) -> None:
        if envelope.mid != self.received:
            raise ProtocolError(f"message {envelope.mid} came where {self.received} was due")
        self.received += 1

    def _requested(self, envelope: Envelope, now: float, refuse: Status | None) -> None:
        if refuse is None and len(self._owed) >= self._max_inflight:
            refuse = Status.BUSY
        if self.muted or refuse is not None:
            self._answer(envelope.mid, Answer(refuse or Status.UNAVAILABLE))
            return
        deadline = now + envelope.budget_ms / 1000
        self._owed.add(envelope.mid, deadline)
        self._out.emit(RequestReceived(envelope.mid, envelope, deadline))

    def _cancelled(self, envelope: Envelope) -> None:
        mid = envelope.corr
        if mid >= envelope.mid:
            raise ProtocolError("a cancel names a request that was not sent")
        # Our answer and the cancel may have crossed: then there is nothing to stop.
        if self._owed.settle(mid):
            self._out.emit(RequestEnded(mid, Cause.CANCELLED))
            self._answer(mid, Answer(Status.CANCELLED))

    def _unsupported(self, error: UnsupportedEnvelope) -> None:
        envelope = error.envelope
        if envelope.kind == Kind.RESPONSE:
            if self._calls.settle(envelope.corr):
                self._out.emit(RequestFailed(envelope.corr, "protocol", "outcome_unknown", Executed.UNKNOWN))
            return
        if envelope.kind == Kind.REQUEST:
            self._answer(envelope.mid, Answer(error.status))
        reason = "unauthorized" if isinstance(error, SignedEnvelope) else error.reason
        self._out.emit(MessageRefused(envelope.mid, error.status, str(error), reason))

    def set_number(self, number: int, *, sending: bool) -> None:
        """Set the number of a direction's next message; for tests near a limit.

        Raises:
            LocalError: It lies in the past.
        """
        if number < (self.sent if sending else self.received):
            raise LocalError("a message number cannot be used again", reason="limit")
        if sending:
            self.sent = number
        else:
            self.received = number

    # --- time and the end ---

    def owes_answers(self) -> bool:
        """Whether a request of the peer is unanswered."""
        return len(self._owed) > 0

    @property
    def late_replies(self) -> int:
        """Responses that came after their request had been given up."""
        return self._calls.late_replies

    def next_deadline(self) -> float | None:
        """The earliest deadline of a request of either side."""
        ours, theirs = self._calls.next_deadline(), self._owed.next_deadline()
        if ours is None or theirs is None:
            return theirs if ours is None else ours
        return min(ours, theirs)

    def expire(self, now: float) -> None:
        """Settle every request whose deadline has come."""
        for mid in self._calls.expire(now):
            self._out.emit(RequestFailed(mid, "timeout", "deadline_exceeded", Executed.UNKNOWN))
        for mid in self._owed.expire(now):
            self._out.emit(RequestEnded(mid, Cause.DEADLINE))
            self._answer(mid, Answer(Status.DEADLINE_EXCEEDED))

    def end(self, reason: str, acknowledged: int | None) -> None:
        """The session has ended: settle everything.

        Args:
            reason: Reason class for requests that were open.
            acknowledged: How many of our messages the peer had processed when it closed. Requests after
                these were certainly not executed.
        """
        for mid in self._calls.take_all():
            if acknowledged is not None and mid >= acknowledged:
                self._out.emit(RequestFailed(mid, reason, "not_executed", Executed.NO))
            else:
                self._out.emit(RequestFailed(mid, reason, "outcome_unknown", Executed.UNKNOWN))
        self.drop_owed()

    def drop_owed(self) -> None:
        """Answer nothing any more and stop the work on it."""
        for mid in self._owed.take_all():
            self._out.emit(RequestEnded(mid, Cause.CLOSED))


def _fields(message: Message) -> dict[int, Value]:
    fields = message.fields()
    if message.extra is not None:
        fields.update(message.extra)
    return fields


class UnorderedExchange(Exchange):
    """Messages of a session in which some may be lost and others overtake them (profile D)."""

    __slots__ = ("_highest",)

    def __init__(self, outlets: Outlets, max_inflight: int, *, verifies: bool = False) -> None:
        super().__init__(outlets, max_inflight, verifies=verifies)
        self._highest = -1

    @property
    def processed(self) -> int:
        """The highest number of a message of the peer, plus one."""
        return self._highest + 1

    def _number(self, envelope: Envelope) -> None:
        # Each record is accepted once and carries one message, so a number does not come twice.
        self._highest = max(self._highest, envelope.mid)
        self.received += 1
