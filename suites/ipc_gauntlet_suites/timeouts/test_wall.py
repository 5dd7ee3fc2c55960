"""The wall clock is set: timers do not care, and the validity of credentials is judged by what it says now."""

import time

import pytest

from ipc_gauntlet import Deployment, Lab, Role, case, checks
from ipc_gauntlet_suites.scripts import BOTH_ROLES, numbered
from ipc_gauntlet_suites.timeouts.scenarios import TIMERS, started
from ipc_gauntlet_suites.timeouts.virtual import exactly

LENGTH_MS = 1413
HOUR_MS = 3_600_000


@case("TIME-07", needs=("virtual-clock",), axes="each")
@pytest.mark.parametrize(("timer", "role"), TIMERS, ids=[f"{timer}-{role}" for timer, role in TIMERS])
def test_timers_ignore_the_wall(lab: Lab, timer: str, role: Role) -> None:
    """While a timer runs, the wall clock is set an hour forward, later two hours back. The timer fires with its own tick
    as if nothing had happened."""
    lab.judge(role)
    one = started(lab, timer, role, LENGTH_MS)
    stage = {"connect": "transport", "handshake": "handshake", "drain": "closing"}.get(timer, "established")
    lab.stage(stage)
    lab.step_wall(HOUR_MS, role)
    lab.advance(LENGTH_MS // 2, role)
    lab.settle(one.happened)
    lab.step_wall(-2 * HOUR_MS, role)
    lab.did("set the wall clock an hour forward, and two hours back")
    exactly(lab, one.happened, LENGTH_MS - LENGTH_MS // 2, role, what=f"the timer {timer} to fire")
    lab.step_wall(HOUR_MS, role)


@case("TIME-07", needs=("virtual-clock",))
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("live", [True, False], ids=["live", "new"])
def test_credentials_follow_the_wall(lab: Lab, role: Role, live: bool) -> None:
    """The peer's credential ends in a day. With the wall clock an hour before that a session comes about; an hour after it
    none does; when the clock is set back, again. A session that is open is not broken by a step that leaves its
    credential valid."""
    lab.judge(role)
    deployment = _ending_in_a_day(lab, role)
    served = lab.listen(deployment, options={"clock": "virtual"})
    lab.step_wall(23 * HOUR_MS, role)
    if live:
        session = lab.session(deployment=deployment, served=served, virtual=True)
        lab.require_control_that(session.open(), "no session an hour before the end")
        lab.step_wall(-23 * HOUR_MS, role)
        session.settle(lambda: session.is_over(role))
        session.exchange("c2s", 2)
        session.settle_delivery("c2s")
        lab.did("set the wall clock back by 23 hours while a session was open")
        lab.stage("established")
        lab.record(session)
        lab.require(session.finish(), checks.delivered_all("c2s"))
        return
    plan = {"deployment": deployment, "served": served, "virtual": True}
    lab.control(numbered("c2s", 1), checks.delivered_all("c2s"), **plan)  # type: ignore[arg-type]
    lab.step_wall(2 * HOUR_MS, role)
    session = lab.session(deployment=deployment, served=served, virtual=True)
    session.open(warm=False)
    lab.did("set the wall clock to an hour after the end of the peer's credential")
    lab.record(session)
    lab.stage("handshake")
    lab.require(session.finish(), checks.not_established(role))
    lab.step_wall(-2 * HOUR_MS, role)
    # Late news of the attempt that was refused must not be taken for news of the next.
    lab.pause_until_quiet(lambda: False)
    again = lab.session(deployment=deployment, served=served, virtual=True, patient=True)
    opened = again.open()
    lab.step_wall(-23 * HOUR_MS, role)
    lab.record(again)
    lab.require_that(opened, "a session again", "none", "refused-valid")


def _ending_in_a_day(lab: Lab, role: Role) -> Deployment:
    if lab.issuer.kind == "psk":
        return lab.psk.ending(role, int(time.time()) + 24 * HOUR_MS // 1000)
    return lab.issuer.good()
