"""Targets for whole handshakes, in both roles: the harness's peer holds the keys, and breaks what its steps say.

An input is a list of steps. Some say what the peer does wrong, whenever it comes to it (`QUIRKS`); the others are done
in order (`ACTIONS`): frames that are delivered, again, cut in pieces, left out. Whatever they are, nothing raises, and a
session is established only with a peer that proved what it has to prove.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.mutate.schema import Bytes, Int, Span
from ipc_gauntlet.fuzz.mutate.sequence import Call, Sequence, Step, number
from ipc_gauntlet.peer import LOW_ORDER, Autopilot, Outgoing, Quirks
from ipc_gauntlet.peer.noise import NoiseError
from ipc_gauntlet.peer.suites import SUITES as PEER_SUITES
from sipc.connection import Connection, Context
from sipc.errors import LocalError
from sipc.events import Closed, Established, Event, Rejected
from sipc.framing import encode_frame
from sipc.handshake import Responder
from sipc.handshake_payload import encode_certificates
from sipc.negotiation import Offer, Reject, Selection, encode_retry
from sipc.settings import Settings
from sipc.suites import Mode
from sipc_targets import seeds, wire
from sipc_targets.chains import OTHER_KEY, OTHER_NAME, other_leaf
from sipc_targets.material import START, material, names
from sipc_targets.sessions import SessionEnded
from sipc_targets.snapshots import SUITES, parties
from sipc_targets.streams import pieces
from sipc_targets.violations import EventsAfterEnd, FaultAccepted, InternalFailure, NotAuthenticated

_VERSION = Int("version", samples=(1, 127))
_SUITE = Int("suite", 2, samples=SUITES)

QUIRKS = (
    Step("offer", (Span("", wire.only(0)),), often=3),
    Step("body", (Int("which", high=1), wire.CERTIFICATES), often=2),
    Step("names", (wire.NAMES,)),
    Step("payload", (Span("", wire.payload(wire.CERTIFICATES)),), often=2),
    Step("payload1", (Bytes("payload", low=1, high=40),)),
    Step("psk", (Bytes("key", size=32),)),
    Step("static_private", (Bytes("key", size=32),)),
    Step("low_order_static", (Int("which", 2, high=len(LOW_ORDER) - 1),)),
    Step("low_order_ephemeral", (Int("which", 2, high=len(LOW_ORDER) - 1),)),
    Step("application", (Bytes("prologue", samples=(b"SIPC/1", b"SIPC/127", b"SIPC/1 D", b"")),)),
    Step("prologue", (Bytes("prologue", high=64),)),
    Step("tag_bytes", (Int("bytes", high=15),)),
    Step("tag_flip", (Int("bits", low=1),)),
    Step("tail", (Bytes("tail", low=1, high=64),)),
    Step("message_negotiation", (Bytes("negotiation", samples=(b"SIPC", b"SIPC\2\1\0\1")),)),
    Step("message1", (Bytes("message", low=0, high=96),)),
    Step("cipher"),
    Step("hash_name", (_SUITE,)),
    Step("key_name", (_SUITE,)),
    Step("retry", (_VERSION, _SUITE)),
    Step("second_retry"),
    Step("choice", (_VERSION, _SUITE)),
    Step("accept_as", (_VERSION, _SUITE)),
    Step("reject", (Int("code", samples=(1, 2, 3)), Int("retry_after_ms", 2))),
    Step("reserved", (Bytes("value", size=3),)),
    Step("trailing", (Bytes("bytes", low=1, high=8),)),
)
"""What the peer does wrong."""

ACTIONS = (
    Step("deliver", often=4),
    Step("again"),
    Step("leave_out"),
    Step("swap"),
    Step("raw", (Bytes("bytes", high=40),)),
    Step("frame", (wire.HANDSHAKE_FRAME,)),
    Step("early_ready"),
    Step("pieces", (Int("size", 2, samples=(0, 1, 2, 5)),)),
    Step("wait", (Int("ms", 2, samples=(1, 2000, 5000)),)),
    Step("end_of_stream"),
    Step("close_here"),
    Step("abort_here"),
    Step("expel_here"),
    Step("busy", (Int("ms", 2),)),
)
"""What is done in order; new ones go to the end, since the numbers stand in regression cases."""

HANDSHAKE = Sequence((*QUIRKS, *ACTIONS), most=16, prefix=(Int("suite", high=4),), samples=lambda: _seeds())
_ACTIONS = frozenset(step.name for step in ACTIONS)
_MOST_DELIVERIES = 16


@dataclass(slots=True)
class Broken:
    """What the peer is going to do wrong.

    Attributes:
        quirks: As the peer takes it.
        fatal: Names of what no handshake may survive.
    """

    quirks: Quirks
    fatal: set[str]

    def negotiation(self, **changes: object) -> None:
        """Change how it negotiates."""
        changed = replace(self.quirks.negotiation, **changes)  # type: ignore[arg-type]  # as declared there
        self.quirks = replace(self.quirks, negotiation=changed)

    def handshake(self, **changes: object) -> None:
        """Change how it shakes hands."""
        changed = replace(self.quirks.handshake, **changes)  # type: ignore[arg-type]  # as declared there
        self.quirks = replace(self.quirks, handshake=changed)

    def certificate(self, **changes: object) -> None:
        """Change who it claims to be."""
        changed = replace(self.quirks.certificate, **changes)  # type: ignore[arg-type]  # as declared there
        self.quirks = replace(self.quirks, certificate=changed)


def _pair(body: bytes) -> tuple[int, int]:
    return int.from_bytes(body[:1]), int.from_bytes(body[1:3])


def _name_of(body: bytes) -> str:
    suite = PEER_SUITES.get(number(body))
    return suite.name if suite is not None else "Noise_XX_25519_ChaChaPoly_SHA512"


_APPLY: dict[str, Callable[[Broken, bytes], None]] = {
    "offer": lambda broken, body: broken.negotiation(offer=body[:362]),
    "body": lambda broken, body: broken.certificate(body=body[1:8192]),
    "names": lambda broken, body: broken.certificate(body=body[:8192]),
    "payload": lambda broken, body: broken.handshake(payload=body[:8192]),
    "payload1": lambda broken, body: broken.handshake(payload1=body[:64]),
    "psk": lambda broken, body: broken.handshake(psk=body[:32].ljust(32, b"p")),
    "static_private": lambda broken, body: broken.handshake(static_private=body[:32].ljust(32, b"s")),
    "low_order_static": lambda broken, body: broken.handshake(
        static=LOW_ORDER[number(body) % len(LOW_ORDER)]
    ),
    "low_order_ephemeral": lambda broken, body: broken.handshake(
        ephemeral=LOW_ORDER[number(body) % len(LOW_ORDER)]
    ),
    "application": lambda broken, body: broken.handshake(application=body[:64]),
    "prologue": lambda broken, body: broken.handshake(prologue=body[:64]),
    "tag_bytes": lambda broken, body: broken.handshake(tag_bytes=int.from_bytes(body[:1]) & 15),
    "tag_flip": lambda broken, body: broken.handshake(tag_flip=int.from_bytes(body[:1])),
    "tail": lambda broken, body: broken.handshake(tail=body[:64]),
    "message_negotiation": lambda broken, body: broken.handshake(message_negotiation=body[:64]),
    "message1": lambda broken, body: broken.negotiation(message1=body[:1024]),
    "cipher": lambda broken, body: broken.handshake(cipher="AESGCM"),
    "hash_name": lambda broken, body: broken.handshake(hash_name=_name_of(body)),
    "key_name": lambda broken, body: broken.handshake(key_name=_name_of(body)),
    "retry": lambda broken, body: broken.negotiation(retry=_pair(body)),
    "second_retry": lambda broken, body: broken.negotiation(retries=2),
    "choice": lambda broken, body: broken.negotiation(choice=_pair(body)),
    "accept_as": lambda broken, body: broken.negotiation(accept_as=_pair(body)),
    "reject": lambda broken, body: broken.negotiation(reject=_pair(body)),
    "reserved": lambda broken, body: broken.negotiation(reserved=body[:3].ljust(3, b"\0")),
    "trailing": lambda broken, body: broken.negotiation(trailing=body[:16]),
}


def _gather(calls: list[Call]) -> Broken:
    broken = Broken(Quirks(), set())
    for call in calls:
        if call.step.name not in _ACTIONS:
            _APPLY[call.step.name](broken, call.body)
            broken.fatal.add(call.step.name)
    return broken


class Meeting:
    """One handshake.

    Args:
        suite: With which it begins.
        broken: What the peer does wrong.
        initiator: Whether the reference is the initiator.
    """

    def __init__(self, suite: int, broken: Broken, *, initiator: bool) -> None:
        ours, peer = parties(suite, initiator=initiator, quirks=broken.quirks)
        self.ours = ours
        self.pilot = Autopilot(peer)
        context = Context(initiator=initiator, wall=material().wall, random=lambda n: b"r" * n)
        self.connection = Connection(ours, Settings(), context, START)
        self.now = START
        self.events: list[Event] = []
        self.replayed = False
        self.garbled = False
        self.busy = False
        self._size = 0
        self._last = b""
        self._queue: list[Outgoing] = list(self.pilot.begin())
        self._carry()

    def act(self, call: Call) -> None:
        """Do what a step says."""
        name, body = call.step.name, call.body
        if name == "deliver":
            self.deliver()
        elif name == "again":
            self._again()
        elif name in ("raw", "frame"):
            self.garbled = self.garbled or bool(body)
            self._give(body[:1024])
        elif name == "early_ready":
            self.garbled = True
            self._give(self.pilot.peer.ready().data)
        elif name == "pieces":
            self._size = number(body, 0, 63)
        elif name == "leave_out":
            self.garbled = self.garbled or bool(self._queue)
            del self._queue[:1]
        elif name == "swap":
            self._queue.reverse()
        elif name == "wait":
            self.now += number(body) / 1000
            self.connection.handle_timer(self.now)
        else:
            self._here(name, body)
        self._collect()

    def _here(self, name: str, body: bytes) -> None:
        """What the program on this side does."""
        if name == "end_of_stream":
            self.connection.receive_eof()
        elif name == "close_here":
            self.connection.close(self.now)
        elif name == "abort_here":
            self.connection.abort()
        elif name == "expel_here":
            self.connection.expel("revoked", "shut out")
        elif isinstance(self.ours, Responder):
            # Only a responder that has heard nothing may be busy.
            with contextlib.suppress(LocalError):
                self.ours.refuse_busy(number(body))
                self.garbled = self.busy = True

    def deliver(self) -> bool:
        """Give the reference the next frame; False if there is none."""
        if not self._queue:
            return False
        self._last = self._queue.pop(0).data
        self._give(self._last)
        return True

    def _again(self) -> None:
        if not self._last or self.connection.ended:
            return
        self.replayed = True
        self._give(self._last)
        if not self.garbled and not self.connection.ended:
            raise FaultAccepted("a handshake message was taken a second time")

    def _give(self, data: bytes) -> None:
        for piece in pieces(data, self._size):
            self.connection.receive_data(piece, self.now)
        self._carry()

    def _carry(self) -> None:
        """What the reference says, to the peer."""
        data = self.connection.data_to_send()
        try:
            self._queue += [one for one in self.pilot.receive(data) if isinstance(one, Outgoing)]
        except NoiseError:
            # With keys of low order and names of other suites there are states that the peer cannot go on from.
            self.pilot.disengage()
        self._collect()

    def _collect(self) -> None:
        while (event := self.connection.next_event()) is not None:
            if self.events and isinstance(self.events[-1], (Closed, Rejected)):
                raise EventsAfterEnd(f"{type(event).__name__} behind the last event")
            self.events.append(event)


def _effective(meeting: Meeting, suite: int, broken: Broken, *, initiator: bool) -> set[str]:
    """Of what the peer does wrong, that which it came to and which no handshake may survive."""
    quirk = broken.quirks.handshake
    pattern = PEER_SUITES[suite].pattern
    certified, shared = pattern != "NNpsk0", pattern != "XX"
    last_frame = initiator or certified
    wrong = {
        "psk": shared and quirk.psk is not None and quirk.psk != material().psk,
        "static_private": certified and quirk.static_private is not None and quirk.static is None,
        "low_order_static": certified and quirk.static is not None,
        "low_order_ephemeral": quirk.ephemeral is not None,
        "tag_bytes": last_frame and quirk.tag_bytes < 16,
        "tag_flip": last_frame and bool(quirk.tag_flip) and quirk.tag_bytes > 0 and not quirk.tail,
        "tail": last_frame and bool(quirk.tail),
        "message_negotiation": last_frame and bool(quirk.message_negotiation),
        "payload1": certified
        and not initiator
        and bool(quirk.payload1)
        and broken.quirks.negotiation.message1 is None,
        "prologue": quirk.prologue is not None,
        "application": quirk.prologue is None and quirk.application not in (None, b"SIPC/1", b"SIPC/127"),
    }
    own = material().responder_key if initiator else material().initiator_key
    if quirk.static_private in (own, OTHER_KEY):
        # Somebody else who is certified as well: the one that is intended is told apart by the name.
        wrong["static_private"] = False
    return {name for name, is_wrong in wrong.items() if is_wrong}


def _player(*, initiator: bool) -> Callable[[bytes], tuple[str, ...]]:
    def play(data: bytes) -> tuple[str, ...]:
        suite = SUITES[HANDSHAKE.values(data)[0] % len(SUITES)]
        calls = list(HANDSHAKE.decode(data))
        broken = _gather(calls)
        meeting = Meeting(suite, broken, initiator=initiator)
        for call in calls:
            if call.step.name in _ACTIONS:
                meeting.act(call)
        for _ in range(_MOST_DELIVERIES):
            if not meeting.deliver():
                break
        return _judge(meeting, suite, broken, initiator=initiator)

    return play


def _judge(meeting: Meeting, suite: int, broken: Broken, *, initiator: bool) -> tuple[str, ...]:
    established = next((event for event in meeting.events if isinstance(event, Established)), None)
    if established is not None:
        result = meeting.ours.result
        used = result.suite.id if result is not None else suite
        if wrong := _effective(meeting, used, broken, initiator=initiator):
            raise NotAuthenticated(f"established in spite of {', '.join(sorted(wrong))}")
        _check_binding(meeting, established)
    last = meeting.events[-1] if meeting.events else None
    if isinstance(last, Rejected) and last.reason == "internal" and not meeting.busy:
        raise InternalFailure(last.detail)
    if isinstance(last, Rejected) or (isinstance(last, Closed) and last.reason is not None):
        raise SessionEnded(last.reason or "unspecified")
    if established is None:
        # The other side was told something wrong and goes on no more; this side would wait for its deadline.
        raise SessionEnded("unfinished")
    return tuple(type(event).__name__ for event in meeting.events)


def _check_binding(meeting: Meeting, established: Established) -> None:
    """Both see the same session, and the name is the one that was proved."""
    agreed = meeting.pilot.peer.agreed
    if agreed is None or agreed.binding != established.channel_binding:
        raise NotAuthenticated("the two sides do not have the same channel binding")
    identity = meeting.pilot.peer.config.identity
    other = meeting.pilot.peer.quirks.handshake.static_private == OTHER_KEY and not _accepts_one(meeting)
    if established.peer != (OTHER_NAME if other else identity.name):
        raise NotAuthenticated(f"the peer is taken for {established.peer}")


def _accepts_one(meeting: Meeting) -> bool:
    """Whether the reference accepts one peer only: it is the initiator, or the key is made for one pair of names."""
    result = meeting.ours.result
    return result is None or result.role == "initiator" or result.suite.mode is not Mode.X509


def _further_seeds() -> Iterator[bytes]:
    """What takes more than one step."""
    made, (_, _, service, psk_id) = material(), names()
    tail = len(service.encode()) + 1
    tried = Offer((1, 1), 1, (0x0A0A, 0x0001), b"", service.encode()).encode()
    yield HANDSHAKE.encode([("offer", tried)], b"\0")
    yield HANDSHAKE.encode([("offer", tried), ("choice", b"\1\0\2")], b"\0")
    known = Offer((1, 1), 1, (0x0011,), psk_id.encode(), service.encode()).encode()
    yield HANDSHAKE.encode(
        [("offer", known[: -tail - len(psk_id)] + b"\xff" * len(psk_id) + known[-tail:])], b"\2"
    )
    for leaf, key in (
        (other_leaf(), OTHER_KEY),
        (made.initiator, made.initiator_key),
        (made.responder, made.responder_key),
    ):
        for suite in (b"\0", b"\4"):
            claim = b"\0" + encode_certificates([leaf])
            yield HANDSHAKE.encode([("body", claim), ("static_private", key)], suite)
    yield HANDSHAKE.encode([("frame", encode_frame(Reject(1, 1).encode(), b"x"))], b"\0")
    yield HANDSHAKE.encode([("frame", encode_frame(encode_retry(Selection(1, 2)), b"x"))], b"\0")
    for name in ("close_here", "abort_here", "expel_here", "busy"):
        yield HANDSHAKE.encode([(name, b"\1\0")], b"\0")
        yield HANDSHAKE.encode([("deliver", b""), (name, b"\1\0")], b"\2")


def _seeds() -> Iterator[bytes]:
    yield from _further_seeds()
    for suite in range(5):
        prefix = bytes((suite,))
        yield HANDSHAKE.encode([], prefix)
        yield HANDSHAKE.encode([("pieces", b"\0\1")], prefix)
        yield HANDSHAKE.encode([("deliver", b""), ("again", b"")], prefix)
        yield HANDSHAKE.encode([("deliver", b""), ("deliver", b""), ("again", b"")], prefix)
    for at, step in enumerate(QUIRKS):
        bodies = {
            "offer": seeds.negotiation()[1],
            "retry": b"\1\0\2",
            "choice": b"\1\0\2",
            "accept_as": b"\1\0\2",
            "reject": b"\3\1\0",
            "names": seeds.name_pairs()[0][2:],
            "body": b"\0" + seeds.chains()[0][2:],
            "payload": seeds.chains()[0],
        }
        body = bodies.get(step.name, b"\1\2\3")
        for suite in (0, 2, 4):
            yield HANDSHAKE.encode([(step.name, body)], bytes((suite,)))
        yield HANDSHAKE.encode([(step.name, body), ("retry", b"\1\0\2")], bytes((at % 5,)))
    retry = seeds.negotiation()[1]
    yield HANDSHAKE.encode([("offer", retry[:8] + b"\0\2\0\2\0\1" + retry[14:])], b"\0")
    yield HANDSHAKE.encode([("retry", b"\1\0\2"), ("second_retry", b"")], b"\0")
    yield HANDSHAKE.encode([("retry", b"\1\0\x12"), ("second_retry", b"")], b"\2")
    yield HANDSHAKE.encode([("raw", b"GET / HTTP/1.1\r\n")], b"\0")
    yield HANDSHAKE.encode([("frame", seeds.frames()[0])], b"\0")
    yield HANDSHAKE.encode([("early_ready", b"")], b"\1")
    yield HANDSHAKE.encode([("wait", b"\xff\xff")], b"\1")
    yield HANDSHAKE.encode([("end_of_stream", b"")], b"\2")


def targets() -> Iterator[Target]:
    """Both roles."""
    common = (
        "sipc.handshake_party:Party._advance",
        "sipc.handshake_proof:certified_peer",
        "sipc.handshake_proof:shared_key_peer",
        "sipc.noise_handshake:HandshakeState.read_message",
        "sipc.noise_handshake:HandshakeState._read_s",
        "sipc.handshake_payload:read_certificates",
        "sipc.handshake_payload:read_names",
    )
    marks = {
        True: ("_on_retry", "_on_second_retry", "_on_reject", "_on_answer"),
        False: ("_on_offer", "_on_choice", "_on_last", "_answer"),
    }
    for initiator in (True, False):
        name = "initiator" if initiator else "responder"
        yield Target(
            name=f"sipc.handshake.{name}",
            title=f"A whole handshake of the {name} against a peer that has the keys and breaks the rules.",
            layer="handshake",
            parse=_player(initiator=initiator),
            rejects=(SessionEnded,),
            measured=(
                f"sipc.handshake_{name}",
                "sipc.handshake_party",
                "sipc.handshake_proof",
                "sipc.handshake_payload",
                "sipc.noise_handshake",
                "sipc.noise_symmetric",
                "sipc.framing",
                "sipc.negotiation",
                "sipc.x509",
                "sipc.connection",
            ),
            seeds=_seeds,
            tokens=(b"SIPC\0", b"SIPC\1", b"SIPC\2", b"SIPC\3", b"\0\x11", b"\0\x21"),
            structure=HANDSHAKE.schema,
            reach=(
                *common,
                *(f"sipc.handshake_{name}:{name.capitalize()}.{mark}" for mark in marks[initiator]),
            ),
        )
