"""Replay of whole sessions: what was recorded once is useless on any other connection."""

import pytest

from ipc_gauntlet import Direction, Lab, Outcome, RawPeer, Role, Served, Session, case, checks
from ipc_gauntlet_suites.scripts import BOTH_ROLES, gone, numbered, wait_answer

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
