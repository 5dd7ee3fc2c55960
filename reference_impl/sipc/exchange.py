"""Messages of one session: numbering, requests and answers in both directions.

Rule of this file: a message gets its number when it is certain to be sent, and numbers have no gaps. The exchange
knows nothing of records; it hands encoded messages to `post` and tells the program through `emit`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sipc import envelope as wire
from sipc import outgoing, shapes
from sipc.cbor import Value
from sipc.envelope import Envelope, Field, Kind, Label, SignedEnvelope, Status, UnsupportedEnvelope, is_method
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
from sipc.rpc import Call, Message, OpenCalls, OwedAnswers, clamp_budget

_REF = 8
_USUAL = shapes.STRING_LIMIT
# Read for every message; reading a member of an enumeration costs several times as much.
_REQUEST, _EVENT, _ANSWER = Kind.REQUEST, Kind.EVENT, Kind.RESPONSE
_OK = int(Status.OK)
_CORR, _LABEL, _BODY, _STATUS, _ERR = map(int, (Field.CORR, Field.LABEL, Field.BODY, Field.STATUS, Field.ERR))


class Answer(NamedTuple):
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
        post: Takes an encoded message for the peer, in pieces; raises LocalError if it cannot be sent.
        emit: Takes an event for the program.
        random: Draws bytes that link an error on the wire to a line of the log.
        count: Told the name of what happened, for counters.
    """

    post: Callable[[Sequence[bytes]], None]
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
        due: No deadline of a request comes before this; `next_deadline` makes it exact.
    """

    __slots__ = (
        "_calls",
        "_emit",
        "_max_inflight",
        "_out",
        "_owed",
        "_post",
        "_verifies",
        "due",
        "muted",
        "peer_max_inflight",
        "received",
        "sent",
    )

    def __init__(self, outlets: Outlets, max_inflight: int, *, verifies: bool = False) -> None:
        self._verifies = verifies
        self._out = outlets
        self._post = outlets.post
        self._emit = outlets.emit
        self._max_inflight = max_inflight
        self._calls = OpenCalls()
        self._owed = OwedAnswers()
        self.peer_max_inflight = 1
        self.muted = False
        self.sent = 0
        self.received = 0
        self.due = math.inf

    # --- sending ---

    def send_event(self, message: Message) -> int:
        """Send an event and return its number."""
        mid = self.sent
        body = message.body
        if type(body) is bytes and len(body) <= _USUAL and message.is_plain() and is_method(message.method):
            self._post(shapes.event(mid, message.method, body))
            self.sent = mid + 1
            return mid
        return self._send(_EVENT, _fields(message))

    def request(self, call: Call, now: float) -> int:
        """Send a request and return its number; its outcome follows as an event."""
        if len(self._calls) >= self.peer_max_inflight:
            raise LocalError("the peer works on as many requests as it allows", reason="limit")
        body, method = call.body, call.method
        if type(body) is bytes and len(body) <= _USUAL and call.is_plain() and is_method(method):
            mid = self.sent
            self._post(shapes.request(mid, method, clamp_budget(call.budget_ms), body))
            self.sent = mid + 1
        else:
            mid = self._send(_REQUEST, _fields(call))
        deadline = now + min(max(call.budget_ms, 1), wire.MAX_BUDGET_MS) / 1000
        self._calls.add(mid, deadline)
        if deadline < self.due:
            self.due = deadline
        return mid

    def cancel(self, mid: int) -> bool:
        """Give up request `mid` and tell the peer; False if it is not open any more."""
        if not self._calls.abandon(mid):
            return False
        self._send(Kind.CANCEL, {_CORR: mid})
        self._emit(RequestFailed(mid, "timeout", "cancelled", Executed.UNKNOWN))
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
        body = answer.body
        if type(body) is bytes and answer.status == _OK and answer.label is None and len(body) <= _USUAL:
            sent = self.sent
            self._post(shapes.response(sent, mid, body))
            self.sent = sent + 1
            return
        fields: dict[int, Value] = {
            _CORR: mid,
            _LABEL: answer.label,
            _BODY: answer.body,
            _STATUS: answer.status,
        }
        if answer.status != _OK:
            fields[_ERR] = outgoing.error_detail(
                self._out.random(_REF),
                retryable=answer.status in wire.RETRYABLE,
                retry_after_ms=answer.retry_after_ms,
            )
        self._send(_ANSWER, fields)

    def _send(self, kind: Kind, fields: Mapping[int, Value]) -> int:
        mid = self.sent
        self._post((outgoing.message(kind, mid, fields),))
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
        if kind is _EVENT:
            self._emit(MessageReceived(envelope))
        elif kind is _REQUEST:
            self._requested(envelope, now, refuse)
        elif kind is _ANSWER:
            if self._calls.settle(envelope.corr):
                self._emit(ResponseReceived(envelope.corr, envelope))
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
        mid = envelope.mid
        deadline = now + envelope.budget_ms / 1000
        self._owed.add(mid, deadline)
        if deadline < self.due:
            self.due = deadline
        self._emit(RequestReceived(mid, envelope, deadline))

    def _cancelled(self, envelope: Envelope) -> None:
        mid = envelope.corr
        if mid >= envelope.mid:
            raise ProtocolError("a cancel names a request that was not sent")
        # Our answer and the cancel may have crossed: then there is nothing to stop.
        if self._owed.settle(mid):
            self._emit(RequestEnded(mid, Cause.CANCELLED))
            self._answer(mid, Answer(Status.CANCELLED))

    def _unsupported(self, error: UnsupportedEnvelope) -> None:
        envelope = error.envelope
        if envelope.kind == Kind.RESPONSE:
            if self._calls.settle(envelope.corr):
                self._emit(RequestFailed(envelope.corr, "protocol", "outcome_unknown", Executed.UNKNOWN))
            return
        if envelope.kind == Kind.REQUEST:
            self._answer(envelope.mid, Answer(error.status))
        reason = "unauthorized" if isinstance(error, SignedEnvelope) else error.reason
        self._emit(MessageRefused(envelope.mid, error.status, str(error), reason))

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
        open_deadlines = [deadline for deadline in (ours, theirs) if deadline is not None]
        self.due = min(open_deadlines, default=math.inf)
        return self.due if open_deadlines else None

    def expire(self, now: float) -> None:
        """Settle every request whose deadline has come."""
        for mid in self._calls.expire(now):
            self._emit(RequestFailed(mid, "timeout", "deadline_exceeded", Executed.UNKNOWN))
        for mid in self._owed.expire(now):
            self._emit(RequestEnded(mid, Cause.DEADLINE))
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
                self._emit(RequestFailed(mid, reason, "not_executed", Executed.NO))
            else:
                self._emit(RequestFailed(mid, reason, "outcome_unknown", Executed.UNKNOWN))
        self.drop_owed()

    def drop_owed(self) -> None:
        """Answer nothing any more and stop the work on it."""
        for mid in self._owed.take_all():
            self._emit(RequestEnded(mid, Cause.CLOSED))


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
