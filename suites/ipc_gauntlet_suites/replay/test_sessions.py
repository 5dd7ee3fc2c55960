"""Replay of whole sessions: what was recorded once is useless on any other connection."""

import pytest

from ipc_gauntlet import (
    Direction,
    Lab,
    NotApplicable,
    Outcome,
    RawPeer,
    Replace,
    Role,
    Selector,
    Served,
    Session,
    case,
    checks,
)
from ipc_gauntlet_suites.scripts import BOTH_ROLES, gone, numbered, try_to_talk, wait_answer

#: How many frames of a handshake are tried.
FRAMES = 3
FORMS = ["whole", "paced", "first-flight", "records-only", "without-the-end"]


def _pieces(frames: list[bytes], handshake: int, form: str) -> list[bytes]:
    if form == "first-flight":
        return frames[:1]
    if form == "records-only":
        return frames[handshake:]
    if form == "without-the-end":
        return frames[:-1]
    return frames


@case("REPL-02")
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("form", FORMS)
def test_recorded_session(lab: Lab, role: Role, form: str) -> None:
    """Everything one end said in a good session, or a part of it, is played to its peer on a new connection. No
    session may come of it and no recorded message may be delivered."""
    lab.judge(role)
    direction: Direction = "c2s" if role == "server" else "s2c"
    if direction == "s2c":
        lab.need("push", "its servers cannot send unasked")
    served = lab.listen()
    recording: list[bytes] = []
    handshake = 0

    def good(session: Session) -> None:
        nonlocal handshake
        numbered(direction, 3)(session)
        recording.extend(session.the_link().recording(direction))
        handshake = len(recording) - len(session.the_link().since_mark(direction))

    lab.control(good, checks.delivered_all(direction), served=served)
    pieces = _pieces(recording, handshake, form)
    lab.did(
        f"played {len(pieces)} of {len(recording)} recorded {direction} frames on a new connection ({form})"
    )
    if role == "server":
        outcome = _to_server(lab, served, pieces, paced=form == "paced")
    else:
        outcome = _to_client(lab, pieces, paced=form == "paced")
    lab.require(outcome, checks.nothing_delivered(direction), checks.not_established(role))


@case("REPL-02")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_recorded_frame_in_a_live_handshake(lab: Lab, role: Role) -> None:
    """In a live session one of its first frames is replaced by the frame that stood there in an earlier good session. The
    end that reads it must not take anything of the earlier session for its own; if it was the first frame with anything
    fresh in it, it must not call the session established either."""
    lab.judge(role)
    direction: Direction = "c2s" if role == "server" else "s2c"
    served = lab.listen()
    recordings: list[list[bytes]] = []

    def good(session: Session) -> None:
        numbered("c2s", 2)(session)
        recordings.append(session.the_link().recording(direction))

    payloads = [lab.control(good, checks.delivered_all("c2s"), served=served).sent["c2s"] for _ in range(2)]
    old, new = recordings
    fresh = [nth for nth, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]]
    if not fresh:
        raise NotApplicable("every frame of its handshake is the same each time; see the other case")
    recorded = [checks.never_delivered(payload, role) for payload in payloads[0]]
    for nth in fresh[:FRAMES]:
        at = Selector(direction=direction, nth=nth, since_mark=False)
        outcome = lab.attack(try_to_talk, Replace(at=at, data=old[nth]), served=served)
        if nth == fresh[0]:
            lab.require(outcome, checks.not_established(role), checks.nothing_delivered())
        lab.require(outcome, *recorded, checks.delivered_only_sent("c2s"))


def _to_server(lab: Lab, served: Served, pieces: list[bytes], *, paced: bool) -> Outcome:
    since = served.since()
    raw = RawPeer.dial(lab.reactor, served.address)
    lab.own(raw.close)
    _play(lab, raw, pieces, paced=paced)
    gone(lab, raw)
    return Outcome(server=served.view(since), stage="handshake")


def _to_client(lab: Lab, pieces: list[bytes], *, paced: bool) -> Outcome:
    raw = RawPeer.listen(lab.reactor, lab.transport, lab.directory)
    lab.own(raw.close)
    session = lab.session(upstream=raw.address)
    session.connect()
    lab.wait(lambda: raw.connected)
    _play(lab, raw, pieces, paced=paced)
    session.settle_end("client")
    return session.finish()


def _play(lab: Lab, raw: RawPeer, pieces: list[bytes], *, paced: bool) -> None:
    for piece in pieces:
        heard = raw.bytes_seen
        raw.write(piece)
        if paced:  # give the victim the chance to answer, as in the recorded session
            wait_answer(lab, raw, heard)
