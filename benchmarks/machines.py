"""`python -m benchmarks.machines`: how many schedules a second the state machines try on the reference in memory."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ipc_gauntlet_suites.machines.lanes import LanesMachine
from ipc_gauntlet_suites.machines.once import OnceMachine
from ipc_gauntlet_suites.machines.running import Budget, Machine, search
from ipc_gauntlet_suites.machines.session import SessionMachine
from ipc_gauntlet_suites.machines.timers import TimersMachine
from ipc_gauntlet_suites.machines.window import WindowMachine

SUPPORT = Path(__file__).resolve().parent.parent / "tests" / "support"
STEPS = 16


def machines() -> dict[str, Callable[[], Machine]]:
    """Every machine with the reference behind it; the back ends are those of the tests."""
    sys.path.insert(0, str(SUPPORT))
    from parties import both_pair, psk_pair, x509_pair
    from reference_once import ReferenceOnce
    from reference_parts import ReferenceLanes, ReferenceWindow, RequestTimers
    from reference_sessions import ReferenceSession

    x509, psk, both = x509_pair(), psk_pair(), both_pair()
    return {
        "session, x509": lambda: SessionMachine(ReferenceSession(x509)),
        "session, psk": lambda: SessionMachine(ReferenceSession(psk)),
        "session, both": lambda: SessionMachine(ReferenceSession(both)),
        "window": lambda: WindowMachine(ReferenceWindow()),
        "keyed requests": lambda: OnceMachine(ReferenceOnce()),
        "lanes": lambda: LanesMachine(ReferenceLanes()),
        "timers": lambda: TimersMachine(RequestTimers()),
    }


def main() -> int:
    """Measure, print, write JSON; the exit status says whether a schedule broke an invariant."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.machines", description=__doc__)
    parser.add_argument("--schedules", type=int, default=1000, help="schedules of each machine")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, default=Path("benchmark-results-machines.json"))
    options = parser.parse_args()
    budget = Budget(examples=options.schedules, steps=STEPS, wall_s=3600.0)
    results: dict[str, dict[str, float]] = {}
    broken = 0
    for name, make in machines().items():
        before = time.process_time()
        found = search(make, budget, options.seed)
        spent = time.process_time() - before
        results[name] = {
            "schedules": found.schedules,
            "steps": found.steps,
            "cpu_s": spent,
            "schedules_per_cpu_s": found.schedules / spent,
        }
        print(
            f"{name:16} {found.schedules / spent:8.0f} schedules and {found.steps / spent:8.0f} steps a CPU second"
        )
        if found.finding is not None:
            broken = 1
            print("\n".join((f"  broken: {found.finding.expected}; {found.finding.seen}", *found.schedule)))
    options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return broken


if __name__ == "__main__":
    sys.exit(main())
