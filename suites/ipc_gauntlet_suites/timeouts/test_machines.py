"""Deadlines under whole schedules of passing time, made by a state machine."""

from ipc_gauntlet import Lab, case


@case("TIME-12", needs=("request", "virtual-clock"), role="client", axes="each")
def test_any_schedule_fires_on_time(lab: Lab) -> None:
    """Requests with deadlines are open together; time passes in steps that end just before a deadline, at it or behind
    it, answers come in between, and the wall clock is set forward and back. Each deadline fires once, at its own
    millisecond, and never after the answer."""
    from ipc_gauntlet_suites.machines.drivers.timers import timer_schedules

    timer_schedules(lab)
