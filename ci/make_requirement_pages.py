"""Write docs/requirements: what is required, which cases test it, and which mutants show that they bite.

    python ci/make_requirement_pages.py                    from the committed docs/requirements/kills.json
    python ci/make_requirement_pages.py --kills FILE       the same from a new report of `ipc-gauntlet kills --json FILE`
    python ci/make_requirement_pages.py --windows FILE     with a new report that was made under Wine

Everything but the report is read from the catalogue, the suites and the mutants as they are now, so a test can make
the pages again and compare.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import requirement_pages as pages

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "requirements"
KILLS, WINDOWS = "kills.json", "kills-windows.json"

# What differs from run to run and says nothing about the suites.
_PASSING = ("duration_s", "cases_run")


def cases() -> list[dict[str, Any]]:
    """All case functions, as `ipc-gauntlet list` tells them."""
    words = [sys.executable, "-m", "ipc_gauntlet.cli", "list", "--json"]
    done = subprocess.run(words, capture_output=True, check=True, cwd=ROOT)
    found: list[dict[str, Any]] = json.loads(done.stdout)["cases"]
    return found


def without_places(diff: str) -> str:
    """A diff without line numbers, which change with whatever stands above the lines that it is about."""
    return re.sub(r"^@@ [-+0-9, ]+ @@", "@@", diff, flags=re.MULTILINE)


def settled(report: dict[str, Any]) -> dict[str, Any]:
    """A report without what depends on the machine and the moment."""
    kept = {name: value for name, value in report.items() if name not in ("tool", *_PASSING)}
    kept["mutants"] = [
        {name: value for name, value in one.items() if name not in _PASSING}
        | {"reason": one["reason"].replace(sys.executable, "python"), "diff": without_places(one["diff"])}
        for one in report["mutants"]
    ]
    return kept


def documents(
    plain: dict[str, Any], windows: dict[str, Any] | None, found: list[dict[str, Any]]
) -> dict[str, str]:
    """Every file of the folder: name and content."""
    report = pages.with_windows(plain, windows)
    made = {f"{suite.name}.md": pages.area_page(suite, found, report) for suite in pages.areas()}
    made["README.md"] = pages.index_page(found, report)
    made["kill-matrix.md"] = pages.matrix_page(report)
    made["ledger.md"] = pages.ledger_page(found, report)
    for name, one in ((KILLS, plain), (WINDOWS, windows)):
        if one is not None:
            made[name] = json.dumps(one, indent=1, ensure_ascii=False) + "\n"
    return made


def read(source: Path) -> dict[str, Any] | None:
    """A report without what depends on the machine; None if it is not there."""
    return settled(json.loads(source.read_text(encoding="utf-8"))) if source.is_file() else None


def main(arguments: list[str] | None = None) -> int:
    """Write the files; the exit status says whether there was anything to write them from."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--kills", type=Path, metavar="FILE", help="take this report instead of the committed one"
    )
    parser.add_argument(
        "--windows", type=Path, metavar="FILE", help="take this report of a hunt under Wine, likewise"
    )
    given = parser.parse_args(arguments)
    report, windows = read(given.kills or FOLDER / KILLS), read(given.windows or FOLDER / WINDOWS)
    if report is None or (given.windows is not None and windows is None):
        print("a report is not there: run `ipc-gauntlet kills --json FILE` first", file=sys.stderr)
        return 1
    FOLDER.mkdir(exist_ok=True)
    for name, text in documents(report, windows, cases()).items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
