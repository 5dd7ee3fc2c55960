"""How to run once more what failed: `python ci/again.py REPORT` prints options of `ipc-gauntlet run`, a word on each line.

Nothing is printed if there is no report or nothing in it failed: then there is nothing that could be confirmed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# Such a result is about all cases of a requirement, and is none that could be chosen.
_OF_ALL_CASES = "untestable"


def options(report: Mapping[str, Any]) -> list[str]:
    """The seed of the run, and what in it failed and had to hold.

    Args:
        report: The JSON report.
    """
    failed = [case for case in report["cases"] if case["verdict"] == "fail" and case["level"] == "MUST"]
    if not failed:
        return []
    if any(case["reason"] == _OF_ALL_CASES for case in failed):
        chosen = [("--requirement", name) for name in sorted({case["requirement"] for case in failed})]
    else:
        chosen = [("--case", name) for name in sorted(case["id"] for case in failed)]
    return ["--seed", str(report["seed"]), *(word for pair in chosen for word in pair)]


def main(arguments: Sequence[str]) -> int:
    """Print them.

    Args:
        arguments: The path of the report.
    """
    (path,) = arguments
    try:
        report = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        print(f"no report: {error}", file=sys.stderr)
        return 0
    print("".join(f"{word}\n" for word in options(report)), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
