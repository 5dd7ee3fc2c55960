#!/usr/bin/env python3
"""Put together what the same tests executed on several systems: `python ci/measured.py RESULTS FOLDER...`.

Each folder holds the data files of one system, called `data`, written with ci/coverage.ini; its name is that of the system. What only
one system can execute is of interest: the modules for Windows are executed by Windows Python under Wine, or nowhere.
The report goes to the standard output and, as Markdown, to RESULTS/coverage.md; RESULTS/coverage.json has every line.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from coverage import Coverage
from coverage.exceptions import CoverageException

SETTINGS = Path(__file__).resolve().parent / "coverage.ini"
TOGETHER = "together"
WINDOWS = (
    "harness/ipc_gauntlet/windows/*",
    "harness/ipc_gauntlet/driver/process_windows.py",
    "harness/ipc_gauntlet/reactor/completion.py",
    "harness/ipc_gauntlet/transport/pipe.py",
    "reference_impl/sipc_runtime/pipe*.py",
    "reference_impl/sipc_runtime/windows_*.py",
)
UNIX = (
    "harness/ipc_gauntlet/driver/process_*.py",
    "harness/ipc_gauntlet/driver/idleness.py",
    "harness/ipc_gauntlet/transport/unix.py",
    "reference_impl/sipc_runtime/peercred.py",
    "reference_impl/sipc_runtime/unix.py",
)
GROUPS: Mapping[str, tuple[str, ...]] = {"Windows only": WINDOWS, "Unix only": UNIX, "every system": ("*",)}
"""Patterns of files; a file is in the first group that has it."""


@dataclass(frozen=True, slots=True)
class Count:
    """How much of something was executed, in lines and branches."""

    done: int = 0
    all: int = 0

    def __add__(self, other: Count) -> Count:
        """Both together."""
        return Count(self.done + other.done, self.all + other.all)

    def __str__(self) -> str:
        """In whole percent, which is 100 only for everything."""
        return f"{100 * self.done // self.all} %" if self.all else "-"


def counts_of(report: Mapping[str, Any]) -> dict[str, Count]:
    """What a report in JSON says of each file.

    Args:
        report: As `coverage json` writes it.
    """
    found = {}
    for name, one in report["files"].items():
        told = one["summary"]
        done = told["covered_lines"] + told.get("covered_branches", 0)
        found[name.replace("\\", "/")] = Count(done, told["num_statements"] + told.get("num_branches", 0))
    return found


def group_of(file: str) -> str:
    """The group that a file belongs to."""
    return next(name for name, patterns in GROUPS.items() if any(fnmatchcase(file, one) for one in patterns))


def combined(folders: Sequence[Path], out: Path) -> dict[str, Count]:
    """Put data files together.

    Args:
        folders: Where they are; they stay there.
        out: Where the report of all of them goes, as JSON.

    Returns:
        What was executed of each file.
    """
    with tempfile.TemporaryDirectory() as folder:
        measured = Coverage(data_file=str(Path(folder, "data")), config_file=str(SETTINGS))
        measured.combine([str(one) for one in folders], strict=True, keep=True)
        measured.save()
        measured.json_report(outfile=str(out))
    return counts_of(json.loads(out.read_text(encoding="utf-8")))


def share(systems: Mapping[str, Mapping[str, Count]], name: str, file: str) -> Count:
    """How much of a file one system executed; nothing of one that it never imported, which its data does not know.

    Args:
        systems: As for `page`.
        name: The system.
        file: One that is known to all of them together.
    """
    return Count(systems[name].get(file, Count()).done, systems[TOGETHER][file].all)


def page(systems: Mapping[str, Mapping[str, Count]]) -> str:
    """The report, as Markdown.

    Args:
        systems: Name of each system, and what it executed of each file; `TOGETHER` is all of them.
    """
    names, files = list(systems), sorted(systems[TOGETHER])
    head = [f"| | {' | '.join(names)} |", f"|---{'|---:' * len(names)}|"]
    lines = ["# What was executed where\n", "Lines and branches of what differs between systems.\n", *head]
    for group in GROUPS:
        mine = [file for file in files if group_of(file) == group]
        sums = [sum((share(systems, name, file) for file in mine), Count()) for name in names]
        lines.append(f"| {group} ({len(mine)} modules) | {' | '.join(map(str, sums))} |")
    lines += ["", "## Modules for Windows\n", *head]
    for file in files:
        if group_of(file) == "Windows only":
            shares = [str(share(systems, name, file)) for name in names]
            lines.append(f"| `{file}` | {' | '.join(shares)} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the report.

    Args:
        arguments: The folder for the results, and the folders of the systems.

    Returns:
        The exit status: 1 if there is nothing of Windows in the data, which would look like a system that was left out;
        3 if a folder has no data that can be read.
    """
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    results, folders = Path(arguments[0]), [Path(one) for one in arguments[1:]]
    results.mkdir(parents=True, exist_ok=True)
    try:
        systems = {one.name: combined([one], results / f"coverage-{one.name}.json") for one in folders}
        systems[TOGETHER] = combined(folders, results / "coverage.json")
    except CoverageException as error:
        print(f"{', '.join(map(str, folders))}: {error}", file=sys.stderr)
        return 3
    text = page(systems)
    (results / "coverage.md").write_text(text, encoding="utf-8")
    print(text, end="")
    windows = [count for file, count in systems[TOGETHER].items() if group_of(file) == "Windows only"]
    return 0 if sum(windows, Count()).done else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
