"""Write docs/requirements: what is required, which cases test it, and which mutants show that they bite.

    python ci/make_requirement_pages.py                    from the committed docs/requirements/kills.json
    python ci/make_requirement_pages.py --kills FILE       the same from a new report of `ipc-gauntlet kills --json FILE`

Everything but the report is read from the catalogue, the suites and the mutants as they are now, so a test can make
the pages again and compare.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import requirement_pages as pages

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "requirements"
KILLS = "kills.json"

# What differs from run to run and says nothing about the suites.
_PASSING = ("duration_s", "cases_run")


def cases() -> list[dict[str, Any]]:
    """All case functions, as `ipc-gauntlet list` tells them."""
    words = [sys.executable, "-m", "ipc_gauntlet.cli", "list", "--json"]
    done = subprocess.run(words, capture_output=True, check=True, cwd=ROOT)
    found: list[dict[str, Any]] = json.loads(done.stdout)["cases"]
    return found


def settled(report: dict[str, Any]) -> dict[str, Any]:
    """A report without what depends on the machine and the moment."""
    kept = {name: value for name, value in report.items() if name not in ("tool", *_PASSING)}
    kept["mutants"] = [
        {name: value for name, value in one.items() if name not in _PASSING}
        | {"reason": one["reason"].replace(sys.executable, "python")}
        for one in report["mutants"]
    ]
    return kept


def documents(report: dict[str, Any], found: list[dict[str, Any]]) -> dict[str, str]:
    """Every file of the folder: name and content."""
    made = {f"{suite.name}.md": pages.area_page(suite, found, report) for suite in pages.areas()}
    made["README.md"] = pages.index_page(found, report)
    made["kill-matrix.md"] = pages.matrix_page(report)
    made["ledger.md"] = pages.ledger_page(found, report)
    made[KILLS] = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    return made


def main(arguments: list[str] | None = None) -> int:
    """Write the files; the exit status says whether there was anything to write them from."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--kills", type=Path, metavar="FILE", help="take this report instead of the committed one"
    )
    given = parser.parse_args(arguments)
    source = given.kills or FOLDER / KILLS
    if not source.is_file():
        print(f"{source} is not there: run `ipc-gauntlet kills --json FILE` first", file=sys.stderr)
        return 1
    report = settled(json.loads(source.read_text(encoding="utf-8")))
    FOLDER.mkdir(exist_ok=True)
    for name, text in documents(report, cases()).items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
