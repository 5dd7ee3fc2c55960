"""The life of a session after its handshake: confirmation, traffic, rekeying, closing.

    CONFIRMING --READY sent and received--> OPEN --close()--> CLOSING --answers given--> DRAINING --CLOSE--> CLOSED
                                             |                                                                 ^
                                             +--CLOSE received--> ENDING --answers given, CLOSE sent-----------+

Rules of this file. Nothing but READY is sent before ESTABLISHED, and nothing after CLOSE. `_RECORDS` says which
record is legal in which phase and what it does; a record that is not legal ends the session. After a record that
is not authentic, nothing is sent and nothing is delivered, not even what was waiting to be sent.
"""

import contextlib
import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import ClassVar

from sipc.control import (
    Close,
    CloseReason,
    Ready,
    decode_close,
    decode_error,
    decode_ready,
    encode_close,
    encode_error,
    encode_ready,
)
from sipc.envelope import Status
from sipc.errors import IntegrityError, LimitError, LocalError, ProtocolError, SipcError, TruncatedError
from sipc.events import Closed, Event, How, Rejected
from sipc.exchange import Exchange, Outlets
from sipc.fragments import Reassembler, split
from sipc.records import MAX_PAYLOAD, WHOLE, Record, RecordOpener, RecordSealer, RecordType
from sipc.session_parts import Phase as Phase
from sipc.session_parts import Start as Start
from sipc.settings import Settings
from sipc.timers import ArmedTimers, Timer

_PING_TOKEN = 8
# Read for every record; reading a member of an enumeration costs several times as much.
_MSG = RecordType.MSG
_PROBE, _IDLE, _REQUEST, _REASSEMBLY = Timer.PROBE, Timer.IDLE, Timer.REQUEST, Timer.REASSEMBLY
# A peer that goes on sending but answers no PING is given up after this many.
_MOST_PINGS = 8


_OPEN, _CLOSED = Phase.OPEN, Phase.CLOSED
# Phases in which this side may still send records.
_TALKING = frozenset({Phase.OPEN, Phase.CLOSING})
# Phases in which the peer may still send records.
_LISTENING = frozenset({Phase.OPEN, Phase.CLOSING, Phase.DRAINING})
_DEAF = frozenset({Phase.ENDING, Phase.CLOSED})
_CLOSES_WHEN_ANSWERED = frozenset({Phase.CLOSING, Phase.ENDING})
# Records that may come between the fragments of a message.
_MAY_INTERRUPT = frozenset({RecordType.MSG, RecordType.ERROR})


class Session:
    """Records and messages of one connection, in both directions.

    Attributes:
        phase: Where the session stands.
        silent: It ended in a way after which nothing may be written, whatever was waiting.
        out: Frames that wait to be sent; whoever sends them clears it.
        lingers: After the end, bytes that the peer does not take yet are worth waiting for.

    Args:
        start: The handshake's outcome.
        settings: The program's decisions.
        events: Where events go.
        timers: The connection's timers.
    """

    def __init__(self, start: Start, settings: Settings, events: deque[Event], timers: ArmedTimers) -> None:
        self.phase = Phase.CONFIRMING
        self.silent = False
        self.lingers = True
        self._start = start
        self._settings = settings
        self._idle = settings.timeouts.idle
        self._heard = -math.inf
        # A frame up to this length cannot hold a message that is too long.
        self._usual = settings.max_message
        self._events = events
        self._timers = timers
        self._make_directions()
        self._reassembler = Reassembler(settings.max_message)
        self._exchange = self._EXCHANGE(
            Outlets(self._post, events.append, start.random, start.count),
            max_inflight=settings.max_inflight,
            verifies=settings.verifies,
        )
        self.out: list[bytes] = []
        self._peer = Ready()
        self._rekey_after = settings.rekey_after_records
        self._pings: deque[bytes] = deque()
        self._ping_count = 0
        self._close_reason = CloseReason.NORMAL
        self._acknowledged: int | None = None
        self._requests_due = math.inf
        if start.announces:
            self._announce()

    _EXCHANGE: ClassVar[type[Exchange]] = Exchange

    def _make_directions(self) -> None:
        self._sealer = RecordSealer(self._start.outcome.send)
        self._opener = RecordOpener(self._start.outcome.receive)

    # --- bytes ---

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes of the peer. What they break ends the session and is told by events."""
        if self.phase is not _OPEN and self.phase in _DEAF:
            return
        try:
            if self.phase is not _OPEN or self._pings or self._reassembler.active or len(data) > self._usual:
                message = None
            else:
                message = self._opener.whole_message(data)
            if message is None:
                for record in self._opener.feed(data):
                    self._on_record(record, now)
            else:
                # The same as for any record, without the questions that have been answered above.
                self._heard = now
                self._exchange.receive(message, now, refuse=None)
        except SipcError as error:
            self._fail(error)
        if self._exchange.due < self._requests_due:
            self._arm_requests()

    def receive_eof(self, detail: str) -> None:
        """The stream has ended."""
        if self.phase is Phase.CLOSED:
            return
        if self.phase is Phase.ENDING:
            # The peer's side was complete; only answers to it are lost.
            self._end(How.CLEAN, "peer-closed", f"answers were not taken: {detail}")
            return
        self._fail(TruncatedError(f"the stream ended before CLOSE: {detail}"))

    # --- what the program asks for ---

    def exchange(self) -> Exchange:
        """The messages of this session, to send one.

        Raises:
            LocalError: The session is not open.
        """
        if self.phase is not _OPEN:
            raise LocalError(f"the session is {self.phase.value}, not open", reason="peer-closed")
        return self._exchange

    def answers(self) -> Exchange:
        """The messages of this session, to answer one; also while it closes."""
        return self._exchange

    def after_sending(self) -> None:
        """Something was sent or answered: keep timers and closing in step with it."""
        if self._exchange.due < self._requests_due:
            self._arm_requests()
        if self.phase is not _OPEN:
            self._close_when_answered()

    def rekey(self, now: float) -> None:
        """Send under a new key from now on."""
        self._rekey(now)

    def close(self, now: float, reason: CloseReason = CloseReason.NORMAL) -> None:
        """Close in order: give the answers that are owed, say CLOSE, wait for the peer's."""
        if self.phase is Phase.CONFIRMING:
            self._end(How.LOCAL, None, "closed before it was established")
        elif self.phase is Phase.OPEN:
            self.phase = Phase.CLOSING
            self._close_reason = reason
            self._timers.arm(Timer.DRAIN, now + self._settings.timeouts.drain)
            self._close_when_answered()

    def reject(self, reason: str, detail: str) -> None:
        """End a session that has not been confirmed."""
        self._end(How.ERROR, reason, detail)

    def abort(self, detail: str) -> None:
        """End without a word."""
        self._hush()
        self._end(How.LOCAL, None, detail)

    def expel(self, reason: str, detail: str) -> None:
        """End without a word because the peer may not be here any more."""
        self._hush()
        self._end(How.ERROR, reason, detail)

    def set_counter(self, number: int, *, sending: bool, messages: bool = False) -> None:
        """Set the number of a direction's next record, or of its next message; for tests near a limit.

        Raises:
            LocalError: It cannot be that number.
        """
        if messages:
            self._exchange.set_number(number, sending=sending)
        else:
            (self._sealer if sending else self._opener).set_number(number)

    # --- receiving records ---

    def _on_record(self, record: Record, now: float) -> None:
        kind, flags, payload = record
        self._heard = now
        if kind == _MSG and self.phase is _OPEN and not self._pings:
            self._on_message(flags, payload, now)
            return
        self._timers.disarm(_PROBE)
        self._timers.arm(_IDLE, now + self._idle)
        rule = self._RECORDS.get(kind)
        if rule is None:
            # An ignorable type; but nothing at all may come before READY.
            if self.phase is Phase.CONFIRMING:
                raise ProtocolError("the first record is not READY")
            return
        handler, legal = rule
        if self.phase not in legal:
            raise ProtocolError(f"a {RecordType(kind).name} record is not legal while {self.phase.value}")
        if self._reassembler.active and kind not in _MAY_INTERRUPT:
            raise ProtocolError("a record interrupts a message")
        getattr(self, handler)(flags, bytes(payload), now)

    def _on_ready(self, _flags: int, payload: bytes, now: float) -> None:
        self._peer = decode_ready(payload)
        self._exchange.peer_max_inflight = self._peer.max_inflight
        self._rekey_after = min(self._rekey_after, self._peer.rekey_after_records)
        if not self._start.announces:
            self._announce()
        self.phase = Phase.OPEN
        timeouts = self._settings.timeouts
        self._timers.disarm(Timer.HANDSHAKE)
        self._timers.arm(Timer.LIFETIME, now + self._start.lifetime)
        self._timers.arm(Timer.REKEY, now + timeouts.rekey)
        self._events.append(self._start.established)

    def _on_message(self, flags: int, payload: bytes | memoryview, now: float) -> None:
        message = self._reassembler.add(flags, payload)
        if message is None:
            if not self._timers.is_armed(_REASSEMBLY):
                self._timers.arm(_REASSEMBLY, now + self._settings.timeouts.reassembly)
            return
        self._timers.disarm(_REASSEMBLY)
        refuse = None if self.phase is _OPEN else Status.UNAVAILABLE
        self._exchange.receive(message, now, refuse=refuse)

    def _on_ping(self, _flags: int, payload: bytes, _now: float) -> None:
        if len(payload) != _PING_TOKEN:
            raise ProtocolError("PING does not carry eight bytes")
        if self.phase in _TALKING:
            self._rekey_if_due()
            self.out.append(self._sealer.seal(RecordType.PONG, payload))

    def _on_pong(self, _flags: int, payload: bytes, _now: float) -> None:
        if not self._pings or self._pings.popleft() != payload:
            raise ProtocolError("PONG does not answer our PING")

    def _on_rekey(self, _flags: int, payload: bytes, _now: float) -> None:
        if payload:
            raise ProtocolError("REKEY carries something")
        self._opener.rekey()

    def _on_close(self, _flags: int, payload: bytes, now: float) -> None:
        close = decode_close(payload)
        if close.sent != self._exchange.received:
            raise ProtocolError(f"CLOSE counts {close.sent} messages, {self._exchange.received} arrived")
        self._on_counted_close(close, now)

    def _on_counted_close(self, close: Close, now: float) -> None:
        """The counts of a CLOSE are right."""
        if close.processed > self._exchange.sent:
            raise ProtocolError("CLOSE acknowledges messages that were not sent")
        self._acknowledged = close.processed
        self._opener.end()
        if self.phase is Phase.DRAINING:
            self._finish_local()
            return
        self.phase = Phase.ENDING
        self._timers.disarm(Timer.IDLE)
        self._timers.disarm(Timer.PROBE)
        self._timers.arm_earlier(Timer.DRAIN, now + self._settings.timeouts.drain)
        self._close_when_answered()

    def _on_error(self, _flags: int, payload: bytes, _now: float) -> None:
        code = decode_error(payload)
        self._opener.end()
        reason = "limit" if code == Status.TOO_LARGE else "protocol"
        self._end(How.ERROR, reason, f"the peer reported error {code}")

    # --- sending records ---

    def _announce(self) -> None:
        self.out.append(self._sealer.seal(RecordType.READY, encode_ready(self._settings.ready())))

    def _post(self, pieces: Sequence[bytes]) -> None:
        """Put one message into records."""
        size = sum(map(len, pieces))
        if size > self._peer.max_message:
            raise LocalError(
                f"a message of {size} bytes; the peer takes {self._peer.max_message}", reason="limit"
            )
        sealer = self._sealer
        self._rekey_if_due()
        if sealer.numbers_left() <= size // MAX_PAYLOAD + 1:
            self._out_of_numbers()
            raise LocalError("all record numbers are used up", reason="limit")
        if size <= MAX_PAYLOAD:
            self.out += sealer.seal_pieces(_MSG, WHOLE, pieces, size)
            return
        for flags, payload in split(b"".join(pieces)):
            self.out += sealer.seal_pieces(_MSG, flags, (payload,), len(payload))

    def _out_of_numbers(self) -> None:
        """End in order while there is still a number for CLOSE: numbers never repeat and never wrap."""
        self._close_reason = CloseReason.LIFETIME
        self._say_close()
        self._end(How.LOCAL, "limit", "all record numbers are used up")

    def _rekey_if_due(self) -> None:
        sealer = self._sealer
        if sealer.records >= self._rekey_after - 1 or sealer.octets >= self._settings.rekey_after_octets:
            self.out.append(sealer.rekey())

    def _rekey(self, now: float) -> None:
        if self.phase not in _TALKING:
            return
        self.out.append(self._sealer.rekey())
        self._timers.arm(Timer.REKEY, now + self._settings.timeouts.rekey)

    def _close_when_answered(self) -> None:
        """Say CLOSE once no answer is owed any more."""
        if self.phase in _CLOSES_WHEN_ANSWERED and not self._exchange.owes_answers():
            self._say_close()
            if self.phase is Phase.ENDING:
                self._end(How.CLEAN, "peer-closed", "the peer closed")
            else:
                self.phase = Phase.DRAINING

    def _say_close(self) -> None:
        close = Close(self._close_reason, self._exchange.sent, self._exchange.processed)
        self._say_last(RecordType.CLOSE, encode_close(close))
        self._sealer.end()
        self._exchange.muted = True

    def _say_last(self, kind: RecordType, payload: bytes) -> None:
        """Say the last record of this direction; where no number is left for it, the stream just ends."""
        with contextlib.suppress(LocalError):
            self.out.append(self._sealer.seal(kind, payload))

    # --- timers ---

    def fire(self, timer: Timer, now: float) -> None:
        """A timer of this session is due."""
        try:
            self._TIMERS[timer](self, now)
        except SipcError as error:
            self._fail(error)
        self.refresh_timers()

    def _on_idle(self, now: float) -> None:
        if now < self._heard + self._idle:
            # Messages do not move this timer; it is found out here that some have come.
            self._timers.arm(_IDLE, self._heard + self._idle)
            return
        if self.phase not in _TALKING:
            return
        if len(self._pings) >= _MOST_PINGS:
            self._on_probe(now)
            return
        self._rekey_if_due()
        token = self._ping_count.to_bytes(_PING_TOKEN)
        self._ping_count += 1
        self._pings.append(token)
        self.out.append(self._sealer.seal(RecordType.PING, token))
        self._timers.arm(Timer.PROBE, now + self._settings.timeouts.probe)

    def _on_probe(self, _now: float) -> None:
        self._end(How.ERROR, "timeout", "the peer did not answer a PING")

    def _on_write(self, _now: float) -> None:
        self._hush()
        self._end(How.ERROR, "timeout", "the peer does not read")

    def _on_reassembly(self, _now: float) -> None:
        self._fail(LimitError("a message was not completed in time", reason="timeout"))

    def _on_request(self, now: float) -> None:
        self._exchange.expire(now)
        self._close_when_answered()

    def _on_lifetime(self, now: float) -> None:
        if self.phase is Phase.OPEN:
            self.close(now, CloseReason.LIFETIME)

    def _on_drain(self, _now: float) -> None:
        self.lingers = False
        if self.phase is Phase.DRAINING:
            self._end(How.LOCAL, "timeout", "the peer did not close in time")
            return
        ending = self.phase is Phase.ENDING
        self._exchange.drop_owed()
        self._say_close()
        if ending:
            self._end(How.CLEAN, "peer-closed", "answers were not ready in time")
        else:
            self._end(How.LOCAL, "timeout", "answers were not ready in time")

    def _arm_requests(self) -> None:
        """Have the timer of requests fire early enough; what it was armed for may have been settled since."""
        due = self._exchange.due
        if due < self._requests_due and self.phase is not _CLOSED:
            self._requests_due = due
            self._timers.arm(_REQUEST, due)

    def refresh_timers(self) -> None:
        """Arm the timers that messages move, or may have settled, for exactly the time when they are due."""
        if self.phase is _CLOSED:
            return
        if self._timers.is_armed(_IDLE):
            self._timers.arm(_IDLE, self._heard + self._idle)
        deadline = self._exchange.next_deadline()
        self._requests_due = self._exchange.due
        if deadline is None:
            self._timers.disarm(_REQUEST)
        else:
            self._timers.arm(_REQUEST, deadline)

    # --- the end ---

    def _finish_local(self) -> None:
        expired = self._close_reason is CloseReason.LIFETIME
        self._end(How.LOCAL, "expired" if expired else None, "closed")

    def _fail(self, error: SipcError) -> None:
        if isinstance(error, IntegrityError):
            self._hush()
        elif self.phase in _TALKING and not isinstance(error, (TruncatedError, LocalError)):
            code = Status.TOO_LARGE if error.reason == "limit" else Status.PROTOCOL
            ref = self._start.random(_PING_TOKEN)
            self._say_last(RecordType.ERROR, encode_error(code, ref))
        how = How.TRUNCATED if isinstance(error, TruncatedError) else How.ERROR
        self._end(how, error.reason, str(error))

    def _hush(self) -> None:
        self.silent = True
        self.out.clear()

    def _end(self, how: How, reason: str | None, detail: str) -> None:
        if self.phase is Phase.CLOSED:
            return
        confirmed = self.phase is not Phase.CONFIRMING
        self.phase = Phase.CLOSED
        self._sealer.end()
        self._opener.end()
        self._reassembler.clear()
        self._timers.clear()
        exchange = self._exchange
        exchange.muted = True
        exchange.end(reason or "peer-closed", self._acknowledged)
        if confirmed or how is How.LOCAL:
            counts = (exchange.sent, exchange.received, self._acknowledged)
            self._events.append(Closed(how, reason, detail, *counts))
            return
        if how is How.TRUNCATED:
            # Silence is how a peer refuses; nothing was ever delivered that could have been cut.
            reason = "peer-closed"
        self.out.clear()
        self._events.append(Rejected("handshake", reason or "unspecified", detail))

    # Record -> name of the method that handles it, and the phases in which it is legal.
    _RECORDS: ClassVar[dict[int, tuple[str, frozenset[Phase]]]] = {
        RecordType.READY: ("_on_ready", frozenset({Phase.CONFIRMING})),
        RecordType.MSG: ("_on_message", _LISTENING),
        RecordType.PING: ("_on_ping", _LISTENING),
        RecordType.PONG: ("_on_pong", _LISTENING),
        RecordType.REKEY: ("_on_rekey", _LISTENING),
        RecordType.CLOSE: ("_on_close", _LISTENING),
        RecordType.ERROR: ("_on_error", _LISTENING),
    }

    _TIMERS: ClassVar[dict[Timer, Callable[["Session", float], None]]] = {
        Timer.IDLE: _on_idle,
        Timer.PROBE: _on_probe,
        Timer.WRITE: _on_write,
        Timer.REASSEMBLY: _on_reassembly,
        Timer.REQUEST: _on_request,
        Timer.LIFETIME: _on_lifetime,
        Timer.REKEY: _rekey,
        Timer.DRAIN: _on_drain,
    }
