"""Time-outs before a session exists: connecting, the handshake, and what stalled peers do to others."""

import pytest

from ipc_gauntlet import (
    Inconclusive,
    Lab,
    Outcome,
    RawPeer,
    Served,
    Session,
    Unsupported,
    blackhole,
    case,
    checks,
)
from ipc_gauntlet_suites.scripts import numbered, open_or_stop, told
from ipc_gauntlet_suites.timeouts.limits import Timer, require_in_bounds, timer, wait_limit

STALLED = 3
FORMS = ["silent", "dribble", "half-flight", "after-first-flight"]


@case("TIME-01", role="client", timing=True)
def test_nobody_accepts(lab: Lab) -> None:
    """The client connects to an endpoint that never accepts. The attempt must fail, not before its time-out and not
    much later; it must not hang."""
    lab.control(numbered("c2s", 1), checks.delivered_all("c2s"))
    limit = timer(lab, connect_ms=400, handshake_ms=400)
    hole = blackhole(lab.transport, lab.directory)
    lab.own(hole.close)
    limit, elapsed = _give_up(lab, hole.address, limit)
    lab.did("connected the client to an endpoint whose backlog is full and that never accepts")
    require_in_bounds(lab, limit, elapsed, "the client to give up")


@case("TIME-02", role="server", timing=True)
@pytest.mark.parametrize("form", FORMS)
def test_stalled_client(lab: Lab, form: str) -> None:
    """A client says nothing, or a byte now and then, or half a flight, or one flight and no more. The server must drop
    it when the handshake's total time is over, whatever progress it made, and stay usable."""
    limit = timer(lab, handshake_ms=500)
    served = lab.listen(options=limit.options)
    flight: list[bytes] = []

    def good(session: Session) -> None:
        numbered("c2s", 1)(session)
        flight.append(session.the_link().recording("c2s")[0])

    lab.control(good, checks.delivered_all("c2s"), served=served)
    since = served.since()
    start = lab.reactor.now()
    raw = RawPeer.dial(lab.reactor, served.address)
    lab.own(raw.close)
    _stall(lab, raw, flight[0], form, limit)
    ended = lab.wait(
        lambda: raw.ended is not None, max(0.0, start + wait_limit(lab, limit) - lab.reactor.now())
    )
    lab.did(f"a client that stalls ({form})")
    require_in_bounds(
        lab, limit, lab.reactor.now() - start if ended else None, "the server to drop the stalled client"
    )
    told(lab, served, since)
    lab.require_view(served.view(since), checks.not_established("server"), checks.nothing_delivered("c2s"))
    lab.require(_next_client(lab, served), checks.delivered_all("c2s"))


def _next_client(lab: Lab, served: Served) -> Outcome:
    """A good client after that.

    Raises:
        Inconclusive: It failed, and others after it did not: on a busy machine a good client may miss so short a limit.
    """
    first = _good_client(lab, served)
    if _came_through(first):
        return first
    if any(_came_through(_good_client(lab, served)) for _ in range(2)):
        raise Inconclusive("one good client failed and another did not")
    return first


def _good_client(lab: Lab, served: Served) -> Outcome:
    return lab.attack(numbered("c2s", 1), what="then a good client connected", served=served, patient=True)


def _came_through(outcome: Outcome) -> bool:
    return checks.delivered_all("c2s")(outcome) is None


def _stall(lab: Lab, raw: RawPeer, flight: bytes, form: str, limit: Timer) -> None:
    if form == "half-flight":
        raw.write(flight[: len(flight) // 2])
    elif form == "after-first-flight":
        raw.write(flight)
    elif form == "dribble":
        step = (limit.seconds or 1.0) / 4
        for index in range(32):
            if raw.ended is not None:
                return
            raw.write(flight[index : index + 1])
            lab.wait(lambda: raw.ended is not None, step)
            if limit.seconds is None and index >= 8:
                return


@case("TIME-02", role="client", timing=True)
@pytest.mark.parametrize("form", ["silent", "garbled-length"])
def test_stalled_server(lab: Lab, form: str) -> None:
    """A server accepts and then says nothing, or announces more than ever comes. The client must give up when the
    handshake's total time is over."""
    lab.control(numbered("c2s", 1), checks.delivered_all("c2s"))
    limit = timer(lab, handshake_ms=500)
    raw = RawPeer.listen(lab.reactor, lab.transport, lab.directory)
    lab.own(raw.close)
    if form == "garbled-length":
        raw.write(b"\x00\x00\x00\x40")  # goes out as soon as somebody connects
    limit, elapsed = _give_up(lab, raw.address, limit)
    lab.did(f"connected the client to a server that stalls ({form})")
    if (
        form == "garbled-length"
        and elapsed is not None
        and limit.seconds is not None
        and elapsed < limit.seconds
    ):
        lab.note("the client refused at once what makes no sense, which is as good as waiting")
        limit = Timer(limit.name, None)
    require_in_bounds(lab, limit, elapsed, "the client to give up")


def _give_up(lab: Lab, address: dict[str, object], limit: Timer) -> tuple[Timer, float | None]:
    """Have the client connect where nothing will come of it; a timer that it refuses to set counts as missing.

    Returns:
        The timer that was really in force, and after how many seconds the client gave up, None if it did not.
    """
    start = lab.reactor.now()
    try:
        gave_up = lab.attempt(address, limit.options, wait_limit(lab, limit))
    except Unsupported:
        limit, start = Timer(limit.name, None), lab.reactor.now()
        gave_up = lab.attempt(address, {}, wait_limit(lab, limit))
    return limit, None if gave_up is None else gave_up - start


@case("TIME-03", role="server", timing=True)
@pytest.mark.parametrize("form", ["silent", "half-flight"])
def test_stalled_clients_delay_nobody(lab: Lab, form: str) -> None:
    """Some clients are stuck in their handshake. A well-behaved client must be served while they are."""
    limit = timer(lab, handshake_ms=5000) if lab.has("timeouts") else Timer("handshake_ms", None)
    served = lab.listen(options=limit.options)
    flight: list[bytes] = []
    for _ in range(2):
        session = lab.session(served=served)
        open_or_stop(session)
        flight.append(session.the_link().recording("c2s")[0])
        session.close()
    lab.control(numbered("c2s", 1), checks.delivered_all("c2s"), served=served)
    stalled = [RawPeer.dial(lab.reactor, served.address) for _ in range(STALLED)]
    for raw in stalled:
        lab.own(raw.close)
        raw.write(flight[0][: len(flight[0]) // 2] if form == "half-flight" else b"")
    lab.pause(0.1)
    start = lab.reactor.now()
    good = lab.session(served=served)
    good.connect()
    lab.wait(lambda: good.is_established("client") and good.is_established("server"), lab.noise.upper(0.0))
    took = lab.reactor.now() - start
    waiting = sum(raw.ended is None for raw in stalled)
    lab.did(
        f"{STALLED} clients stalled ({form}), then a good client connected; {waiting} were still stalled after {took:.2f} s"
    )
    outcome = good.finish()
    lab.record(good)
    lab.stage("handshake")
    lab.require(outcome, checks.established("client"), checks.established("server"))
