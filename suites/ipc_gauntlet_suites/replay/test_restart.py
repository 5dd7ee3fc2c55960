"""Replay after a crash: what was recorded in one life of a program is useless in the next one."""

import time

import pytest

from ipc_gauntlet import Direction, Lab, Outcome, RawPeer, Role, Session, case, checks
from ipc_gauntlet_suites.replay.courier import Courier
from ipc_gauntlet_suites.scripts import BOTH_ROLES, numbered, wait_answer

MINUTE_S = 60


@case("REPL-11", axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_recorded_session_after_a_crash(lab: Lab, role: Role) -> None:
    """The first session of a program is recorded. The program is killed and started again, and before anything else it
    is played what it heard then. No session may come of it, and nothing may be delivered."""
    lab.judge(role)
    direction: Direction = "c2s" if role == "server" else "s2c"
    if direction == "s2c":
        lab.need("push", "its servers cannot send unasked")
    lab.restart(role)
    served = lab.listen()
    session = lab.session(served=served)
    numbered(direction, 3)(session)
    lab.require_control(session.outcome(), checks.delivered_all(direction))
    recording = lab.recording(session, direction)
    session.close()
    lab.restart(role)
    if role == "server":
        again = served.reopen()
        lab.play(again, recording.frames)
        outcome = Outcome(server=again.view(0), stage="handshake")
    else:
        outcome = _to_client(lab, recording.frames)
    lab.did(f"played {len(recording.frames)} recorded frames to the new process")
    lab.stage("handshake")
    lab.require(outcome, checks.nothing_delivered(direction), checks.not_established(role))


def _to_client(lab: Lab, frames: tuple[bytes, ...]) -> Outcome:
    """Have the new client connect to whoever plays what was recorded."""
    raw = RawPeer.listen(lab.reactor, lab.transport, lab.directory)
    lab.own(raw.close)
    session: Session = lab.session(upstream=raw.address)
    session.connect()
    lab.wait(lambda: raw.connected)
    for frame in frames:
        heard = raw.bytes_seen
        raw.write(frame)
        wait_answer(lab, raw, heard)
    session.settle_end("client")
    return session.finish()


@case("REPL-11", wire="sipc/1", needs=("claims", "durable"), role="server", axes="each")
def test_signed_message_after_a_crash(lab: Lab) -> None:
    """A signed event has had its effect. The server is killed and started again with the same store; the event is brought
    again. It must not have another effect, and a new one must have its own."""
    courier = Courier(lab, {"store": lab.store_path("store")})
    soon = int(time.time()) + MINUTE_S
    payload = lab.payload("signed")
    message = courier.event(soon, payload)
    courier.accept(courier.peer(), message)
    lab.restart("server")
    again = courier.served.reopen()
    courier.refuse(courier.peer(again), message, "the message again, after a crash")
    courier.accept(courier.peer(again), courier.event(soon, lab.payload("fresh")))
