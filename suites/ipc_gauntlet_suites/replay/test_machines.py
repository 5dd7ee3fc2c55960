"""Replay under whole schedules of attacks, made by a state machine."""

from ipc_gauntlet import Lab, case


@case("REPL-01", axes="each")
def test_any_schedule_delivers_once(lab: Lab) -> None:
    """The adversary repeats frames at once and later, sends them back to their sender, puts in frames of another session
    and combines this with loss and reordering. No message may be delivered twice, and nothing that was not sent."""
    from ipc_gauntlet_suites.machines.drivers.session import session_schedules
    from ipc_gauntlet_suites.machines.session import ONCE

    session_schedules(lab, {ONCE})
