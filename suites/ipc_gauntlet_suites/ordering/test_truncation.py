"""The end of a stream: only an authenticated end may look like one."""

from typing import Literal

import pytest

from ipc_gauntlet import (
    Check,
    Cut,
    Direction,
    Finding,
    Flip,
    Inconclusive,
    Lab,
    Outcome,
    RecordType,
    Role,
    Selector,
    Session,
    WirePeer,
    case,
    cbor,
    checks,
    receiver,
)
from ipc_gauntlet_suites.ordering.sequences import Size, closing_control, sequence, told_end
from ipc_gauntlet_suites.ordering.wired import over, wired
from ipc_gauntlet_suites.scripts import BOTH_ROLES, BOTH_WAYS, directed

COUNT = 3


def _distinguishable(control: Outcome, direction: Direction) -> Check:
    """The application can tell this end from the regular one of the control."""
    role = receiver(direction)

    def check(outcome: Outcome) -> Finding | None:
        regular, now = control.end(role).ending, outcome.end(role).ending
        if now is None or regular is None or (now.how, now.reason) != (regular.how, regular.reason):
            return None
        told = f"it was told the same as at a regular end: {now.how} ({now.reason})"
        return Finding(
            f"the {role}'s application to learn that the stream was cut", told, "indistinguishable"
        )

    return check


@case("ORD-07")
@pytest.mark.parametrize("direction", BOTH_WAYS)
@pytest.mark.parametrize("how", ["fin", "reset"])
@pytest.mark.parametrize("place", ["before-record", "inside-record", "after-last-message"])
def test_cut_stream(lab: Lab, direction: Direction, how: Literal["fin", "reset"], place: str) -> None:
    """The transport ends early: between two records, inside one, or after the last message but before the
    protocol's own end. The receiver must not report a clean end, and must report an end."""
    directed(lab, direction)
    script = sequence(direction, COUNT, close=True)
    control = lab.control(script, checks.delivered_all(direction))
    nth = COUNT - 1 if place != "before-record" else 1
    inside = lab.rng.randrange(3, 16) if place == "inside-record" else None
    fault = Cut(
        at=Selector(direction=direction, nth=nth), how=how, inside=inside, after=place == "after-last-message"
    )
    outcome = lab.attack(script, fault)
    end = receiver(direction)
    whole = COUNT if place == "after-last-message" else nth
    lab.require(
        outcome,
        checks.delivered_prefix(direction, at_most=whole),
        checks.ended(end),
        checks.not_clean(end),
        _distinguishable(control, direction),
    )
    lab.advise(outcome, checks.refused_for(end, "truncated"))


@case("ORD-07", axes="each")
@pytest.mark.parametrize("direction", BOTH_WAYS)
@pytest.mark.parametrize(
    ("inside", "how"),
    [(1, "fin"), (2, "reset"), (20, "fin"), (-1, "reset")],
    ids=["length", "header", "body", "all-but-one"],
)
@pytest.mark.parametrize("what", ["message", "end"])
def test_cut_inside(
    lab: Lab, direction: Direction, how: Literal["fin", "reset"], inside: int, what: str
) -> None:
    """The transport ends within the last message, or within the message that says that this is the end: within its length,
    behind its header, within its body, in front of its last byte. The end must not be called clean."""
    directed(lab, direction)
    script = sequence(direction, COUNT, close=True)
    control = closing_control(lab, script, direction, COUNT)
    nth = COUNT if what == "end" else COUNT - 1
    outcome = lab.attack(script, Cut(at=Selector(direction=direction, nth=nth), how=how, inside=inside))
    end = receiver(direction)
    lab.require(
        outcome,
        checks.delivered_prefix(direction, at_most=nth),
        checks.ended(end),
        checks.not_clean(end),
        _distinguishable(control, direction),
    )


@case("ORD-07", axes="each")
@pytest.mark.parametrize("direction", BOTH_WAYS)
@pytest.mark.parametrize("toward", ["both", "receiver"])
@pytest.mark.parametrize("place", ["at-once", "idle", "between-pieces"])
def test_cut_elsewhere(
    lab: Lab, direction: Direction, toward: Literal["both", "receiver"], place: str
) -> None:
    """The transport ends before anything was said, or between the pieces of a long message, for both sides or as a half
    close; or while nobody says anything. The end must not be called clean."""
    directed(lab, direction)
    first: Size = "large" if place == "between-pieces" else "small"
    script = sequence(direction, first, "small", close=True)
    control = lab.control(script, checks.delivered_all(direction))
    end = receiver(direction)
    if place == "idle":

        def idle(session: Session) -> None:
            if session.open():
                session.the_link().cut()
                told_end(session, end)

        outcome = lab.attack(idle, what="cut the connection while nothing was on its way")
    else:
        cut = Cut(
            at=Selector(direction=direction), toward=toward, inside=70 if place == "between-pieces" else None
        )
        outcome = lab.attack(script, cut)
    lab.require(
        outcome,
        checks.nothing_delivered(direction),
        checks.ended(end),
        checks.not_clean(end),
        _distinguishable(control, direction),
    )


@case("ORD-07", axes="each")
@pytest.mark.parametrize("direction", BOTH_WAYS)
@pytest.mark.parametrize(
    "offset", [0, 9, -17, -1], ids=["first-byte", "early", "before-the-tag", "last-byte"]
)
def test_spoiled_end(lab: Lab, direction: Direction, offset: int) -> None:
    """One bit changes in the message that says that this is the end, and the stream ends behind it. Nobody has said that it
    is the end: it must not be called clean."""
    directed(lab, direction)
    script = sequence(direction, COUNT, close=True)
    control = closing_control(lab, script, direction, COUNT)
    outcome = lab.attack(script, Flip(at=Selector(direction=direction, nth=COUNT), offset=offset))
    end = receiver(direction)
    lab.require(
        outcome,
        checks.delivered_prefix(direction),
        checks.not_clean(end),
        _distinguishable(control, direction),
    )


@case("ORD-07", wire="sipc/1", axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize(
    "forged", ["in-clear", "in-clear-padded", "zero-tag", "other-key", "other-direction", "old-number"]
)
def test_forged_end(lab: Lab, role: Role, forged: str) -> None:
    """A CLOSE with the right counts comes without protection, under another key or number, or under the keys of the other
    direction, and the stream ends behind it. The end must not be called clean."""
    control = wired(lab, role)
    control.close_record()
    view = over(lab, control)
    clean = view.ending is not None and view.ending.how == "clean"
    lab.require_control_that(clean, "a good CLOSE was not a clean end")
    peer = wired(lab, role)
    peer.by_hand()
    peer.raw(_forgery(peer, forged))
    peer.finish()
    lab.did(f"sent a CLOSE that is not authentic: {forged}")
    view = over(lab, peer)
    lab.require_that(bool(view.endings), "the session to end", "it stayed open", "not-ended")
    told = view.ending.how if view.ending is not None else ""
    lab.require_that(told != "clean", "an end that is not called clean", told, "clean-end")


def _forgery(peer: WirePeer, forged: str) -> bytes:
    """A frame with a CLOSE that is right in everything but its protection."""
    body = bytes([RecordType.CLOSE, 0]) + cbor.encode({0: 0, 1: 0, 2: 0})
    plaintext = (len(body).to_bytes(2) + body).ljust(64, b"\0")
    sealer, keys = peer.peer.sealer, peer.known_keys
    if sealer is None or keys is None:
        raise Inconclusive("there are no keys")
    if forged == "in-clear":
        sealed = plaintext
    elif forged == "in-clear-padded":
        sealed = plaintext + bytes(16)
    elif forged == "old-number":
        return sealer.seal(plaintext, n=0)
    else:
        own = sealer.state.key
        sealer.state.key = {"other-key": bytes(32), "other-direction": keys.receive}.get(forged, own)
        sealed = sealer.seal(plaintext)[2:]
        sealer.state.key = own
        if forged == "zero-tag":
            sealed = sealed[:-16] + bytes(16)
    return len(sealed).to_bytes(2) + sealed
