"""Time-outs before a session exists, to the tick of a virtual clock."""

import pytest

from ipc_gauntlet import Lab, Quirks, RecordQuirks, Role, Served, TimingQuirks, blackhole, case, checks
from ipc_gauntlet_suites.scripts import BOTH_ROLES, numbered, open_or_stop
from ipc_gauntlet_suites.timeouts.virtual import exactly, silent_client, silent_server, virtual

HANDSHAKE_MS = 617
CONNECT_MS = 413
STALLED = 8
FORMS = ["silent", "dribble", "half-flight", "after-first-flight"]


@case("TIME-01", role="client", needs=("virtual-clock",))
@pytest.mark.parametrize("source", ["set", "default"])
def test_connecting_ends_with_its_tick(lab: Lab, source: str) -> None:
    """The client connects to an endpoint whose backlog is full. The attempt fails with the last tick of its time-out,
    the one that was set or the default, and says that it was a time-out; until then it goes on."""
    options = virtual(connect_ms=CONNECT_MS, handshake_ms=10 * CONNECT_MS) if source == "set" else virtual()
    lab.control(numbered("c2s", 1), checks.delivered_all("c2s"), options=options)
    limit_ms = CONNECT_MS if source == "set" else round(lab.timeouts.get("connect_ms", 0))
    lab.stage("transport")
    lab.require_that(limit_ms > 0, "a default for connecting", "none is declared", "no-timeout")
    hole = blackhole(lab.transport, lab.directory)
    lab.own(hole.close)
    attempt = lab.begin(hole.address, options)
    lab.did("connected the client to an endpoint whose backlog is full and that never accepts")
    lab.settle(attempt.is_over)
    exactly(lab, attempt.is_over, limit_ms, "client", what="the client to give up connecting")
    lab.require_that(attempt.reason == "timeout", "the reason timeout", f"{attempt.reason}", "other-reason")


@case("TIME-02", role="server", needs=("virtual-clock",))
@pytest.mark.parametrize("form", FORMS)
def test_stalled_client_by_the_tick(lab: Lab, form: str) -> None:
    """A client says nothing, or a byte every quarter of the time, or half a flight, or one flight. The server drops it
    with the last tick of the handshake's total time, counts that where it counts, and holds nothing of it then."""
    served = lab.listen(options=virtual(handshake_ms=HANDSHAKE_MS))
    flight = _first_flight(lab, served)
    before, counted, since = lab.resources("server"), _timed_out(lab), served.since()
    lengths = {"silent": 0, "dribble": 1, "half-flight": len(flight) // 2, "after-first-flight": len(flight)}
    raw = silent_client(lab, served, flight[: lengths[form]])
    passed = 0
    for index in range(1, 4 if form == "dribble" else 1):
        lab.advance(HANDSHAKE_MS // 4, "server")
        passed += HANDSHAKE_MS // 4
        raw.write(flight[index : index + 1])
        lab.settle(activity=lambda: (lab.told(), raw.buffered))
    lab.did(f"a client that stalls ({form})")
    lab.stage("handshake")
    what = "the server to drop the stalled client"
    exactly(lab, lambda: raw.ended is not None, HANDSHAKE_MS - passed, "server", what=what)
    lab.wait(lambda: bool(served.view(since).refusals or served.view(since).endings), 1.0)
    lab.require_view(served.view(since), checks.not_established("server"), checks.nothing_delivered("c2s"))
    lab.require_resources("server", before)
    if counted is not None:
        now = _timed_out(lab)
        lab.require_that(
            now == counted + 1, "one more handshake that timed out", f"{now} of them", "uncounted"
        )


@case("TIME-02", role="server", needs=("virtual-clock",))
def test_half_closed_client(lab: Lab) -> None:
    """A client sends half a flight and ends its direction of the stream, but goes on reading. The server drops it at the
    latest when the handshake's time is over, and holds nothing of it."""
    served = lab.listen(options=virtual(handshake_ms=HANDSHAKE_MS))
    flight = _first_flight(lab, served)
    before = lab.resources("server")
    raw = silent_client(lab, served, flight[: len(flight) // 2])
    raw.finish()
    lab.settle(lambda: raw.ended is not None)
    lab.advance(HANDSHAKE_MS, "server")
    lab.did("a client sent half a flight and ended its side of the stream")
    over = lab.wait(lambda: raw.ended is not None, 4.0)
    lab.stage("handshake")
    lab.require_that(over, "the server to drop the half-closed client", "it still holds it", "late")
    lab.require_resources("server", before)


@case("TIME-02", role="client", needs=("virtual-clock",))
def test_silent_server_by_the_tick(lab: Lab) -> None:
    """A server accepts and says nothing. The client gives up with the last tick of the handshake's time."""
    options = virtual(handshake_ms=HANDSHAKE_MS)
    lab.control(numbered("c2s", 1), checks.delivered_all("c2s"), options=options)
    raw = silent_server(lab)
    attempt = lab.begin(raw.address, options)
    if not lab.wait(lambda: raw.connected, 4.0):
        lab.require_control_that(False, "the client never connected")
    lab.settle(attempt.is_over, activity=lambda: (lab.told(), raw.bytes_seen))
    lab.did("connected the client to a server that accepts and says nothing")
    lab.stage("handshake")
    exactly(lab, attempt.is_over, HANDSHAKE_MS, "client", what="the client to give up")


@case("TIME-02", wire="sipc/1", needs=("virtual-clock",))
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("last", ["accept-or-offer", "no-ready"])
def test_peer_stops_in_the_middle(lab: Lab, role: Role, last: str) -> None:
    """The peer takes part in the handshake, some of the time passes, it takes one more step, and no more comes: neither
    the next flight nor the last record that confirms the session. This end drops it with the last tick of the one total
    time, which no step has moved."""
    lab.judge(role)
    options = virtual(handshake_ms=HANDSHAKE_MS)
    quirks = Quirks(
        record=RecordQuirks(skip_ready=last == "no-ready"),
        timing=TimingQuirks(
            stop_after="" if last == "no-ready" else "accept" if role == "client" else "offer"
        ),
    )
    for good in (True, False):
        quirk = Quirks() if good else quirks
        if role == "server":
            peer = lab.wire_client(lab.listen(options=options), quirks=quirk)
            lab.settle()
        else:
            peer = lab.wire_server(quirks=quirk)
            lab.attempt_to(peer, options=options)
            peer.expect("offer")
        lab.advance(HANDSHAKE_MS // 2, role)
        established = peer.handshake(4.0 if good else 0.2)
        if good:
            lab.require_control_that(established, f"no session: {peer.ended}")
    peer.settle()
    lab.did(f"the peer stopped after half of the time ({last})")
    lab.stage("handshake")
    left = HANDSHAKE_MS - HANDSHAKE_MS // 2
    exactly(lab, lambda: peer.ended is not None, left, role, what=f"the {role} to drop its peer")
    lab.require_view(lab.iut_view(peer), checks.not_established(role))


@case("TIME-02", needs=("virtual-clock",))
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_the_timer_ends_with_the_handshake(lab: Lab, role: Role) -> None:
    """A good session is established in time. Its handshake's time-out passes three times over: the session is not
    touched by it."""
    lab.judge(role)
    options = virtual(handshake_ms=HANDSHAKE_MS)
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"), options=options)
    session = lab.session(options=options)
    open_or_stop(session)
    for _ in range(3):
        lab.advance(HANDSHAKE_MS, role)
        session.settle()
    session.exchange("c2s", 2)
    session.settle_delivery("c2s")
    lab.did("left a good session alone for three times its handshake's time-out")
    lab.record(session)
    outcome = session.finish()
    lab.stage("established")
    over = outcome.client if role == "client" else outcome.server
    lab.require_that(not over.endings, "the session to go on", f"{over.endings}", "killed-later")
    lab.require(outcome, checks.delivered_all("c2s"))


@case("TIME-03", role="server", needs=("virtual-clock",))
@pytest.mark.parametrize("form", ["silent", "half-flight", "after-first-flight"])
def test_stalled_clients_are_no_turnstile(lab: Lab, form: str) -> None:
    """Some clients are stuck in their handshake, and as no time passes, they never time out. A session that exists goes
    on, and a good client is served while they are all still stuck."""
    served = lab.listen(options=virtual())
    flight = _first_flight(lab, served)
    older = lab.session(served=served, virtual=True)
    open_or_stop(older)
    said = {"silent": 0, "half-flight": len(flight) // 2, "after-first-flight": len(flight)}[form]
    stalled = [silent_client(lab, served, flight[:said]) for _ in range(STALLED)]
    lab.did(f"{STALLED} clients stalled ({form}), then a good one connected")
    good = lab.session(served=served, virtual=True, patient=True)
    opened = good.open()
    lab.record(good)
    still = sum(raw.ended is None for raw in stalled)
    lab.stage("handshake")
    lab.require_that(
        opened, "a good client to be served", f"it was not, beside {still} stalled ones", "delayed"
    )
    payload = lab.payload()
    older.send("c2s", payload)
    arrived = lab.wait(lambda: payload in served.view(0).delivered, 4.0)
    lab.require_that(arrived, "an older session to go on", "its message did not arrive", "delayed")
    lab.note(f"{still} of {STALLED} stalled clients were still there")


def _first_flight(lab: Lab, served: Served) -> bytes:
    """The first bytes of a good client, which gets its session: the control."""
    session = lab.session(served=served, virtual=True)
    open_or_stop(session)
    flight = session.the_link().recording("c2s")[0]
    session.close_end("client")
    session.settle_end("server")
    session.close()
    lab.require_control_that(True, "a good client was served")
    return flight


def _timed_out(lab: Lab) -> int | None:
    return lab.metrics("server")["handshake_timeout"] if lab.has("metrics") else None
