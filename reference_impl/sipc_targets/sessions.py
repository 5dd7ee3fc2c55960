"""Targets for whole sessions: the reference's connection in memory and in virtual time, the other side beneath the keys.

An input is a list of steps (`session_steps`). Whatever the steps are, nothing raises, the last event is the last, what is
sent is of docs/sipc1.md, and a fault in the key schedule ends the session in silence before anything more is delivered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.mutate.schema import Schema
from ipc_gauntlet.fuzz.mutate.sequence import Call as StepCall
from ipc_gauntlet.fuzz.mutate.sequence import number
from sipc.connection import Connection
from sipc.errors import LocalError
from sipc.events import (
    Closed,
    Event,
    How,
    MessageReceived,
    MessageRefused,
    Rejected,
    RequestReceived,
    ResponseReceived,
)
from sipc.exchange import Answer
from sipc.rpc import Call, Message
from sipc.session_parts import Phase
from sipc.settings import Settings
from sipc_targets import session_seeds
from sipc_targets.material import START
from sipc_targets.session_peer import SessionPeer
from sipc_targets.session_settling import Settling
from sipc_targets.session_steps import FAULT_NAMES, HONEST, SESSION
from sipc_targets.snapshots import SUITES, connection, snapshot
from sipc_targets.streams import pieces
from sipc_targets.violations import (
    DeliveredAfterFault,
    EventsAfterEnd,
    FaultAccepted,
    FaultEndedSession,
    OutOfOrder,
    SegmentationMatters,
    SpokeAfterSilence,
    TimerAfterEnd,
)

_MOST_PIECES = 256
_HONEST = frozenset(step.name for step in HONEST) | {"large"}
_DELIVERIES = (MessageReceived, MessageRefused, RequestReceived, ResponseReceived)
_LISTENING = frozenset({Phase.CONFIRMING, Phase.OPEN, Phase.CLOSING, Phase.DRAINING})
_LONG_MS = 3_600_000


class SessionEnded(Exception):
    """The session did not end well; `reason` is its reason class."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Play:
    """One session.

    Args:
        values: Suite and settings, as numbers.
        role: The reference's: whether it is the initiator.
        datagram: Whether the session is of profile D.

    Attributes:
        size: In pieces of this many bytes everything arrives, whatever the steps say; None as they say.
        outcome: The names of what happened, once it is finished.
    """

    def __init__(self, values: tuple[int, ...], *, role: bool, datagram: bool) -> None:
        suite, flags = SUITES[values[0] % len(SUITES)], values[1]
        settings = Settings(
            max_message=1024 if flags & 1 else 1 << 16,
            max_inflight=1 if flags & 1 else 8,
            rekey_after_records=3 if flags & 2 else 1 << 20,
            datagram=datagram,
            epoch_bits=4,
            verifies=bool(flags & 4),
        )
        shot = snapshot(suite, initiator=role, datagram=datagram)
        self.peer = SessionPeer(shot, datagram=datagram)
        self.connection: Connection = connection(shot, settings, initiator=role)
        self.datagram = datagram
        self.now = START
        self.events: list[Event] = []
        self.outcome: tuple[str, ...] = ()
        self.size: int | None = None
        self._size = 0
        self._garbled = False
        self._open: list[int] = []
        self._mine: list[int] = []
        self._settling = Settling()
        self._latest = -1
        self._take()

    # --- one step ---

    def step(self, call: StepCall) -> None:
        """Do what a step says."""
        name, body = call.step.name, call.body
        if name in FAULT_NAMES:
            self._fault(name, self.peer.fault(name, body))
        elif name in _HONEST:
            self._receive(self.peer.honest(name, body))
        elif name == "raw":
            self._raw(body[:256])
        elif name == "pieces":
            self._size = number(body, 0, 63)
        else:
            _LOCAL[name](self, body)
        self._take()

    @property
    def phase(self) -> Phase | None:
        """Where the session stands."""
        session = self.connection._session  # noqa: SLF001 - decides what has to follow
        return None if session is None else session.phase

    def _receive(self, data: bytes) -> None:
        before = len(self.events)
        size = self._size if self.size is None else self.size
        # However long a record is: one step must not take the time of thousands.
        for piece in pieces(data, max(size, len(data) // _MOST_PIECES) if size else 0):
            self.connection.receive_data(piece, self.now)
        self._collect()
        if self._garbled and not self.datagram:
            self._nothing_delivered(before, "behind bytes that are no record")

    def _raw(self, data: bytes) -> None:
        before = len(self.events)
        self._garbled = self._garbled or bool(data)
        self._receive(data)
        self._nothing_delivered(before, "bytes that are no record")

    def _fault(self, name: str, data: bytes) -> None:
        if not data:
            return
        before, phase, garbled = len(self.events), self.phase, self._garbled
        timer = self.connection.next_timer()
        self._receive(data)
        self._nothing_delivered(before, name)
        if name == "replayed_handshake":
            self._garbled = True
        if garbled or phase not in _LISTENING:
            return
        if self.datagram:
            if name != "replayed_handshake" and (self.phase, self.connection.next_timer()) != (phase, timer):
                raise FaultEndedSession(f"{name}: {phase} became {self.phase}, or a timer moved")
            return
        last = self.events[-1] if self.events else None
        if not isinstance(last, (Closed, Rejected)) or not self.connection.ended:
            raise FaultAccepted(f"{name} while {phase}")
        if last.reason != "integrity" and name != "skipped_rekey":
            raise FaultAccepted(f"{name} while {phase} was taken for {last.reason}")

    def _nothing_delivered(self, before: int, what: str) -> None:
        for event in self.events[before:]:
            if isinstance(event, _DELIVERIES):
                raise DeliveredAfterFault(f"{what}: {type(event).__name__}")

    # --- what came of it ---

    def _take(self) -> None:
        """Take what is to be sent and what is to be told."""
        silent = self.connection.silent
        data, ended = self.connection.take()
        if data and silent:
            raise SpokeAfterSilence(f"{len(data)} bytes")
        if ended != self.connection.ended or (ended and self.connection.established):
            raise EventsAfterEnd("`take`, `ended` and `established` disagree")
        self.peer.hear(data)
        self._collect()

    def _collect(self) -> None:
        while (event := self.connection.next_event()) is not None:
            if self.events and isinstance(self.events[-1], (Closed, Rejected)):
                raise EventsAfterEnd(f"{type(event).__name__} behind {type(self.events[-1]).__name__}")
            self.events.append(event)
            if isinstance(event, RequestReceived):
                self._open.append(event.mid)
            self._settling.note(event)
            if isinstance(event, (RequestReceived, MessageReceived)) and not self.datagram:
                if event.envelope.mid <= self._latest:
                    raise OutOfOrder(f"message {event.envelope.mid} behind {self._latest}")
                self._latest = event.envelope.mid

    def finish(self) -> None:
        """The steps are over.

        Raises:
            SessionEnded: The session has ended with an error.
        """
        told = tuple(self.events)
        self._check_end()
        # Whatever is left: timers do nothing to a session that has ended, and none fires for ever.
        self.wait(_LONG_MS / 1000)
        self._take()
        self._check_end()
        last = told[-1] if told else None
        if isinstance(last, Rejected) or (
            isinstance(last, Closed) and last.how in (How.ERROR, How.TRUNCATED)
        ):
            raise SessionEnded(last.reason or "unspecified")
        self.outcome = tuple(type(event).__name__ for event in told)

    def _check_end(self) -> None:
        """What holds for a session that has ended."""
        if self.connection.ended:
            self._settling.check()
            if (due := self.connection.next_timer()) is not None:
                raise TimerAfterEnd(f"at {due}")

    # --- what happens on this side ---

    def wait(self, seconds: float) -> None:
        """Let time pass, one timer after the other."""
        until = self.now + seconds
        for _ in range(16):
            due = self.connection.next_timer()
            if due is None or due > until:
                break
            self.now = max(self.now, due)
            self.connection.handle_timer(self.now)
        self.now = until

    def due(self) -> None:
        """Let the next timer fire."""
        due = self.connection.next_timer()
        if due is not None:
            self.now = max(self.now, due)
            self.connection.handle_timer(self.now)

    def send(self, body: bytes) -> None:
        """Send an event."""
        self.connection.send_event(Message("app.message", body))

    def request(self, body: bytes) -> None:
        """Send a request."""
        call = Call("app.echo", body[2:], budget_ms=number(body, 1, 60_000))
        mid = self.connection.request(call, self.now)
        self._mine.append(mid)
        self._settling.asked(mid)

    def answer(self, body: bytes) -> None:
        """Answer the oldest request."""
        if self._open:
            status = body[0] if body else 0
            answer = Answer(status, None if status else body[1:])
            mid = self._open.pop(0)
            # Taken before: what it does may end the session, and then everything has to be settled.
            self._settling.answering(mid)
            if not self.connection.respond(mid, answer):
                self._settling.too_late(mid)

    def cancel(self, body: bytes) -> None:
        """Give a request up."""
        if self._mine:
            self.connection.cancel(self._mine.pop(number(body) % len(self._mine)))

    def set_counter(self, body: bytes) -> None:
        """Go near the last number, sending; the other side cannot follow the same way receiving."""
        if not self.datagram and len(body) > 2 and body[2] & 1:
            highest = (1 << 64) - 2 - number(body, 0, 7)
            self.connection.set_counter(highest, sending=True)
            self.peer.follow(highest)


def _careful(act: Callable[[Play, bytes], object]) -> Callable[[Play, bytes], None]:
    """What a program asks for may be impossible now; it is told so."""

    def run(play: Play, body: bytes) -> None:
        try:
            act(play, body)
        except LocalError:
            return

    return run


_LOCAL: dict[str, Callable[[Play, bytes], None]] = {
    "wait": lambda play, body: play.wait(number(body) / 1000),
    "due": lambda play, body: play.due(),
    "send_event": _careful(lambda play, body: play.send(body)),
    "send_request": _careful(lambda play, body: play.request(body)),
    "answer": _careful(lambda play, body: play.answer(body)),
    "cancel": _careful(lambda play, body: play.cancel(body)),
    "rekey_here": _careful(lambda play, body: play.connection.rekey(play.now)),
    "close_here": lambda play, body: play.connection.close(play.now),
    "send_large": _careful(lambda play, body: play.send(bytes(4 * number(body)))),
    "abort_here": lambda play, body: play.connection.abort(),
    "expel_here": lambda play, body: play.connection.expel("revoked", "shut out"),
    "end_of_stream": lambda play, body: play.connection.receive_eof(),
    "blocked": lambda play, body: play.connection.write_blocked(play.now if number(body) & 1 else None),
    "set_counter": _careful(lambda play, body: play.set_counter(body)),
}


# Most lists of steps that begin anywhere end at once; half of those that are made are ones that go on.
_STRUCTURE = Schema(SESSION.schema.field, session_seeds.sessions)


_IN_PIECES = 8
"""Among the settings: the same steps are played once more, byte by byte, long records in 256 pieces."""


_INITIATOR = 16
"""Among the settings of a target for both roles: the reference is the initiator."""


def _player(*, role: bool | None, datagram: bool) -> Callable[[bytes], tuple[str, ...]]:
    """Plays lists of steps; in the role that the settings say if none is given."""

    def once(data: bytes, size: int | None) -> Play:
        values = SESSION.values(data)
        mine = bool(values[1] & _INITIATOR) if role is None else role
        playing = Play(values, role=mine, datagram=datagram)
        playing.size = size
        for call in SESSION.decode(data):
            playing.step(call)
            if playing.connection.ended:
                break
        return playing

    def play(data: bytes) -> tuple[str, ...]:
        playing = once(data, None)
        if SESSION.values(data)[1] & _IN_PIECES:
            _same(playing.events, once(data, 1).events)
        playing.finish()
        return playing.outcome

    return play


def _same(some: list[Event], others: list[Event]) -> None:
    """Hold what was told of the same bytes against each other (section 1, rule 5)."""
    if some != others:
        first = next(
            (at for at, (one, other) in enumerate(zip(some, others, strict=False)) if one != other), -1
        )
        names = [type(events[first]).__name__ if events else "nothing" for events in (some, others)]
        raise SegmentationMatters(f"{names[0]} at once, {names[1]} byte by byte")


_MARKS = (
    "sipc.session:Session._on_ready",
    "sipc.session:Session._on_message",
    "sipc.session:Session._on_ping",
    "sipc.session:Session._on_error",
    "sipc.session:Session._on_counted_close",
    "sipc.session:Session._hush",
    "sipc.exchange:Exchange._requested",
    "sipc.exchange:Exchange._cancelled",
    "sipc.exchange:Exchange._unsupported",
    "sipc.rpc:OpenCalls.settle",
    "sipc.connection:Connection.handle_timer",
)
_MEASURED = (
    "sipc.session",
    "sipc.connection",
    "sipc.exchange",
    "sipc.records",
    "sipc.fragments",
    "sipc.control",
    "sipc.envelope",
    "sipc.shapes",
    "sipc.rpc",
    "sipc.timers",
)


def targets() -> Iterator[Target]:
    """Both roles, and profile D."""
    stream = (
        *_MARKS,
        "sipc.session:Session._on_rekey",
        "sipc.session:Session._on_pong",
        "sipc.fragments:Reassembler.add",
    )
    for role in (True, False):
        name = "initiator" if role else "responder"
        yield Target(
            name=f"sipc.session.{name}",
            title=f"A session of the {name} behind a real handshake: messages beneath the keys, and a broken key schedule.",
            layer="sequence",
            parse=_player(role=role, datagram=False),
            rejects=(SessionEnded,),
            measured=_MEASURED,
            seeds=session_seeds.sessions,
            tokens=session_seeds.TOKENS,
            structure=_STRUCTURE,
            reach=stream,
        )
    yield Target(
        name="sipc.session.datagram",
        title="A session of profile D, in either role: what is repeated, forged or under a wrong key is dropped and changes nothing.",
        layer="sequence",
        parse=_player(role=None, datagram=True),
        rejects=(SessionEnded,),
        measured=(
            "sipc.datagram_session",
            "sipc.datagram",
            "sipc.replay_window",
            "sipc.session",
            "sipc.exchange",
            "sipc.rpc",
            "sipc.connection",
        ),
        seeds=session_seeds.sessions,
        tokens=session_seeds.TOKENS,
        structure=_STRUCTURE,
        reach=(
            *(
                mark
                for mark in _MARKS
                if mark not in ("sipc.session:Session._on_ping", "sipc.session:Session._hush")
            ),
            "sipc.datagram_session:DatagramSession._on_close",
            "sipc.datagram_session:DatagramSession._on_record",
            "sipc.datagram:DatagramOpener._authentic",
        ),
    )
