#!/usr/bin/env python3
"""Do runs agree? The same suites with the same seed, several times, compared case by case.

    python ci/agreement.py compare a.json b.json c.json      reports that are there
    python ci/agreement.py run --wine -- --transport pipe    three runs of the reference under Wine, then compared
    python ci/agreement.py run --runs 5 -- --suite replay    five runs here

Two runs of one seed make the same choices, so a verdict, a stage or a reason that differs comes from the machine, and
is a fault of the case, the harness or the implementation. A case that is in one report only differs, too. The exit
status is 0 only if all agree and there was something to compare; whether they are right is another question
(ci/steadiness.py asks that, under load).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MISSING = ("not run", "", "")
Verdicts = dict[str, tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Difference:
    """A case on which runs do not agree.

    Args:
        case: Its id.
        told: Verdict, stage and reason in each run.
    """

    case: str
    told: tuple[tuple[str, str, str], ...]

    def __str__(self) -> str:
        """One line."""
        words = (" ".join(filter(None, one)) for one in self.told)
        return f"{self.case}: {' | '.join(words)}"


def verdicts(report: Path) -> Verdicts:
    """What a report says of each case.

    Args:
        report: As `ipc-gauntlet run --json` writes it.
    """
    cases = json.loads(report.read_text(encoding="utf-8"))["cases"]
    return {one["id"]: (one["verdict"], one["stage"], one["reason"]) for one in cases}


def differences(runs: Sequence[Verdicts]) -> Iterator[Difference]:
    """Every case on which runs do not agree.

    Args:
        runs: What each says.
    """
    for case in sorted(set().union(*runs)):
        told = tuple(run.get(case, MISSING) for run in runs)
        # How far a case came that passed is no part of what it says.
        if len({(one[0], "", "") if one[0] == "pass" else one for one in told}) > 1:
            yield Difference(case, told)


def compare(reports: Sequence[Path]) -> int:
    """Print what differs.

    Args:
        reports: At least two.

    Returns:
        The exit status.
    """
    runs = [verdicts(one) for one in reports]
    found = list(differences(runs))
    for one in found:
        print(f"DIFFERS  {one}")
    cases = len(set().union(*runs))
    print(f"{len(runs)} runs, {cases} cases, {len(found)} on which they do not agree")
    return 1 if found or not cases or len(runs) < 2 else 0


def command(report: Path, seed: int, *, wine: bool, options: Sequence[str]) -> list[str]:
    """The command line of one run.

    Args:
        report: Where it writes its report; below the checkout, which Windows programs call otherwise.
        seed: That of all runs.
        wine: Whether Windows Python runs it.
        options: Of `ipc-gauntlet run`.
    """
    python = [sys.executable, str(ROOT / "ci/wine/run")] if wine else [sys.executable]
    name = report.relative_to(ROOT).as_posix()
    words = ["-m", "ipc_gauntlet.cli", "run", "reference", "--seed", str(seed), "--json", name, *options]
    return [*python, *words]


def repeat(runs: int, seed: int, *, wine: bool, options: Sequence[str]) -> int:
    """Run, and compare.

    Args:
        runs: How often.
        seed: That of all runs.
        wine: Whether Windows Python runs it.
        options: Of `ipc-gauntlet run`.

    Returns:
        The exit status.
    """
    folder = ROOT / "ci-results"
    folder.mkdir(exist_ok=True)
    reports = [folder / f"agreement-{number}.json" for number in range(1, runs + 1)]
    for report in reports:
        report.unlink(missing_ok=True)
        done = subprocess.run(command(report, seed, wine=wine, options=options), cwd=ROOT, check=False)
        if not report.exists():
            print(f"a run left no report, and ended with status {done.returncode}", file=sys.stderr)
            return 3
    return compare(reports)


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says.

    Args:
        arguments: Without the program's name; what follows `--` goes to `ipc-gauntlet run`.
    """
    own, options = list(arguments), []
    if "--" in own:
        own, options = own[: own.index("--")], own[own.index("--") + 1 :]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = parser.add_subparsers(dest="what", required=True)
    kinds.add_parser("compare").add_argument("reports", nargs="+", type=Path)
    running = kinds.add_parser("run")
    running.add_argument("--runs", type=int, default=3)
    running.add_argument("--seed", type=int, default=1)
    running.add_argument("--wine", action="store_true", help="under Windows Python, with ci/wine/run")
    given = parser.parse_args(own)
    if given.what == "compare":
        return compare(given.reports)
    return repeat(given.runs, given.seed, wine=given.wine, options=options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
