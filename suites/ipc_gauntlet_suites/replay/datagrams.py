"""Sessions of SIPC/1's profile D in which a case numbers the records itself, and a model of what must be taken."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ipc_gauntlet import Inconclusive, Lab, Role, WirePeer

#: docs/sipc1.md, section 20.
WINDOW = 1024
RESERVED = 2**64 - 1
LAST = RESERVED - 1
#: One epoch for all numbers there are, so that every number can be tried.
ONE_EPOCH = 64


class Numbered(NamedTuple):
    """A record to be sent.

    Args:
        n: Its number.
        forged: Whether its last byte is wrong.
    """

    n: int
    forged: bool = False


@dataclass(slots=True)
class Model:
    """What a receiver has to take: authentic, not taken before, and above the highest number less the window.

    Args:
        highest: The highest number taken.
        taken: All numbers taken.
    """

    highest: int = 0
    taken: set[int] = field(default_factory=lambda: {0})

    def takes(self, record: Numbered) -> bool:
        """Whether a record must be taken; remembers that it was."""
        n = record.n
        if record.forged or n in self.taken or n <= self.highest - WINDOW or n >= RESERVED:
            return False
        self.taken.add(n)
        self.highest = max(self.highest, n)
        return True


def stream_peer(
    lab: Lab,
    role: Role,
    *,
    own: Mapping[str, object] | None = None,
    options: Mapping[str, object] | None = None,
) -> WirePeer:
    """A session with the implementation under test in a role; READY was its only record so far.

    Args:
        lab: The case's lab.
        role: The role of the implementation under test.
        own: Options of the case's own side.
        options: Options of the implementation under test.

    Raises:
        Inconclusive: It was not established.
    """
    lab.judge(role)
    if role == "server":
        peer = lab.wire_client(lab.listen(options=dict(options or {})), options=own)
    else:
        peer = lab.wire_server(options=own)
        lab.attempt_to(peer, options=options)
    if not peer.handshake():
        raise Inconclusive(f"no session with the {role} under test")
    lab.iut_conn(peer)
    lab.stage("established")
    return peer


def datagram_peer(
    lab: Lab, role: Role, *, epoch_bits: int = ONE_EPOCH, options: Mapping[str, object] | None = None
) -> WirePeer:
    """A session of profile D; see `stream_peer`.

    Args:
        lab: The case's lab.
        role: The role of the implementation under test.
        epoch_bits: How many records share a key, as a power of two.
        options: More options of the implementation under test.
    """
    mode: dict[str, object] = {"mode": "datagram", "epoch_bits": epoch_bits}
    return stream_peer(lab, role, own=mode, options={**mode, **(options or {})})


def sealed_event(peer: WirePeer, n: int, payload: bytes) -> bytes:
    """A record with an event, under a number of one's choice; within one epoch also one that lies behind.

    Raises:
        Inconclusive: There are no keys.
    """
    sealer = peer.peer.sealer
    if sealer is None:
        raise Inconclusive("there are no keys")
    count, sealer.state.n = sealer.state.n, n
    frame = b"".join(one.data for one in peer.peer.event(payload))
    sealer.state.n = max(count, n + 1)
    return frame


def spoiled(frame: bytes) -> bytes:
    """The frame with another last byte."""
    return frame[:-1] + bytes([frame[-1] ^ 1])


def renumbered(frame: bytes, n: int) -> bytes:
    """The frame under another number, for which it is not authentic."""
    return frame[:2] + n.to_bytes(8) + frame[10:]


class Schedule:
    """Records in an order of one's choice, and what was delivered of them.

    Args:
        lab: The case's lab.
        peer: The case's own side.
        ahead: Whether a record that shows that others were dealt with may move the window on.
    """

    def __init__(self, lab: Lab, peer: WirePeer, *, ahead: bool = False) -> None:
        self.lab = lab
        self._ahead = ahead
        self.peer = peer
        self.model = Model()
        self._frames: dict[int, tuple[bytes, bytes]] = {}
        # The positive control: the next record in order is taken.
        self.send(Numbered(1))
        lab.require_control_that(len(self.delivered()) == 1, "a record in its order was not taken")

    def prepare(self, *wanted: int) -> None:
        """Seal records ahead of time: of an epoch that will be over when they are sent."""
        for n in sorted(set(wanted) - self._frames.keys()):
            payload = self.lab.payload(f"n{n}-")
            self._frames[n] = sealed_event(self.peer, n, payload), payload

    def frame(self, n: int) -> bytes:
        """The record of this number."""
        self.prepare(n)
        return self._frames[n][0]

    def send(self, *records: Numbered) -> None:
        """Send records, and wait until the last one that must be taken was."""
        due: list[bytes] = []
        with self.peer.together():
            for record in records:
                frame = self.frame(record.n)
                self.peer.raw(spoiled(frame) if record.forged else frame, f"record {numbers([record])}")
                if self.model.takes(record):
                    due.append(self._frames[record.n][1])
        if due:
            self.lab.settle(lambda: self._over() or due[-1] in self.delivered())

    def expect(self, *records: Numbered, what: str = "") -> None:
        """Send records, behind them one more that shows that they were dealt with, and hold what was delivered against
        the model."""
        before = len(self.delivered())
        must = self._following(records)
        self.send(*records)
        marker = self._marker()
        if marker is not None:
            self.send(Numbered(marker))
            must.append(marker)
        got = [self._number(payload) for payload in self.delivered()[before:]]
        self._judge(what or numbers(records), must, got)

    def refuse(self, *records: Numbered, what: str = "") -> None:
        """Send records that must not be taken whatever their numbers are: their key is over."""
        before = len(self.delivered())
        for record in records:
            self.peer.raw(self.frame(record.n), f"record {record.n}")
        marker = self._marker()
        if marker is not None:
            self.send(Numbered(marker))
        got = [self._number(payload) for payload in self.delivered()[before:]]
        beyond = [n for n in got if n != marker]
        self.lab.require_that(
            not beyond, f"{what or numbers(records)} refused", f"taken: {beyond}", "delivered-late"
        )

    def delivered(self) -> list[bytes]:
        """What the implementation under test has delivered in this session."""
        return list(self.lab.iut_view(self.peer).delivered)

    def _following(self, records: Iterable[Numbered]) -> list[int]:
        model = Model(self.model.highest, set(self.model.taken))
        return [one.n for one in records if model.takes(one)]

    def _marker(self) -> int | None:
        """A number that must be taken now and leaves the window where it is."""
        top, taken = self.model.highest, self.model.taken
        if self._ahead:
            return top + 1
        inside = range(top, max(-1, top - WINDOW), -1)
        return next((n for n in inside if n not in taken and n not in self._frames), None)

    def _number(self, payload: bytes) -> int:
        return next((n for n, (_, own) in self._frames.items() if own == payload), -1)

    def _over(self) -> bool:
        return self.peer.ended is not None

    def _judge(self, what: str, must: list[int], got: list[int]) -> None:
        expected = f"of {what}: {numbers(map(Numbered, must)) or 'nothing'} taken"
        seen = f"taken: {numbers(map(Numbered, got)) or 'nothing'}"
        twice = len(set(got)) < len(got) or any(n not in must and n in self.model.taken for n in got)
        beyond = any(n not in must for n in got)
        reason = "delivered-twice" if twice else "taken" if beyond else "not-taken"
        self.lab.require_that(sorted(got) == sorted(must), expected, seen, reason)


def numbers(records: Iterable[Numbered]) -> str:
    """The records in words."""
    return ", ".join(f"{one.n}{' (forged)' if one.forged else ''}" for one in records)
