"""Pieces of messages (docs/sipc1.md, section 9): a message is made of its own pieces, all of them, in order, or not at all.

Every spoiled sequence is cut from one good message in such a way that a receiver that is lax in one rule, and in no other,
would deliver it.
"""

from collections.abc import Callable

import pytest

from ipc_gauntlet import Lab, RecordType, Role, WirePeer, case, cbor
from ipc_gauntlet_suites.ordering.wired import require_refused, wired
from ipc_gauntlet_suites.scripts import BOTH_ROLES

FIRST, LAST = 1, 2
MSG = RecordType.MSG
Pieces = list[tuple[int, int, bytes]]


def encoded(payload: bytes, mid: int = 0) -> bytes:
    """A message of the test application."""
    return cbor.encode({0: 1, 1: 2, 2: mid, 4: "app.message", 14: payload})


def cut(message: bytes) -> tuple[bytes, bytes, bytes]:
    """A message in three pieces."""
    third = len(message) // 3
    return message[:third], message[third : 2 * third], message[2 * third :]


def good(message: bytes) -> Pieces:
    """The pieces as they have to be; something that may be ignored stands between them."""
    a, b, c = cut(message)
    return [(MSG, FIRST, a), (RecordType.UNKNOWN_IGNORABLE, 0, b"ignored"), (MSG, 0, b), (MSG, LAST, c)]


def _interrupted(record_type: int, body: bytes) -> Callable[[bytes, bytes], Pieces]:
    def make(message: bytes, _other: bytes) -> Pieces:
        a, b, c = cut(message)
        return [(MSG, FIRST, a), (record_type, 0, body), (MSG, 0, b), (MSG, LAST, c)]

    return make


def _flags(*flags: int) -> Callable[[bytes, bytes], Pieces]:
    def make(message: bytes, _other: bytes) -> Pieces:
        return [(MSG, flag, piece) for flag, piece in zip(flags, cut(message), strict=True)]

    return make


def _with(index: int, *extra: tuple[int, int, bytes]) -> Callable[[bytes, bytes], Pieces]:
    """The good pieces with others put in at a place."""

    def make(message: bytes, _other: bytes) -> Pieces:
        a, b, c = cut(message)
        pieces: Pieces = [(MSG, FIRST, a), (MSG, 0, b), (MSG, LAST, c)]
        return [*pieces[:index], *extra, *pieces[index:]]

    return make


def _repeated(index: int) -> Callable[[bytes, bytes], Pieces]:
    """The good pieces, one of them twice."""

    def make(message: bytes, _other: bytes) -> Pieces:
        a, b, c = cut(message)
        pieces: Pieces = [(MSG, FIRST, a), (MSG, 0, b), (MSG, LAST, c)]
        return [*pieces[: index + 1], *pieces[index:]]

    return make


def _nested(message: bytes, other: bytes) -> Pieces:
    a, b, c = cut(message)
    return [(MSG, FIRST, a), (MSG, FIRST | LAST, other), (MSG, 0, b), (MSG, LAST, c)]


def _interleaved(message: bytes, other: bytes) -> Pieces:
    a, b, c = cut(message)
    d, e, f = cut(other)
    return [(MSG, FIRST, a), (MSG, FIRST, d), (MSG, 0, b), (MSG, 0, e), (MSG, LAST, c), (MSG, LAST, f)]


def _unfinished(message: bytes, other: bytes) -> Pieces:
    a, b, _ = cut(message)
    return [(MSG, FIRST, a), (MSG, 0, b), (MSG, FIRST | LAST, other)]


def _complete_but_unmarked(message: bytes, other: bytes) -> Pieces:
    return [(MSG, FIRST, message), (MSG, FIRST | LAST, other)]


def _reordered(message: bytes, _other: bytes) -> Pieces:
    a, b, c = cut(message)
    return [(MSG, 0, b), (MSG, FIRST, a), (MSG, LAST, c)]


SPOILED: dict[str, Callable[[bytes, bytes], Pieces]] = {
    "no-first": _flags(0, 0, LAST),
    "first-twice": _flags(FIRST, FIRST, LAST),
    "first-at-the-end": _flags(FIRST, 0, FIRST | LAST),
    "only-last": lambda message, _: [(MSG, LAST, message)],
    "no-flags": lambda message, _: [(MSG, 0, message)],
    "no-last": _unfinished,
    "last-unmarked": _complete_but_unmarked,
    "reordered": _reordered,
    "first-repeated": _repeated(0),
    "middle-repeated": _repeated(1),
    "nested": _nested,
    "interleaved": _interleaved,
    "empty-first": _with(0, (MSG, FIRST, b"")),
    "empty-middle": _with(2, (MSG, 0, b"")),
    "empty-first-marked": lambda message, _: [(MSG, FIRST, b""), (MSG, LAST, message)],
    "empty-last": lambda message, _: [(MSG, FIRST, message), (MSG, LAST, b"")],
    "undefined-flag": _flags(FIRST, 4, LAST),
    "ping-between": _interrupted(RecordType.PING, bytes(8)),
    "rekey-between": _interrupted(RecordType.REKEY, b""),
}
# What a receiver that is lax there takes the second message for: one that follows the first, or one in its place.
IN_PLACE = {"no-last"}


@case("ORD-04", wire="sipc/1", axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("defect", SPOILED)
def test_spoiled_pieces(lab: Lab, role: Role, defect: str) -> None:
    """A message comes in pieces with one thing wrong: a first or last piece is missing, marked twice or repeated, a piece
    is empty or out of place, another message or record lies between them. The session must end, and no message may be
    made of such pieces."""
    payload = lab.payload()
    _deliver_good(lab, role, payload)
    peer = wired(lab, role)
    other = encoded(lab.payload(), mid=0 if defect in IN_PLACE else 1)
    pieces = SPOILED[defect](encoded(payload), other)
    lab.did(f"sent the pieces {_told(pieces)}")
    send(peer, pieces)
    require_refused(lab, peer)


@case("ORD-04", wire="sipc/1", axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_piece_behind_a_whole_message(lab: Lab, role: Role) -> None:
    """After a whole message its last piece comes once more. The session must end, and nothing more may be delivered."""
    payload = lab.payload()
    _deliver_good(lab, role, payload)
    peer = wired(lab, role)
    pieces = good(encoded(payload))
    send(peer, [*pieces, pieces[-1]])
    lab.did("repeated the last piece of a message")
    require_refused(lab, peer, (payload,))


@case("ORD-04", wire="sipc/1", axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_pieces_without_end(lab: Lab, role: Role) -> None:
    """Thousands of empty pieces come behind the first one. They make no progress, so they must not be taken for ever: the
    session must end, and no message may be delivered."""
    payload = lab.payload()
    _deliver_good(lab, role, payload)
    peer = wired(lab, role)
    a, b, c = cut(encoded(payload))
    with peer.together():
        peer.record(MSG, a, FIRST)
        for _ in range(EMPTY):
            peer.record(MSG, b"", 0)
        peer.record(MSG, b + c, LAST)
    require_refused(lab, peer)


EMPTY = 400


def _deliver_good(lab: Lab, role: Role, payload: bytes) -> None:
    """The positive control: the same message in good pieces is delivered, and the session goes on."""
    peer = wired(lab, role)
    send(peer, good(encoded(payload)))
    lab.wait(lambda: bool(lab.iut_view(peer).delivered) or peer.ended is not None)
    taken = lab.iut_view(peer).delivered == (payload,) and peer.goes_on()
    lab.require_control_that(
        taken, "the message was not delivered from good pieces, or the session did not go on"
    )
    peer.hang_up()


def send(peer: WirePeer, pieces: Pieces) -> None:
    """Send pieces as they are."""
    with peer.together():
        for record_type, flags, body in pieces:
            if record_type == RecordType.REKEY:
                peer.rekey()
            else:
                peer.record(record_type, body, flags)


def _told(pieces: Pieces) -> str:
    marks = {FIRST: "FIRST", LAST: "LAST", FIRST | LAST: "FIRST+LAST", 0: "middle"}
    return ", ".join(
        f"{marks.get(flags, hex(flags))} {len(body)} B" if kind == MSG else RecordType(kind).name
        for kind, flags, body in pieces
    )
