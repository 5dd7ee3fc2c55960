"""No timer fires early: each one at one tick before its time, and many together in real time under load."""

import pytest

from ipc_gauntlet import Call, Lab, NotApplicable, RawPeer, Role, case
from ipc_gauntlet_suites.scripts import open_or_stop
from ipc_gauntlet_suites.timeouts.limits import timer, wait_limit
from ipc_gauntlet_suites.timeouts.scenarios import TIMERS, started

LENGTHS_MS = (1037,)
SAMPLES = 40
CLIENTS = 16
SHORTEST_MS = 21
APART_S = 0.009


@case("TIME-12", needs=("virtual-clock",), axes="each")
@pytest.mark.parametrize(("timer", "role"), TIMERS, ids=[f"{timer}-{role}" for timer, role in TIMERS])
@pytest.mark.parametrize("t_ms", LENGTHS_MS)
def test_one_tick_before(lab: Lab, timer: str, role: Role, t_ms: int) -> None:
    """A timer of either role, of a length that no wheel of timers divides, has not fired one tick before its time; then it
    fires."""
    lab.judge(role)
    one = started(lab, timer, role, t_ms)
    stage = {"connect": "transport", "handshake": "handshake", "drain": "closing"}.get(timer, "established")
    lab.stage(stage)
    lab.advance(one.t_ms - 1, role)
    lab.settle(one.happened)
    early = one.happened()
    lab.require_that(not early, f"{timer} not to fire before {one.t_ms} ms", "it fired a tick early", "early")
    lab.advance(1, role)
    fired = lab.wait(one.happened, 4.0)
    if not fired:
        lab.require_control_that(False, f"{timer} did not fire at its time, which says nothing")


@case("TIME-12", role="server", axes="each", control=False)
def test_handshakes_in_real_time(lab: Lab) -> None:
    """Some clients connect, shortly after one another, and say nothing, on a real clock. None of them is dropped before the
    handshake's time is over, counted from before it began to connect."""
    limit = timer(lab, handshake_ms=203)
    if limit.seconds is None:
        raise NotApplicable("it declares no time-out for handshakes that could be early")
    served = lab.listen(options=limit.options)
    begun: list[tuple[float, RawPeer]] = []
    ended: dict[int, float] = {}

    def all_ended() -> bool:
        for index, (_, raw) in enumerate(begun):
            if raw.ended is not None and index not in ended:
                ended[index] = lab.reactor.now()
        return len(ended) == CLIENTS

    # All at once, they would stand at the same place between two ticks of whatever counts in ticks.
    for _ in range(CLIENTS):
        start = lab.reactor.now()
        begun.append((start, RawPeer.dial(lab.reactor, served.address)))
        lab.own(begun[-1][1].close)
        lab.pause(APART_S)
    over = lab.wait(all_ended, wait_limit(lab, limit))
    if not over:
        raise NotApplicable("it did not end silent clients at all; TIME-02 says so")
    lab.did(f"{CLIENTS} clients connected and said nothing")
    lab.stage("handshake")
    shortest = min(ended[index] - start for index, (start, _) in enumerate(begun))
    holds = shortest >= lab.noise.lower(limit.seconds)
    lab.require_that(holds, f"no end before {limit.seconds:g} s", f"one after {shortest:.3f} s", "early")


@case("TIME-12", role="client", axes="each")
def test_many_deadlines_in_real_time(lab: Lab) -> None:
    """Many requests with deadlines of all lengths are open together, on a real clock and a machine that is busy with them.
    Each was open at least as long as its deadline says."""
    lab.need("request", "it has no requests")
    session = lab.session()
    open_or_stop(session)
    answer = session.ask("echo", b"hello")
    lab.require_control_that(answer.ok, f"echo gave {answer}")
    begun: list[tuple[Call, float, float]] = []
    for index in range(SAMPLES):
        length_ms, start = SHORTEST_MS + 3 * index, lab.reactor.now()
        call = session.request("wait", b"20000", deadline_ms=length_ms)
        begun.append((call, start, length_ms / 1000))
    ended: dict[int, float] = {}

    def all_ended() -> bool:
        for index, (call, _, _) in enumerate(begun):
            if call.done and index not in ended:
                ended[index] = lab.reactor.now()
        return len(ended) == len(begun)

    lab.wait(all_ended)
    lab.did(f"{SAMPLES} requests with deadlines from {SHORTEST_MS} ms on")
    lab.record(session)
    lab.stage("established")
    lab.require_control_that(len(ended) == len(begun), f"{len(ended)} of them were ended by their deadline")
    open_s = [(ended[index] - start - length, length) for index, (_, start, length) in enumerate(begun)]
    worst, length = min(open_s)
    limit = lab.noise.lower(length) - length
    lab.require_that(
        worst >= limit,
        "no deadline before its time",
        f"one of {length:.3f} s came {-worst:.3f} s early",
        "early",
    )
