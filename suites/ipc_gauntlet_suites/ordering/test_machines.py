"""Order and completeness under whole schedules of attacks, made by a state machine."""

from ipc_gauntlet import Lab, case


@case("ORD-01", axes="each")
def test_any_schedule_keeps_order(lab: Lab) -> None:
    """The adversary owns the path frame by frame: it loses, repeats, swaps, alters, keeps back, reflects and splices in
    schedules of several steps, also during the handshake. At every moment what was delivered must be a prefix of what
    was sent, and nothing may be delivered that was sent behind the first frame that did not arrive as it was."""
    from ipc_gauntlet_suites.machines.drivers.session import session_schedules
    from ipc_gauntlet_suites.machines.session import ORDER

    session_schedules(lab, {ORDER})


@case("ORD-07", axes="each")
def test_any_schedule_ends_truthfully(lab: Lab) -> None:
    """The same schedules, with both ends closing at any time and the stream ending before everything has arrived. An
    end may call the session's end clean only if everything the peer sent was delivered, and reports it once."""
    from ipc_gauntlet_suites.machines.drivers.session import session_schedules
    from ipc_gauntlet_suites.machines.session import ENDING

    session_schedules(lab, {ENDING})


@case(
    "ORD-03",
    needs=("request", "work", "cancel", "ordering-keys", "virtual-clock"),
    role="server",
    axes="each",
)
def test_any_schedule_keeps_lanes(lab: Lab) -> None:
    """Work in three lanes begins and ends in any order. A lane works on one item at a time, in the order in which they
    were sent, and begins the next one as soon as the last has ended, whatever the other lanes do."""
    from ipc_gauntlet_suites.machines.drivers.lanes import lane_schedules

    lane_schedules(lab)
