"""Replay under whole schedules of attacks, made by a state machine."""

from ipc_gauntlet import Lab, case


@case("REPL-01", axes="each")
def test_any_schedule_delivers_once(lab: Lab) -> None:
    """The adversary repeats frames at once and later, sends them back to their sender, puts in frames of another session
    and combines this with loss and reordering. No message may be delivered twice, and nothing that was not sent."""
    from ipc_gauntlet_suites.machines.drivers.session import session_schedules
    from ipc_gauntlet_suites.machines.session import ONCE

    session_schedules(lab, {ONCE})


@case("REPL-05", needs=("datagram",), role="server", axes="each", wire="sipc/1")
def test_any_schedule_fits_a_window(lab: Lab) -> None:
    """Numbered records arrive in any order, late, twice, behind gaps, forged and then genuine. Each that is authentic,
    new and less than 64 behind must be taken, none twice, none that is forged; and what is refused for its age must fit
    one width."""
    from ipc_gauntlet_suites.machines.drivers.window import window_schedules

    window_schedules(lab)
