"""Time-outs of an established session, to the tick of a virtual clock: silence, lifetime, and a peer that is gone."""

import pytest

from ipc_gauntlet import Direction, Lab, Quirks, Role, TimingQuirks, case, checks
from ipc_gauntlet_suites.scripts import BOTH_ROLES, numbered, open_or_stop
from ipc_gauntlet_suites.timeouts.virtual import exactly, virtual

IDLE_MS = 1213
PROBE_MS = 617
LIFETIME_MS = 3_600_000


@case("TIME-04", needs=("virtual-clock",))
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("form", ["vanished", "dribbling", "request-open"])
def test_dead_peer_by_the_tick(lab: Lab, role: Role, form: str) -> None:
    """From one moment on everything vanishes in both directions; or bytes still come that nobody has authenticated, the
    beginning of a record; or a request is open meanwhile. With the last tick of the idle time this end probes, and with
    the last tick of the probe's time it ends the session, by a time-out and not cleanly."""
    lab.judge(role)
    options = virtual(idle_ms=IDLE_MS, probe_ms=PROBE_MS)
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"), options=options)
    session = lab.session(options=options, virtual=True)
    open_or_stop(session)
    if form == "request-open":
        lab.need("request", "it has no requests")
        session.request("wait", b"60000", deadline_ms=60_000)
        session.settle()
    link, (inward, outward) = session.the_link(), _ways(role)
    link.stall("both", reading=True)
    lab.did(f"the peer is gone from one moment on ({form})")
    head = link.recording(inward)[-1]
    if form == "dribbling":
        lab.advance(IDLE_MS // 2, role)
        link.inject(inward, head[:1])
        session.settle()
    passed = IDLE_MS // 2 if form == "dribbling" else 0
    heard = link.bytes_seen(outward)
    lab.stage("established")
    exactly(
        lab,
        lambda: link.bytes_seen(outward) > heard,
        IDLE_MS - passed,
        role,
        what=f"the {role} to probe its peer",
    )
    if form == "dribbling":
        link.inject(inward, head[1:2])
        session.settle()
    exactly(lab, lambda: session.is_over(role), PROBE_MS, role, what=f"the {role} to end the session")
    lab.record(session)
    outcome = session.finish()
    lab.require(outcome, checks.not_clean(role), checks.refused_for(role, "timeout"))


@case("TIME-04", needs=("virtual-clock",))
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_silence_is_not_death(lab: Lab, role: Role) -> None:
    """Nobody says anything for five times the idle time, but both ends are there and answer probes. The
    session survives, and messages still arrive."""
    lab.judge(role)
    options = virtual(idle_ms=IDLE_MS, probe_ms=PROBE_MS)
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"), options=options)
    session = lab.session(options=options)
    open_or_stop(session)
    for _ in range(5):
        lab.advance(IDLE_MS, role)
        session.settle()
    lab.did("left a good session alone for five times its idle time")
    session.exchange("c2s", 2)
    session.settle_delivery("c2s")
    lab.record(session)
    lab.stage("established")
    lab.require(session.finish(), checks.delivered_all("c2s"))


@case("TIME-04", needs=("virtual-clock",))
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_messages_are_signs_of_life(lab: Lab, role: Role) -> None:
    """The peer says something just before the idle time is over: the next probe comes a whole idle time later."""
    lab.judge(role)
    options = virtual(idle_ms=IDLE_MS, probe_ms=PROBE_MS)
    inward, outward = _ways(role)
    if inward == "s2c":
        lab.need("push", "its servers cannot send unasked")
    lab.control(numbered(inward, 2), checks.delivered_all(inward), options=options)
    session = lab.session(options=options, virtual=True)
    open_or_stop(session)
    lab.advance(IDLE_MS - 1, role)
    session.exchange(inward, 1)
    session.settle_delivery(inward)
    link = session.the_link()
    heard = link.bytes_seen(outward)
    lab.did("the peer sent a message one tick before the idle time was over")
    lab.stage("established")
    exactly(
        lab, lambda: link.bytes_seen(outward) > heard, IDLE_MS, role, what=f"the {role} to probe its peer"
    )
    lab.record(session)


@case("TIME-04", wire="sipc/1", needs=("virtual-clock",))
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_probes_extend_nothing(lab: Lab, role: Role) -> None:
    """A session whose peer answers every probe ends when its lifetime is over, to the tick: answers to probes do not keep
    an expired session alive."""
    lab.judge(role)
    idle = LIFETIME_MS // 4
    options = virtual(idle_ms=idle, probe_ms=PROBE_MS)
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"), options=options)
    session = lab.session(options=options)
    open_or_stop(session)
    for _ in range(3):
        lab.advance(idle, role)
        session.settle()
    lab.require_control_that(not session.is_over(role), "the session lives while its peer answers")
    lab.did("the peer answered three probes, then the session's lifetime was over")
    lab.stage("established")
    left = LIFETIME_MS - 3 * idle
    lab.advance(left - 1, role)
    session.settle(lambda: session.is_over(role))
    lab.require_that(not session.is_over(role), "the session to live for an hour", "it ended before", "early")
    lab.advance(1, role)
    over = lab.wait(lambda: session.is_over(role), 4.0)
    lab.record(session)
    lab.require_that(over, "the session to end with its lifetime", "it goes on", "outlived")


@case("TIME-04", role="server", needs=("virtual-clock", "revocation"))
def test_probes_do_not_undo_a_revocation(lab: Lab) -> None:
    """The client's name is shut out while the session is silent, just after a probe. The session ends without waiting for
    traffic, and what the client answers does not keep it."""
    idle = virtual(idle_ms=IDLE_MS, probe_ms=PROBE_MS)
    served = lab.listen(options=idle)
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"), served=served, virtual=True)
    session = lab.session(served=served, virtual=True)
    open_or_stop(session)
    lab.advance(IDLE_MS, "server")
    session.settle()
    lab.require_control_that(not session.is_over("server"), "the session survives a probe")
    lab.configure("server", "revoke", listener=served.listener, name=served.deployment.client.name)
    lab.did("shut the client out of a silent session")
    over = lab.wait(lambda: session.is_over("server"), 4.0)
    lab.record(session)
    lab.stage("established")
    lab.require_that(over, "the session to end", "it goes on", "outlived")


@case("TIME-04", wire="sipc/1", needs=("virtual-clock",))
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("pings", [True, False], ids=["answers", "silent"])
def test_a_probe_wants_its_answer(lab: Lab, role: Role, pings: bool) -> None:
    """A peer that reads and lives but does not answer a probe is ended by the tick; one that answers is not."""
    lab.judge(role)
    options = virtual(idle_ms=IDLE_MS, probe_ms=PROBE_MS)
    quirks = Quirks(timing=TimingQuirks(pings=pings))
    if role == "server":
        peer = lab.wire_client(lab.listen(options=options), quirks=quirks)
    else:
        peer = lab.wire_server(quirks=quirks)
        lab.attempt_to(peer, options=options)
    lab.require_control_that(peer.handshake(), f"no session: {peer.ended}")
    lab.advance(IDLE_MS, role)
    peer.expect("PING")
    peer.settle()
    lab.stage("established")
    if pings:
        lab.advance(PROBE_MS, role)
        lab.require_that(peer.settle() is None, "the session to go on", f"{peer.ended}", "killed-alive")
    else:
        exactly(lab, lambda: peer.ended is not None, PROBE_MS, role, what=f"the {role} to end the session")


def _ways(role: Role) -> tuple[Direction, Direction]:
    """The direction in which a role hears, and the one in which it speaks."""
    return ("s2c", "c2s") if role == "client" else ("c2s", "s2c")
