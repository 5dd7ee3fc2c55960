"""Closing and sending while the peer does not take part, to the tick of a virtual clock."""

import base64

import pytest

from ipc_gauntlet import Lab, Quirks, Role, TimingQuirks, case, checks
from ipc_gauntlet_suites.scripts import BOTH_ROLES, open_or_stop
from ipc_gauntlet_suites.timeouts.scenarios import BLOCKED_S, CHUNK, FLOOD_LIMIT, outward, started
from ipc_gauntlet_suites.timeouts.virtual import LONGEST_MS, exactly, virtual

DRAIN_MS = 1213
WRITE_MS = 1613


@case("TIME-10", needs=("virtual-clock",))
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_close_returns_with_its_tick(lab: Lab, role: Role) -> None:
    """Everything has vanished in both directions when one end closes. Closing returns with the last tick of its drain
    time: the peer had all of it, and no more."""
    lab.judge(role)
    one = started(lab, "drain", role, DRAIN_MS)
    lab.stage("closing")
    exactly(lab, one.happened, one.t_ms, role, what=f"the {role}'s close to return")


@case("TIME-10", needs=("virtual-clock",))
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("reads", [True, False], ids=["reads-again", "never-reads"])
def test_accepted_is_delivered_or_told(lab: Lab, role: Role, reads: bool) -> None:
    """The peer does not read while messages are sent, until sending blocks; then this end closes. A peer that reads again
    in time gets all of them. One that never does holds up the close no longer than the drain time, and the end that
    closed is not told that all went well."""
    lab.judge(role)
    way = outward(lab, role)
    session = lab.session(
        options=virtual(idle_ms=LONGEST_MS, drain_ms=DRAIN_MS, write_ms=100_000), virtual=True
    )
    open_or_stop(session)
    link = session.the_link()
    link.stall(way, reading=False)
    flood = session.flood(way, CHUNK, FLOOD_LIMIT, timeout_s=BLOCKED_S)
    lab.require_control_that(flood.blocked, "sending did not block")
    accepted = flood.sent_bytes // CHUNK
    call = session.submit(role, "close", mode="graceful")
    session.settle(lambda: call.done)
    lab.did(f"{accepted} messages were accepted, then the {role} closed while its peer does not read")
    lab.record(session)
    lab.stage("closing")
    if not reads:
        exactly(lab, lambda: call.done, DRAIN_MS, role, what=f"the {role}'s close to return")
        ending = session.view(role).ending
        told = ending is not None and ending.reason not in ("", "unspecified")
        lab.require_that(told, "an end with a reason", f"{ending}", "silent-loss")
        return
    receiver: Role = "server" if role == "client" else "client"
    lab.require_that(
        not call.done, "the close to wait for what was accepted", "it returned at once", "silent-loss"
    )
    link.resume(way)

    def arrived() -> int:
        return sum(len(one) == CHUNK for one in session.view(receiver).delivered)

    lab.wait(lambda: session.is_over(receiver) and session.is_over(role), 6.0)
    seen = f"{arrived()} of {accepted}"
    lab.require_that(arrived() >= accepted, "all accepted messages delivered", seen, "silent-loss")
    lab.require(session.finish(), checks.ended(receiver))


@case("TIME-10", wire="sipc/1", needs=("virtual-clock",))
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("talk", ["events", "pings", "requests"])
def test_a_peer_that_goes_on_talking(lab: Lab, role: Role, talk: str) -> None:
    """The peer does not answer a CLOSE but goes on to send messages, probes or requests, all of them in order. Closing
    ends with the last tick of the drain time, which none of that moves."""
    lab.judge(role)
    options = virtual(idle_ms=LONGEST_MS, drain_ms=DRAIN_MS)
    quirks = Quirks(timing=TimingQuirks(closes=False))
    for good in (True, False):
        quirk = Quirks() if good else quirks
        if role == "server":
            peer = lab.wire_client(lab.listen(options=options), quirks=quirk)
        else:
            peer = lab.wire_server(quirks=quirk)
            lab.attempt_to(peer, options=options)
        lab.require_control_that(peer.handshake(), f"no session: {peer.ended}")
        call = lab.close_iut(peer)
        peer.expect("CLOSE")
        if good:
            lab.require_control_that(peer.wait_end() == "closed", f"a good close ended with {peer.ended}")
    passed = 0
    for _ in range(3):
        if talk == "events":
            peer.event(b"more")
        elif talk == "pings":
            peer.ping()
        else:
            peer.request("echo", budget=9)
        peer.settle()
        lab.advance(DRAIN_MS // 4, role)
        passed += DRAIN_MS // 4
    lab.did(f"the peer went on with {talk} after the {role}'s CLOSE")
    lab.stage("closing")
    exactly(lab, lambda: call.done, DRAIN_MS - passed, role, what=f"the {role}'s close to return")


@case("TIME-11", needs=("virtual-clock",))
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_write_timer_by_the_tick(lab: Lab, role: Role) -> None:
    """The peer of one session stops reading while this end sends. Sending blocks before much has been taken; another
    session of the same program goes on meanwhile; and with the last tick of the write time the blocked session ends, by a
    time-out."""
    lab.judge(role)
    way = outward(lab, role)
    options = virtual(idle_ms=LONGEST_MS, write_ms=WRITE_MS)
    served = lab.listen(options=options)
    session = lab.session(served=served, options=options, virtual=True)
    open_or_stop(session)
    other = lab.session(options=options, virtual=True)
    open_or_stop(other)
    lab.require_control_that(not session.is_over(role), "both sessions are open")
    session.the_link().stall(way, reading=False)
    flood = session.flood(way, CHUNK, FLOOD_LIMIT, timeout_s=BLOCKED_S)
    lab.did(f"stopped reading; the {role} sent {flood.sent_bytes >> 10} KiB before {flood.how}")
    lab.record(session)
    lab.stage("established")
    lab.require_that(
        flood.blocked, "sending to block", f"{flood.sent_bytes >> 20} MiB were taken", "unbounded"
    )
    payload = lab.payload()
    sent = other.submit(role, "send", payload=base64.b64encode(payload).decode())
    receiver: Role = "server" if role == "client" else "client"
    arrived = lab.wait(lambda: sent.done and payload in other.view(receiver).delivered, 4.0)
    lab.require_that(arrived, "another session to go on", "its message did not arrive", "starved")
    exactly(lab, lambda: session.is_over(role), WRITE_MS, role, what=f"the {role} to end the blocked session")
    lab.require(session.finish(), checks.not_clean(role), checks.refused_for(role, "timeout"))
