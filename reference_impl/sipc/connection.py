"""One connection, without any I/O: bytes and time in, bytes and events out.

A program that drives it

1. passes every byte it reads to `receive_data`, and the end of the stream to `receive_eof`;
2. writes what `data_to_send` returns, in order;
3. calls `handle_timer` when `next_timer` is due;
4. takes events from `next_event` until there is none;

and does 2 to 4 after each call of any other method. Methods that a program calls to send something raise
`LocalError` when it cannot be sent; what a peer does wrong is never raised but told by an event. Any other
exception is a bug.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sipc.datagram_session import DatagramSession
from sipc.errors import BusyError, LocalError, SipcError
from sipc.events import Closed, Established, Event, How, Rejected
from sipc.exchange import Answer
from sipc.noise import CipherState
from sipc.rpc import Call, Message
from sipc.session import Phase, Session, Start
from sipc.settings import Settings
from sipc.timers import ArmedTimers, Timer

_OPEN, _CLOSED = Phase.OPEN, Phase.CLOSED


class Peer(Protocol):
    """What a connection needs to know about an authenticated peer."""

    @property
    def name(self) -> str:
        """Its canonical name."""

    @property
    def kind(self) -> str:
        """Kind of credential that proved it."""

    @property
    def valid_until(self) -> float | None:
        """Until when the proof holds, in seconds since 1970; None for ever."""


class Suite(Protocol):
    """What a connection needs to know about the negotiated suite."""

    @property
    def name(self) -> str:
        """Its name in configuration."""


class HandshakeOutcome(Protocol):
    """What a connection needs of a finished handshake."""

    @property
    def send(self) -> CipherState:
        """Cipher of the records to the peer."""

    @property
    def receive(self) -> CipherState:
        """Cipher of the records from the peer."""

    @property
    def channel_binding(self) -> bytes:
        """Public value that only the two ends share."""

    @property
    def peer(self) -> Peer:
        """Whom the peer proved to be."""

    @property
    def local_name(self) -> str:
        """Whom this side proved to be."""

    @property
    def suite(self) -> Suite:
        """The suite in use."""

    @property
    def version(self) -> int:
        """The protocol version in use."""


class Handshake(Protocol):
    """A handshake in progress, of either side. `sipc.handshake` has the two real ones."""

    @property
    def result(self) -> HandshakeOutcome | None:
        """Set once the handshake has finished."""

    def receive(self, data: bytes) -> None:
        """Take bytes; raise SipcError when the handshake has failed."""

    def data_to_send(self) -> bytes:
        """Return and forget what must be sent, also after a failure."""

    def trailing(self) -> bytes:
        """After the end: return and forget what came behind the last handshake frame."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a connection gets from its surroundings.

    Attributes:
        initiator: Whether this side opened the connection.
        wall: Wall time, in seconds since 1970, at the moment the connection is made.
        random: Draws random bytes for references in error messages.
        count: Told the name of what happened, for counters.
    """

    initiator: bool
    wall: float
    random: Callable[[int], bytes]
    count: Callable[[str], None] = lambda name: None


class Connection:
    """Handshake, session and timers of one connection.

    Attributes:
        events: What `next_event` returns, for a program that takes it from there.
        retry_after_ms: How long a responder that was busy asked to wait before the next attempt.
        timers: `timers.soonest` is a time before which `handle_timer` need not be called. It moves to later only by
            `next_timer`, which a program that looks at it asks again when the time has come.

    Args:
        handshake: An unused handshake of this side's role.
        settings: The program's decisions.
        context: Role and surroundings.
        now: Monotonic time of accept or connect.
    """

    def __init__(self, handshake: Handshake, settings: Settings, context: Context, now: float) -> None:
        self._handshake = handshake
        self.retry_after_ms = 0
        self._settings = settings
        self._context = context
        self._wall_offset = context.wall - now
        self._session: Session | None = None
        self._out: list[bytes] = []
        self.events: deque[Event] = deque()
        self.timers = ArmedTimers()
        self._ended = False
        self.timers.arm(Timer.HANDSHAKE, now + settings.timeouts.handshake)
        if context.initiator:
            self._take_handshake_output()
        else:
            self.timers.arm(Timer.FIRST, now + settings.timeouts.first)

    # --- bytes ---

    def receive_data(self, data: bytes, now: float) -> None:
        """Take bytes that the peer sent; any segmentation gives the same events."""
        if self._session is not None:
            self._session.receive(data, now)
        elif not self._ended:
            self._advance_handshake(data, now)

    def receive_eof(self, detail: str = "end of stream") -> None:
        """The peer's direction of the stream has ended, or the stream broke."""
        if self._session is not None:
            self._session.receive_eof(detail)
        else:
            self._reject("handshake", "peer-closed", detail)

    def data_to_send(self) -> bytes:
        """Return what must be written now, and forget it."""
        out = self._out
        session = self._session
        if session is not None:
            if not session.out and not out:
                return b""
            out += session.out
            session.out.clear()
        elif not out:
            return b""
        data = b"".join(out)
        out.clear()
        return data

    def take(self) -> tuple[bytes, bool]:
        """`data_to_send` and `ended`, for a program that asks for both after each step."""
        session = self._session
        if session is None or self._out:
            return self.data_to_send(), self.ended
        out = session.out
        if not out:
            return b"", session.phase is _CLOSED
        data = b"".join(out)
        out.clear()
        return data, session.phase is _CLOSED

    def next_event(self) -> Event | None:
        """Return the next event, None if there is none."""
        return self.events.popleft() if self.events else None

    # --- time ---

    def next_timer(self) -> float | None:
        """When `handle_timer` must be called, None for never. It may be called earlier."""
        if self._session is not None:
            self._session.refresh_timers()
        return self.timers.next()

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        for timer in self.timers.fire(now):
            if timer is Timer.HANDSHAKE or timer is Timer.FIRST:
                stage = "negotiation" if timer is Timer.FIRST else "handshake"
                self._reject(stage, "timeout", f"the {stage} was not finished in time")
            elif self._session is not None:
                self._session.fire(timer, now)

    def write_blocked(self, since: float | None) -> None:
        """The transport has bytes of this side that the peer does not take.

        Args:
            since: When the oldest of these bytes was handed over; None when all are gone.
        """
        if since is None or self.ended:
            self.timers.disarm(Timer.WRITE)
        else:
            self.timers.arm(Timer.WRITE, since + self._settings.timeouts.write)

    # --- what the program wants ---

    def send_event(self, message: Message) -> int:
        """Send an event and return its number.

        Raises:
            LocalError: The session is not open, or the message cannot be sent.
        """
        session = self._open()
        mid = session.exchange().send_event(message)
        session.after_sending()
        return mid

    def request(self, call: Call, now: float) -> int:
        """Send a request and return its number. `ResponseReceived` or `RequestFailed` follows.

        Raises:
            LocalError: The session is not open, no time is left, or the request cannot be sent.
        """
        session = self._open()
        mid = session.exchange().request(call, now)
        session.after_sending()
        return mid

    def cancel(self, mid: int) -> bool:
        """Give up request `mid`; False if it has ended already."""
        session = self._open()
        cancelled = session.exchange().cancel(mid)
        session.after_sending()
        return cancelled

    def respond(self, mid: int, answer: Answer) -> bool:
        """Answer request `mid` of the peer; False if nobody waits for it any more.

        Raises:
            LocalError: The answer cannot be sent; the peer was told that something failed here.
        """
        if self._session is None or self.ended:
            return False
        try:
            return self._session.answers().respond(mid, answer)
        finally:
            self._session.after_sending()

    def rekey(self, now: float) -> None:
        """Send under a new key from now on.

        Raises:
            LocalError: The session is not open.
        """
        self._open().rekey(now)

    def close(self, now: float) -> None:
        """Close in order. `Closed` follows, at the latest after the drain time-out."""
        if self._session is not None:
            self._session.close(now)
        elif not self._ended:
            self._end_early(Closed(How.LOCAL, None, "closed before it was established", 0, 0, None))

    def abort(self, detail: str = "aborted") -> None:
        """End at once, without a word to the peer."""
        if self._session is not None:
            self._session.abort(detail)
        elif not self._ended:
            self._out.clear()
            self._end_early(Closed(How.LOCAL, None, detail, 0, 0, None))

    def expel(self, reason: str, detail: str) -> None:
        """End at once, without a word, because the peer may not be here any more.

        Args:
            reason: Reason class of the end.
            detail: For people.
        """
        if self._session is not None:
            self._session.expel(reason, detail)
        else:
            self._reject("handshake", reason, detail)

    def set_counter(self, number: int, *, sending: bool, messages: bool = False) -> None:
        """Set the number of a direction's next record, or of its next message; for tests near a limit.

        Raises:
            LocalError: The session is not open, or it cannot be that number.
        """
        self._open().set_counter(number, sending=sending, messages=messages)

    # --- state ---

    @property
    def ended(self) -> bool:
        """Whether the last event has been emitted; what `data_to_send` still has should be written."""
        return self._ended if self._session is None else self._session.phase is _CLOSED

    @property
    def silent(self) -> bool:
        """Whether bytes that were returned by `data_to_send` but not written yet must not be written any more."""
        return self._session is not None and self._session.silent

    @property
    def lingers(self) -> bool:
        """Whether, after the end, bytes that the peer does not take yet are worth waiting for."""
        return self._session is None or self._session.lingers

    @property
    def established(self) -> bool:
        """Whether messages may be sent."""
        return self._session is not None and self._session.phase is _OPEN

    @property
    def late_replies(self) -> int:
        """Responses that came after their request had been given up."""
        return 0 if self._session is None else self._session.answers().late_replies

    # --- handshake ---

    def _advance_handshake(self, data: bytes, now: float) -> None:
        try:
            self._handshake.receive(data)
        except SipcError as error:
            self._take_handshake_output()
            if isinstance(error, BusyError):
                self.retry_after_ms = error.retry_after_ms
            self._reject(
                error.stage if error.stage != "established" else "handshake", error.reason, str(error)
            )
            return
        except Exception as error:  # noqa: BLE001 - whatever a key store or a verifier does, it never admits anybody
            self._reject(
                "handshake", "internal", f"the handshake failed here: {type(error).__name__}: {error}"
            )
            return
        self._take_handshake_output()
        outcome = self._handshake.result
        if outcome is not None:
            self._start_session(outcome, now)

    def _start_session(self, outcome: HandshakeOutcome, now: float) -> None:
        lifetime = self._settings.timeouts.lifetime
        if outcome.peer.valid_until is not None:
            lifetime = min(lifetime, outcome.peer.valid_until - (self._wall_offset + now))
        established = Established(
            outcome.peer.name,
            outcome.peer.kind,
            outcome.local_name,
            outcome.suite.name,
            outcome.version,
            outcome.channel_binding,
        )
        context = self._context
        start = Start(outcome, context.initiator, established, lifetime, context.random, context.count)
        kind = DatagramSession if self._settings.datagram else Session
        session = kind(start, self._settings, self.events, self.timers)
        self._session = session
        trailing = self._handshake.trailing()
        if trailing:
            session.receive(trailing, now)

    def _take_handshake_output(self) -> None:
        data = self._handshake.data_to_send()
        if data:
            # A responder answers the first complete frame, whatever it was.
            self.timers.disarm(Timer.FIRST)
            self._out.append(data)

    def _reject(self, stage: str, reason: str, detail: str) -> None:
        if self._session is not None:
            self._session.reject(reason, detail)
        elif not self._ended:
            self._end_early(Rejected(stage, reason, detail))

    def _end_early(self, last: Rejected | Closed) -> None:
        self._ended = True
        self.timers.clear()
        self.events.append(last)

    def _open(self) -> Session:
        if self._session is None:
            raise LocalError("the connection is not established")
        return self._session
