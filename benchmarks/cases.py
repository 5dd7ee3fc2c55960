"""`python -m benchmarks.cases`: what the harness itself costs, in CPU time of everything it starts.

Cases that measure real time are left out: they wait by definition.
"""

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """What one command took.

    Args:
        status: Exit status.
        cpu: CPU seconds of it and all its descendants.
        wall: Seconds on the clock.
        output: What it printed.
    """

    status: int
    cpu: float
    wall: float
    output: str


def gauntlet() -> str:
    """The installed command.

    Raises:
        FileNotFoundError: It is not installed beside this interpreter, nor on the path.
    """
    beside = Path(sys.executable).with_name("ipc-gauntlet")
    found = str(beside) if beside.exists() else shutil.which("ipc-gauntlet")
    if found is None:
        raise FileNotFoundError("ipc-gauntlet is not installed in this environment")
    return found


def cost(arguments: Sequence[str], folder: str) -> Cost:
    """Run `ipc-gauntlet` with these arguments and add up what it took."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [gauntlet(), *arguments], cwd=folder, stdout=subprocess.PIPE, text=True, check=False
    )
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(done.returncode, cpu, wall, done.stdout)


def measure_cases(name: str, workers: str, rounds: int, folder: str) -> tuple[int, list[Cost]]:
    """Run all cases of an implementation that do not measure time.

    Args:
        name: The bundled implementation.
        workers: As `ipc-gauntlet run --workers` takes it.
        rounds: How many whole runs.
        folder: An empty folder to work in.

    Returns:
        How many cases one run has, and what each run took.
    """
    listing = json.loads(cost(["list", "--json"], folder).output)
    chosen = [option for case in listing["cases"] if not case["timing"] for option in ("--case", case["id"])]
    report = Path(folder) / "report.json"
    arguments = ["run", name, "--quiet", "--seed", "1", "--workers", workers, "--json", str(report), *chosen]
    runs = [cost(arguments, folder) for _ in range(rounds)]
    cases = len(json.loads(report.read_text(encoding="utf-8"))["cases"])
    return cases, runs


def main() -> int:
    """Measure, print, write JSON; the exit status is that of the measured runs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cases", description=__doc__)
    parser.add_argument("name", nargs="?", default="reference", help="bundled implementation")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", default="auto", help="as for ipc-gauntlet run")
    parser.add_argument("--json", type=Path, default=Path("benchmark-results-cases.json"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        startup = statistics.median(cost(["--help"], folder).cpu for _ in range(5))
        cases, runs = measure_cases(options.name, options.workers, options.rounds, folder)
    rate = cases / statistics.median(run.cpu for run in runs)
    document = {
        "implementation": options.name,
        "workers": options.workers,
        "cases": cases,
        "statuses": [run.status for run in runs],
        "cpu_s": [run.cpu for run in runs],
        "wall_s": [run.wall for run in runs],
        "cases_per_cpu_s": rate,
        "help_cpu_s": startup,
    }
    options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"ipc-gauntlet --help            {startup * 1000:8.0f} ms CPU")
    print(f"{cases} cases of {options.name} (without timing cases, workers: {options.workers})")
    for run in runs:
        print(f"  one run                      {run.cpu:8.2f} s CPU   {run.wall:.2f} s wall")
    print(f"  cases per CPU second         {rate:8.1f}")
    return max(run.status for run in runs)


if __name__ == "__main__":
    sys.exit(main())
