"""The format of the report of `kills`."""

import json
from pathlib import Path

import jsonschema

from ipc_gauntlet.report.files import json_bytes
from ipc_gauntlet.report.kills import Failing, Fate, KillReport, MutantResult, NotExpressible
from ipc_gauntlet.report.schema import kills_schema


def test_the_published_schema_is_up_to_date(checkout: Path) -> None:
    """`docs/kills.schema.json` is what the types say."""
    published = json.loads((checkout / "docs" / "kills.schema.json").read_text(encoding="utf-8"))
    assert published == kills_schema()


def test_a_report_keeps_to_the_schema() -> None:
    """Every fate gives a valid report."""
    jsonschema.Draft202012Validator.check_schema(kills_schema())
    failing = Failing(case="a/b/c/d", verdict="fail", stage="closing", reason="gap")
    mutants = tuple(
        MutantResult(
            id=f"TOY-01.m{number}",
            requirement="TOY-01",
            suite="toy",
            defect="d",
            killed=fate is Fate.killed,
            fate=fate,
            failing=(failing,),
        )
        for number, fate in enumerate(Fate)
    )
    report = KillReport(
        mutants=mutants,
        dead_cases=("a/b/c",),
        requirements_without_mutant=("TOY-02",),
        not_expressible=(NotExpressible(id="x", requirement="y", defect="z", why="w"),),
    )
    jsonschema.validate(json.loads(json_bytes(report)), kills_schema())
