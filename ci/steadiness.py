#!/usr/bin/env python3
"""Are verdicts steady? Run all suites on an implementation that must pass, again and again, while every core is busy.

    python ci/steadiness.py                       20 runs of the reference, each with a seed of its own
    python ci/steadiness.py --runs 3 --load 0     fewer, on a machine that is left in peace
    python ci/steadiness.py --json steadiness.json -- --suite timeouts

Everything that is not a pass is a false verdict, because the implementation is known to be good; so is a case that
was not run. What passed only when it was tried again, alone, is told and does not count. Words after `--` go to `ipc-gauntlet run`. The exit status is 0 only if there was none.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

GOOD = frozenset({"pass", "not_applicable"})
TWICE = "tried twice"
"""How the note begins on a case that was inconclusive at first."""


@dataclass
class Run:
    """What one run came to.

    Args:
        seed: Its seed.
        status: Exit status of the command.
        wall_s: How long it took, in seconds.
        verdicts: How many cases ended how.
        wrong: Cases that did not pass: id, verdict, what was said of it.
        tried_twice: Cases that said nothing at first, and what came of the second try.
    """

    seed: int
    status: int
    wall_s: float
    verdicts: dict[str, int] = field(default_factory=dict)
    wrong: list[tuple[str, str, str]] = field(default_factory=list)
    tried_twice: list[tuple[str, str, str]] = field(default_factory=list)


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Keep so many cores busy."""
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
        for burner in burners:
            burner.wait()


def once(name: str, seed: int, folder: Path, options: Sequence[str]) -> Run:
    """Run all suites once."""
    report = folder / f"run-{seed}.json"
    command = [sys.executable, "-m", "ipc_gauntlet.cli", "run", name, "--quiet", "--seed", str(seed)]
    began = time.monotonic()
    done = subprocess.run(
        [*command, "--json", str(report), *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    run = Run(seed, done.returncode, time.monotonic() - began)
    if not report.exists():
        run.wrong.append(("the whole run", "error", done.stdout.strip()))
        return run
    cases = json.loads(report.read_text(encoding="utf-8"))["cases"]
    run.verdicts = dict(Counter(case["verdict"] for case in cases))
    run.wrong = [
        (case["id"], case["verdict"], f"{case['reason']}: {case['message']}")
        for case in cases
        if case["verdict"] not in GOOD
    ]
    run.tried_twice = [
        (case["id"], case["verdict"], note)
        for case in cases
        for note in case["notes"]
        if note.startswith(TWICE)
    ]
    if not cases:
        run.wrong.append(("the whole run", "error", "no case was run"))
    return run


def main() -> int:
    """Run, print, and say whether every verdict was right."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--name", default="reference", help="an implementation that passes everything")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument(
        "--load", type=int, default=os.cpu_count() or 1, help="busy processes beside the runs"
    )
    parser.add_argument("--json", type=Path, help="write what happened")
    own, words = sys.argv[1:], []
    if "--" in own:
        own, words = own[: own.index("--")], own[own.index("--") + 1 :]
    options = parser.parse_args(own)
    runs: list[Run] = []
    with tempfile.TemporaryDirectory() as folder, busy(options.load):
        for number in range(options.runs):
            run = once(options.name, options.first_seed + number, Path(folder), words)
            runs.append(run)
            told = ", ".join(f"{count} {verdict}" for verdict, count in sorted(run.verdicts.items()))
            print(
                f"run {number + 1:2d} of {options.runs}, seed {run.seed}: {told}; {run.wall_s:.0f} s",
                flush=True,
            )
            for case, verdict, reason in run.wrong:
                print(f"    {verdict}: {case} ({reason})", flush=True)
            for case, verdict, note in run.tried_twice:
                print(f"    {verdict}, {case}: {note}", flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(run) for run in runs], indent=1) + "\n", encoding="utf-8")
    wrong = sum(len(run.wrong) for run in runs)
    failed = [run.seed for run in runs if run.status != 0]
    print(f"{len(runs)} runs with {options.load} busy processes: {wrong} false verdicts")
    if failed:
        print(f"seeds of the runs that did not end well: {', '.join(map(str, failed))}")
    return 1 if wrong or failed else 0


if __name__ == "__main__":
    sys.exit(main())
