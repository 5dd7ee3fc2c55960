"""Every rule set: the reference keeps to it, and each planted mistake breaks it within the budget."""

import os
from collections.abc import Callable

import pytest
import sloppy_once
import sloppy_parts
from parties import PAIRS, Pair
from reference_once import ReferenceOnce
from reference_parts import ClockTimers, ReferenceLanes, ReferenceWindow, RequestTimers
from reference_sessions import ReferenceSession
from sloppy_sessions import MISTAKES as SESSION_MISTAKES
from sloppy_sessions import SloppySession

from ipc_gauntlet_suites.machines.lanes import LanesMachine
from ipc_gauntlet_suites.machines.once import OnceMachine, Reply
from ipc_gauntlet_suites.machines.running import Broken, Budget, Machine, search
from ipc_gauntlet_suites.machines.session import AGREEMENT, ENDING, ONCE, ORDER, SessionMachine
from ipc_gauntlet_suites.machines.timers import TimersMachine
from ipc_gauntlet_suites.machines.window import WindowMachine

SEED = 20
"""For what is known to be wrong: it must be found in the same way every time."""
EXPLORED = int(os.environ.get("IPC_GAUNTLET_MACHINES_SEED", SEED))
SCHEDULES = int(os.environ.get("IPC_GAUNTLET_MACHINES_SCHEDULES", "50"))
"""For what is thought to be right: more of it, and other schedules, where somebody has the time."""
GOOD = Budget(examples=SCHEDULES, steps=16, wall_s=90.0 + SCHEDULES / 5)
BAD = Budget(examples=400, steps=14, wall_s=90.0, shrink_s=0.1)

REFERENCE: dict[str, Callable[[], Machine]] = {
    "window": lambda: WindowMachine(ReferenceWindow()),
    "lanes": lambda: LanesMachine(ReferenceLanes()),
    "request-timers": lambda: TimersMachine(RequestTimers()),
    "clock-timers": lambda: TimersMachine(ClockTimers()),
    "once": lambda: OnceMachine(ReferenceOnce()),
}
CAREFUL: dict[str, Callable[[], Machine]] = {
    "session": lambda: SessionMachine(SloppySession()),
    "window": lambda: WindowMachine(sloppy_parts.SloppyWindow()),
    "window-of-unknown-width": lambda: WindowMachine(sloppy_parts.SloppyWindow(width=None)),
    "lanes": lambda: LanesMachine(sloppy_parts.SloppyLanes()),
    "timers": lambda: TimersMachine(sloppy_parts.SloppyTimers()),
    "once": lambda: OnceMachine(sloppy_once.SloppyOnce()),
}


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_sessions_of_the_reference(pair: Pair) -> None:
    found = search(lambda: SessionMachine(ReferenceSession(pair)), GOOD, EXPLORED)
    assert found.finding is None, found
    assert found.schedules == GOOD.examples
    assert found.steps > 5 * found.schedules


@pytest.mark.parametrize("name", REFERENCE)
def test_parts_of_the_reference(name: str) -> None:
    found = search(REFERENCE[name], GOOD, EXPLORED)
    assert found.finding is None, found
    assert found.steps > 5 * found.schedules


@pytest.mark.parametrize("name", CAREFUL)
def test_a_careful_toy_is_not_accused(name: str) -> None:
    found = search(CAREFUL[name], GOOD, EXPLORED)
    assert found.finding is None, found


@pytest.mark.parametrize("mistake", SESSION_MISTAKES)
def test_mistakes_of_sessions_are_found(mistake: str) -> None:
    found = search(lambda: SessionMachine(SloppySession(mistake)), BAD, SEED)
    assert found.finding is not None
    assert found.schedule[0].startswith("connect")


@pytest.mark.parametrize(
    ("mistake", "judged", "reasons"),
    [
        ("gap", ORDER, {"gap", "delivered-beyond"}),
        ("reorder", ORDER, {"reordered", "gap", "delivered-beyond"}),
        ("duplicate", ONCE, {"delivered-twice"}),
        ("own-frames", ONCE, {"altered"}),
        ("other-session", ONCE, {"altered"}),
        ("unchecked", ONCE, {"altered"}),
        ("eof-is-clean", ENDING, {"clean-end"}),
        ("ends-twice", ENDING, {"ended-twice"}),
        ("own-binding", AGREEMENT, {"binding-differs"}),
        ("own-name", AGREEMENT, {"other-peer"}),
        ("early", AGREEMENT, {"early"}),
    ],
)
def test_each_group_finds_what_it_is_for(mistake: str, judged: str, reasons: set[str]) -> None:
    found = search(lambda: SessionMachine(SloppySession(mistake), {judged}), BAD, SEED)
    assert found.finding is not None
    assert found.finding.reason in reasons


@pytest.mark.parametrize("mistake", sloppy_parts.WINDOW_MISTAKES)
def test_mistakes_of_windows_are_found(mistake: str) -> None:
    found = search(lambda: WindowMachine(sloppy_parts.SloppyWindow(mistake)), BAD, SEED)
    assert found.finding is not None


@pytest.mark.parametrize(
    "mistake", sorted(sloppy_parts.WINDOW_MISTAKES.keys() - {"off-by-one", "one-too-few"})
)
def test_mistakes_of_windows_of_unknown_width_are_found(mistake: str) -> None:
    """Except those that only make the window another one: nobody said how wide it is."""
    found = search(lambda: WindowMachine(sloppy_parts.SloppyWindow(mistake, width=None)), BAD, SEED)
    assert found.finding is not None


@pytest.mark.parametrize("mistake", sloppy_parts.LANE_MISTAKES)
def test_mistakes_of_lanes_are_found(mistake: str) -> None:
    found = search(lambda: LanesMachine(sloppy_parts.SloppyLanes(mistake)), BAD, SEED)
    assert found.finding is not None


@pytest.mark.parametrize("mistake", sloppy_parts.TIMER_MISTAKES)
def test_mistakes_of_timers_are_found(mistake: str) -> None:
    found = search(lambda: TimersMachine(sloppy_parts.SloppyTimers(mistake)), BAD, SEED)
    assert found.finding is not None


@pytest.mark.parametrize("mistake", sloppy_once.MISTAKES)
def test_mistakes_with_keys_are_found(mistake: str) -> None:
    found = search(lambda: OnceMachine(sloppy_once.SloppyOnce(mistake)), BAD, SEED)
    assert found.finding is not None


class Keeping:
    """A responder that forgets when the test says so, whatever time has passed."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, int], bytes] = {}
        self.effects: list[bytes] = []

    def request(self, who: str, key: int, body: bytes) -> Reply:
        """Execute it once for each record."""
        if (who, key) not in self.records:
            self.effects.append(body)
            self.records[who, key] = b"answer %d" % len(self.effects)
        return Reply(True, self.records[who, key])

    def lose(self, who: str, key: int, body: bytes) -> bool:
        """Execute it, and tell nobody."""
        self.request(who, key, body)
        return True

    def pass_horizon(self, *, over: bool) -> bool:
        """Forget nothing by itself."""
        return True

    def ledger(self) -> list[bytes]:
        """See `OnceBackend`."""
        return self.effects


@pytest.mark.parametrize("lost", [False, True], ids=["answered", "answer-lost"])
def test_what_is_kept_beyond_its_horizon_may_be_forgotten_at_any_moment(lost: bool) -> None:
    """As where a crash took time away from a store: the record was old when it was asked for again."""
    kept = Keeping()
    machine = OnceMachine(kept)  # type: ignore[arg-type]
    (machine.lose if lost else machine.request)("first", 1, 0)
    machine.pass_horizon(over=True)
    machine.request("first", 1, 0)
    assert len(kept.effects) == 1
    machine.pass_horizon(over=False)
    kept.records.clear()
    machine.request("first", 1, 0)
    machine.one_effect()
    assert len(kept.effects) == 2


def test_what_is_forgotten_before_its_horizon_is_found() -> None:
    """Also when an older record under the same key was kept for longer and then made anew."""
    kept = Keeping()
    machine = OnceMachine(kept)  # type: ignore[arg-type]
    machine.request("first", 1, 0)
    machine.pass_horizon(over=True)
    machine.request("first", 1, 0)
    kept.records.clear()
    machine.request("first", 1, 0)
    kept.records.clear()
    with pytest.raises(Broken) as caught:
        machine.request("first", 1, 0)
    assert caught.value.finding.reason == "other-outcome"
