"""The texts of docs/requirements, from plain data: no process is started and no file is read here."""

from collections.abc import Iterable, Sequence
from typing import Any

from ipc_gauntlet_corpora import MODES, Evidence, Requirement, Suite, evidence, requirement_sets, suites

Json = dict[str, Any]

NOTE = "<!-- Made by ci/make_requirement_pages.py; do not edit. -->\n"

ELSEWHERE, WINDOWS = "elsewhere", "windows"
"""What `with_windows` adds to a report: why nobody could run a mutant, and all results of the second hunt."""

# What no suite can see on the systems and with the means there are.
LIMITS = (
    (
        "Windows",
        "The suites run on Windows CPython under Wine, never yet on Windows itself; docs/windows.md has what Wine cannot show.",
    ),
    ("macOS", "The suites are written and type-checked for it, and have never been executed there."),
    (
        "Loss of power",
        "A killed process shows what the program had handed to the system, not what the disk had stored.",
    ),
    (
        "Suspend and resume",
        "A machine that sleeps cannot be had in a test; clocks that go on or stop are shown with a virtual clock.",
    ),
    (
        "Time as a side channel",
        "How long a comparison takes is not measured: on a shared machine the noise is larger than the signal.",
    ),
    (
        "What the program does not tell",
        "An effect that no driver reports and no wire shows cannot be judged; `doctor` checks a driver's honesty in part.",
    ),
)


def areas() -> list[Suite]:
    """The suites of the newest set, in reading order."""
    newest = requirement_sets()[-1]
    return [suite for suite in suites() if any(item.id in newest.statements for item in suite.requirements)]


def index_page(cases: Sequence[Json], report: Json) -> str:
    """The table of all requirements of the newest set."""
    newest = requirement_sets()[-1]
    lines = [
        NOTE,
        "# Requirements\n",
        f"The requirement set **{newest.name}**: {_lower(newest.title)}; {len(newest.statements)} requirements.",
        "A published set does not change any more: not its list, not one word of a statement.\n",
        "Each requirement of the set has cases, and each of its defects is built into a copy of the reference (a *mutant*) to",
        "show that the cases notice: [what kills what](kill-matrix.md), [what cannot be tested here](ledger.md),",
        "[how to read this](../kills.md).\n",
        "| requirement | level | profile | cases | mutants killed | |",
        "|---|---|---|---:|---:|---|",
    ]
    for suite in areas():
        for item in suite.requirements:
            mine = _cases_of(item, cases)
            killed, total = _score(_mutants_of(item, report))
            score = f"{killed}/{total}" if total else "-"
            link = f"[{item.id}]({suite.name}.md#{item.id.lower()})"
            if item.id not in newest.statements:
                link += " (not in the set)"
            lines.append(
                f"| {link} | {item.level} | {item.profile} | {len(mine)} | {score} | {_cell(item.statement)} |"
            )
    return "\n".join(lines) + "\n"


def area_page(suite: Suite, cases: Sequence[Json], report: Json) -> str:
    """Everything about the requirements of one area."""
    lines = [NOTE, f"# {suite.title}\n", "[all requirements](README.md)\n"]
    for item in suite.requirements:
        lines += _section(item, _cases_of(item, cases), report)
    return "\n".join(lines) + "\n"


def _section(item: Requirement, mine: Sequence[Json], report: Json) -> list[str]:
    modes = "; ".join(MODES[letter] for letter in item.modes)
    lines = [
        f"## {item.id}\n",
        f"{item.statement}\n",
        f"**{item.level}**, from profile *{item.profile}* on.\n",
        f"- source: {item.source}",
        *([f"- goal: {item.principle}"] if item.principle else []),
        f"- observed: {item.observation}",
        f"- means: {modes}",
    ]
    if item.failure is not None:
        lines.append(
            f"- a case fails at stage {_or(item.failure.stages)}, with reason {_or(item.failure.reasons)}"
        )
    lines += ["", "### Cases\n"] if mine else ["", "No case yet.\n"]
    for case in mine:
        variants = f" ({len(case['variants'])} variants)" if case["variants"] else ""
        lines.append(f"- `{case['id']}`{variants}: {_one_line(case['description'])}")
    lines += ["", "### Defects\n", *_defects(item, report)]
    known = [one for one in evidence() if item.id in one.requirements]
    rest = [name for name in item.cves if not any(name in one.ids for one in known)]
    if known or rest:
        lines += ["", "### It has happened\n", *_evidence(known, rest)]
    return [*lines, ""]


def _defects(item: Requirement, report: Json) -> list[str]:
    results = {one["id"]: one for one in _mutants_of(item, report)}
    lines = []
    for defect in item.mutants:
        result = results.get(defect.id)
        if defect.not_expressible:
            lines.append(f"- {defect.id}: {defect.defect}. *Cannot be built:* {defect.not_expressible}")
        elif defect.id in report.get(ELSEWHERE, {}):
            why = report[ELSEWHERE][defect.id]
            lines.append(f"- {defect.id}: {defect.defect}. *Built, and never run where it shows:* {why}")
        elif result is None:
            lines.append(f"- {defect.id}: {defect.defect}. *No mutant yet.*")
        else:
            lines += _mutant(defect.id, defect.defect, result)
    return lines


def _mutant(name: str, defect: str, result: Json) -> list[str]:
    by = _or(f"`{one}`" for one in _functions(result["killed_by"]))
    fate = f"killed by {by}" if result["killed"] else f"**{result['fate']}**: {_one_line(result['reason'])}"
    lines = [f"- {name}: {defect}. {fate[0].upper()}{fate[1:]}{_where(result)}"]
    if result.get("diff"):
        lines += ["", "  <details><summary>the change</summary>", "", "  ```diff"]
        lines += [f"  {line}".rstrip() for line in result["diff"].splitlines()]
        lines += ["  ```", "", "  </details>", ""]
    return lines


def _evidence(known: Iterable[Evidence], rest: Sequence[str]) -> list[str]:
    lines = [f"- {', '.join(one.ids)}: {one.what} ({one.source})" for one in known]
    return [*lines, *([f"- {', '.join(rest)}"] if rest else [])]


def matrix_page(report: Json) -> str:
    """What kills what."""
    killed, total = _score(report["mutants"])
    lines = [
        NOTE,
        "# Which case kills which mutant\n",
        f"{killed} of {total} mutants are killed; {len(report['dead_cases'])} case functions kill none.",
        "A mutant meets the cases of its requirement until one kills it, so a case that would kill it too may be missing here.\n",
        "| mutant | fate | killed by | seen |",
        "|---|---|---|---|",
    ]
    for one in report["mutants"]:
        by = ", ".join(f"`{name}`" for name in _functions(one["killed_by"])) or "-"
        lines.append(f"| {one['id']} | {one['fate']}{_where(one)} | {by} | {_cell(one['reason'])} |")
    if report["dead_cases"]:
        lines += ["", "## Cases that kill nothing\n", *(f"- `{name}`" for name in report["dead_cases"])]
    lines += _matrix_of_windows(report.get(WINDOWS, []))
    return "\n".join(lines) + "\n"


def _matrix_of_windows(mutants: Sequence[Json]) -> list[str]:
    """What was run under Wine, also where another system has shown the same."""
    if not mutants:
        return []
    killed, total = _score(mutants)
    lines = [
        "",
        "## On Windows CPython under Wine\n",
        f"{killed} of {total} mutants that show there are killed, over named pipes wherever the case allows.\n",
        "| mutant | fate | killed by | seen |",
        "|---|---|---|---|",
    ]
    for one in mutants:
        by = ", ".join(f"`{name}`" for name in _functions(one["killed_by"])) or "-"
        lines.append(f"| {one['id']} | {one['fate']} | {by} | {_cell(one['reason'])} |")
    return lines


def with_windows(report: Json, windows: Json | None) -> Json:
    """A report with what only a second one, made on Windows CPython under Wine, can say.

    Args:
        report: What a hunt on Linux found.
        windows: What one under Wine found; None if there was none.
    """
    if windows is None:
        return report
    order = {one.id: place for place, one in enumerate(one for item in _items() for one in item.mutants)}
    here = {one["id"] for one in report["mutants"]}
    there = [one | {"where": "under Wine"} for one in windows["mutants"] if one["id"] not in here]
    mutants = sorted([*report["mutants"], *there], key=lambda one: order.get(one["id"], len(order)))
    shown = {one["id"] for one in mutants}
    why = {one["id"]: one["why"] for one in windows["not_expressible"] if one["id"] not in shown}
    return report | {"mutants": mutants, ELSEWHERE: why, WINDOWS: windows["mutants"]}


def _where(result: Json) -> str:
    return f" ({result['where']})" if "where" in result else ""


def _items() -> list[Requirement]:
    return [item for suite in areas() for item in suite.requirements]


def ledger_page(cases: Sequence[Json], report: Json) -> str:
    """What is not tested, and why."""
    items, elsewhere = _items(), report.get(ELSEWHERE, {})
    bare = [item for item in items if not _cases_of(item, cases)]
    excused = [(item, one) for item in items for one in item.mutants if one.not_expressible]
    built = {one["id"] for one in report["mutants"]} | elsewhere.keys()
    far = [(one, elsewhere[one.id]) for item in items for one in item.mutants if one.id in elsewhere]
    far = [(one, why) for one, why in far if not one.not_expressible]
    missing = [
        one.id for item in items for one in item.mutants if not one.not_expressible and one.id not in built
    ]
    alive = [one for one in report["mutants"] if not one["killed"]]
    lines = [
        NOTE,
        "# What is not tested here, and why\n",
        "## Defects that cannot be built\n",
        "Their requirements stand; no copy of the reference can show that a case notices this way to violate them.\n",
        *([f"- {one.id}, {one.defect}: {one.not_expressible}" for _item, one in excused] or ["None."]),
        "",
        "## Defects that were never run where they show\n",
        "They are built, and no machine that these pages were made on can show them.\n",
        *([f"- {one.id}, {one.defect}: {why}" for one, why in far] or ["None."]),
        "",
        "## Requirements without a case\n",
        *([f"- {item.id}: {item.statement}" for item in bare] or ["None."]),
        "",
        "## Defects without a mutant\n",
        ", ".join(missing) or "None.",
        "",
        "## Mutants that are alive\n",
        *([f"- {one['id']} ({one['fate']}): {_one_line(one['reason'])}" for one in alive] or ["None."]),
        "",
        "## Limits of the means\n",
        *(f"- **{what}.** {why}" for what, why in LIMITS),
        "",
        "## Outside of the set\n",
        f"The catalogue has {_outside()} requirements more, in {len(suites()) - len(areas())} areas.",
        "`ipc-gauntlet list --requirements` lists them all.",
    ]
    return "\n".join(lines) + "\n"


def _outside() -> int:
    newest = requirement_sets()[-1]
    return sum(item.id not in newest.statements for suite in suites() for item in suite.requirements)


def _cases_of(item: Requirement, cases: Sequence[Json]) -> list[Json]:
    return [case for case in cases if case["requirement"] == item.id]


def _mutants_of(item: Requirement, report: Json) -> list[Json]:
    return [one for one in report["mutants"] if one["requirement"] == item.id]


def _score(mutants: Sequence[Json]) -> tuple[int, int]:
    return sum(one["killed"] for one in mutants), len(mutants)


def _functions(cases: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name.rpartition("/")[0] for name in cases))


def _or(words: Iterable[str]) -> str:
    return " or ".join(words)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _one_line(text).replace("|", "\\|")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
