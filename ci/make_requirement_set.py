"""Freeze a requirement set: `python ci/make_requirement_set.py sipc-2026.2 "TITLE" AREA-OR-ID...`.

Writes corpora/ipc_gauntlet_corpora/sets/NAME.json from the present catalogue. A set that is there is never written
again unless --unpublished says that nobody has seen it yet.
"""

import argparse
import json
import sys
from pathlib import Path

from ipc_gauntlet_corpora import requirement_sets, suites
from ipc_gauntlet_corpora.sets import statement_hash

FOLDER = Path(__file__).resolve().parent.parent / "corpora" / "ipc_gauntlet_corpora" / "sets"


def document(name: str, title: str, areas: list[str], order: int) -> dict[str, object]:
    """The content of a set's file."""
    chosen = [
        item for suite in suites() for item in suite.requirements if suite.name in areas or item.id in areas
    ]
    statements = {item.id: statement_hash(item.statement) for item in chosen}
    return {"name": name, "title": title, "order": order, "statements": statements}


def main(arguments: list[str] | None = None) -> int:
    """Write the file; the exit status says whether that was allowed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name")
    parser.add_argument("title")
    known = [suite.name for suite in suites()] + [
        item.id for suite in suites() for item in suite.requirements
    ]
    parser.add_argument("areas", nargs="+", choices=known, metavar="AREA-OR-ID")
    parser.add_argument("--unpublished", action="store_true", help="the set may be written again")
    given = parser.parse_args(arguments)
    path = FOLDER / f"{given.name}.json"
    if path.exists() and not given.unpublished:
        print(f"{path.name} is published and does not change; make a new set", file=sys.stderr)
        return 1
    others = [one.order for one in requirement_sets() if one.name != given.name]
    content = document(given.name, given.title, given.areas, max(others, default=0) + 1)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
