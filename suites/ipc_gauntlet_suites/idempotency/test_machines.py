"""Keyed requests under whole schedules of loss, repetition, crashes and lost permission, made by a state machine."""

from ipc_gauntlet import Lab, case

KEYED = ("request", "idempotency")


@case("IDEM-01", needs=KEYED, role="server", axes="each")
def test_any_schedule_has_one_effect(lab: Lab) -> None:
    """Two principals use few keys for few requests, in any order: again, several times at once, with answers that are
    lost with their connection, with another body under a used key. No key may have two effects for one principal."""
    from ipc_gauntlet_suites.machines.drivers.once import World, once_schedules

    once_schedules(lab, lambda: World(lab), {"executed"})


@case("IDEM-05", needs=KEYED, role="server", axes="each")
def test_any_schedule_keeps_principals_apart(lab: Lab) -> None:
    """The same schedules. Each principal's answered request has an effect of its own, and nobody is given the answer of
    another principal or another request."""
    from ipc_gauntlet_suites.machines.drivers.once import World, once_schedules

    once_schedules(lab, lambda: World(lab), {"disclosed", "no-effect"})


@case("IDEM-07", needs=(*KEYED, "durable", "faults"), role="server", axes="each")
def test_any_schedule_with_a_crash_has_one_effect(lab: Lab) -> None:
    """The same, and once in each schedule the server is killed, before or after the effect, after its record, before the
    reply, or between two requests, and comes back with its store. There may be one effect or none, an answer that was
    given must be given again, and nothing may be executed anew."""
    from ipc_gauntlet_suites.machines.drivers.once import CRASHING, World, once_schedules

    judged = {"executed", "no-effect", "other-outcome", "no-outcome"}
    once_schedules(lab, lambda: World(lab, durable=True), judged, CRASHING)


@case("IDEM-08", needs=(*KEYED, "authorization"), role="server", axes="each")
def test_any_schedule_of_refusals_leaves_keys_free(lab: Lab) -> None:
    """The same without crashes, and principals lose their permission and get it back. A request that was refused for
    that must not have used its key: the next one with it, once permitted, is executed and answered."""
    from ipc_gauntlet_suites.machines.drivers.once import World, once_schedules

    once_schedules(lab, lambda: World(lab, guarded=True), {"key-consumed"})
