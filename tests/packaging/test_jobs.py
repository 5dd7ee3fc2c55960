"""Jobs of continuous integration: what they run, and that the workflow files say nothing else."""

from __future__ import annotations

import fnmatch
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")


@pytest.fixture
def job(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module `ci/job.py`."""
    monkeypatch.syspath_prepend(str(checkout / "ci"))
    import job as module

    yield module
    sys.modules.pop("job")


def workflows(checkout: Path) -> dict[str, Any]:
    """All workflow files."""
    folder = checkout / ".github" / "workflows"
    if not folder.is_dir():
        pytest.skip("the source distribution comes without workflow files")
    return {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in folder.glob("*.yml")}


def steps(workflow: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - YAML
    """All steps of a workflow."""
    for one in workflow["jobs"].values():
        yield from one["steps"]


def test_actions_are_pinned_by_hash_and_permissions_are_least(checkout: Path) -> None:
    """A tag can be moved; a token that can write is not needed."""
    for name, workflow in workflows(checkout).items():
        assert workflow["permissions"] == {}, name
        for one in workflow["jobs"].values():
            assert one["permissions"] == {"contents": "read"}, name
            assert one["timeout-minutes"] <= 120, name
        for step in steps(workflow):
            if "uses" in step:
                assert PINNED.fullmatch(step["uses"]), step
            if str(step.get("uses", "")).startswith("actions/checkout"):
                assert step["with"]["persist-credentials"] is False


def test_our_workflows_call_known_jobs_and_nothing_else(checkout: Path, job: ModuleType) -> None:
    """There is no logic in them: what they do can be run by hand."""
    called: set[str] = set()
    for name in ("ci.yml", "nightly.yml"):
        workflow = workflows(checkout)[name]
        for one in workflow["jobs"].values():
            for step in one["steps"]:
                if "run" not in step:
                    continue
                first, second, what, *_ = step["run"].split()
                assert (first, second) == ("python", "ci/job.py"), step
                names = one["strategy"]["matrix"]["job"] if what == '"$JOB"' else [what]
                assert set(names) <= set(job.JOBS), step
                called |= set(names)
    assert called == set(job.JOBS)


def test_corpora_are_kept_by_the_scheduled_run_only(checkout: Path) -> None:
    """Whoever could write them would choose what every later night begins with; nothing else is kept between runs."""
    for name, workflow in workflows(checkout).items():
        for step in steps(workflow):
            what = str(step.get("uses", ""))
            if what.startswith("actions/cache"):
                assert name == "nightly.yml"
                assert step["with"]["path"] == ".ipc-gauntlet/fuzz/corpus"
                saves = not what.startswith("actions/cache/restore@")
                assert not saves or step["if"] == "always() && github.event_name == 'schedule'"


def combinations(one: Any) -> list[dict[str, str]]:  # noqa: ANN401 - YAML
    """All combinations of a job's matrix, as GitHub makes them."""
    matrix = dict(one.get("strategy", {}).get("matrix", {}))
    if "include" in matrix:
        return [{name: str(value) for name, value in made.items()} for made in matrix["include"]]
    return [
        dict(zip(matrix, map(str, values), strict=True)) for values in itertools.product(*matrix.values())
    ]


def filled(text: str, combination: dict[str, str]) -> str:
    """A text with the values of a combination."""
    return re.sub(r"\$\{\{ matrix\.(\w+) \}\}", lambda found: combination[found[1]], text)


def artifacts(workflow: Any) -> list[tuple[str, dict[str, str], str]]:  # noqa: ANN401 - YAML
    """Job, combination and name of every artifact that a workflow leaves."""
    return [
        (job, combination, filled(step["with"]["name"], combination))
        for job, one in workflow["jobs"].items()
        for step in one["steps"]
        if "upload-artifact@" in str(step.get("uses"))
        for combination in combinations(one)
    ]


@pytest.mark.parametrize(("workflow", "collecting"), [("ci.yml", 2), ("nightly.yml", 2)])
def test_who_collects_takes_the_artifacts_of_its_parts_and_no_others(
    checkout: Path, workflow: str, collecting: int
) -> None:
    """Names of systems begin with one another: what is taken for one is not what belongs to another."""
    whole = workflows(checkout)[workflow]
    left = artifacts(whole)
    assert len({name for _, _, name in left}) == len(left)
    seen = set()
    for job, one in whole["jobs"].items():
        for step in one["steps"]:
            if "download-artifact@" not in str(step.get("uses")):
                continue
            wanted = step["with"].get("pattern") or step["with"]["name"]
            assert wanted != "*"
            for mine in combinations(one):
                # What a job has in common with a part, such as the system, has to be the same.
                same = set(mine) & set(re.findall(r"matrix\.(\w+)", wanted))
                taken = {name for _, _, name in left if fnmatch.fnmatchcase(name, filled(wanted, mine))}
                assert taken == {
                    name
                    for other, theirs, name in left
                    if other == one["needs"] and all(theirs[what] == mine[what] for what in same)
                }
                assert taken
            seen.add(job)
    assert len(seen) == collecting


def test_parts_that_are_measured_or_run_are_put_together(checkout: Path) -> None:
    """Whatever becomes of the parts, somebody collects what they leave; systems are the same everywhere."""
    jobs = workflows(checkout)["ci.yml"]["jobs"]
    systems = {name: jobs[name]["strategy"]["matrix"]["os"] for name in ("test", "conformance", "merge")}
    assert systems["test"] == systems["conformance"] == systems["merge"]
    for parts, whole in (("conformance", "merge"), ("measure", "coverage")):
        assert jobs[whole]["needs"] == parts
        assert jobs[whole]["if"] == "always()"


def test_what_users_call_brings_its_own_version_and_may_be_called_twice(checkout: Path) -> None:
    """The project is on no package index; and calls in one run need groups and artifacts of their own."""
    workflow = workflows(checkout)["conformance.yml"]
    inputs = workflow[True]["workflow_call"]["inputs"]  # `on` is a truth value in YAML
    assert inputs["requirement"]["default"] == inputs["name"]["default"] == ""
    assert "bash" in inputs["prepare"]["description"]
    (install,) = [step for step in steps(workflow) if "pip install" in step.get("run", "")]
    assert {"${{ job.workflow_repository }}", "${{ job.workflow_sha }}"} < set(install["env"].values())
    assert "inputs.name" in workflow["concurrency"]["group"]
    (artifact,) = [step["with"]["name"] for step in steps(workflow) if "upload-artifact@" in str(step)]
    assert "inputs.name" in artifact
    for page in (*checkout.glob("docs/**/*.md"), checkout / "README.md", checkout / "action.yml"):
        assert not re.search(
            r"pip install (?:ipc-gauntlet|\"ipc-gauntlet(?:\[\w+\])?\")", page.read_text("utf-8")
        ), page


def test_the_matrix_covers_three_systems_and_all_versions(checkout: Path) -> None:
    """As promised."""
    matrix = workflows(checkout)["ci.yml"]["jobs"]["test"]["strategy"]["matrix"]
    assert {name.partition("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}
    assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14"]
    assert "exclude" not in matrix
    wheel = workflows(checkout)["ci.yml"]["jobs"]["wheel"]["strategy"]["matrix"]
    assert [name.partition("-")[0] for name in wheel["os"]] == ["ubuntu", "macos", "windows"]


@pytest.mark.parametrize("shard", ["", "2/5"])
def test_every_job_has_commands_that_exist(job: ModuleType, shard: str) -> None:
    """Each command of ours is known to the command line."""
    from ipc_gauntlet.cli.app import _COMMANDS
    from ipc_gauntlet.cli.fuzz.app import _COMMANDS as FUZZ

    options = job.Options(shard=shard, folders=("there",))
    for name, (_, make) in job.JOBS.items():
        for step in make(options):
            if step.words[0] != "gauntlet.py" or step.words[1] in ("test", "setup"):
                continue
            assert step.words[1] in _COMMANDS, name
            assert step.words[1] != "fuzz" or step.words[2] in FUZZ, name


def test_parts_are_cut_by_the_durations_of_the_checkout(
    job: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkout: Path
) -> None:
    """The same file for all of them, if there is one; a whole run needs none."""

    def words(shard: str) -> tuple[str, ...]:
        _, run = job.JOBS["conformance"][1](job.Options(shard=shard))
        return tuple(run.words)

    assert "--durations" not in words("")
    assert words("2/3")[words("2/3").index("--durations") + 1] == job.DURATIONS
    from ipc_gauntlet.report.durations import read_durations

    assert len(read_durations(checkout / job.DURATIONS)) > 1000
    monkeypatch.setattr(job, "ROOT", tmp_path)
    assert "--durations" not in words("2/3")


def test_steps_run_where_their_packages_are(job: ModuleType, tmp_path: Path) -> None:
    """Coverage is in the environment that the first step makes; `gauntlet.py` is what makes it."""
    first, second = job.JOBS["measure"][1](job.Options())
    folder = "Scripts" if sys.platform == "win32" else "bin"
    assert job._interpreter(tmp_path, first) == sys.executable
    assert job._interpreter(tmp_path, second) == str(tmp_path / ".venv" / folder / "python")
    assert job._interpreter(tmp_path, job.JOBS["checks"][1](job.Options())[0]) == sys.executable


def test_steps_stop_at_the_first_failure_and_show_their_summary(job: ModuleType, tmp_path: Path) -> None:
    """The page of the job gets what the steps so far have written."""
    page = tmp_path / "page.md"
    (tmp_path / "good.py").write_text("open('ci-results/s.md', 'w').write('# fine')\n", encoding="utf-8")
    (tmp_path / "bad.py").write_text(
        "open('ci-results/b.md', 'w').write('# broken')\nraise SystemExit(4)\n", "utf-8"
    )
    steps = [
        job.Step(("good.py",), summary="s.md"),
        job.Step(("bad.py",), summary="b.md"),
        job.Step(("good.py",), summary="s.md"),
    ]
    assert job.run(steps, tmp_path, {**os.environ, job.SUMMARY: str(page)}) == 4
    assert page.read_text(encoding="utf-8") == "# fine\n# broken\n"


def test_the_job_is_named_or_refused(checkout: Path) -> None:
    """A wrong word is wrong use."""
    ended = subprocess.run(
        [sys.executable, str(checkout / "ci" / "job.py"), "dance"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "conformance" in ended.stderr
