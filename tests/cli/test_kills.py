"""`ipc-gauntlet kills` on toys: every fate, the report, the cache, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import pytest
from commands import Ended, Runner
from systems import STACK_TRANSPORT, import_path, interrupt_group, leading_its_group

Kills = Callable[..., Ended]


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """What the toys note: flaw, case, process."""
    return tmp_path / "notes"


@pytest.fixture
def surroundings(checkout: Path, notes: Path, tmp_path: Path) -> dict[str, str]:
    """The toys can be imported, also their catalogue; caches stay here."""
    return {
        "PYTHONPATH": import_path(checkout / "tests" / "engine" / "toy_kills"),
        "TOY_NOTES": str(notes),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }


@pytest.fixture
def listing(folder: Path, plain: str) -> Callable[..., Path]:
    """Write a listing: requirement, flaw."""

    def write(*mutants: tuple[str, str], mark: str = "TOY_MARK", fingerprint: str = "1") -> Path:
        lines = [f"driver = '''{plain} plain'''", f'mark = "{mark}"', f'fingerprint = "{fingerprint}"']
        for number, (requirement, flaw) in enumerate(mutants, 1):
            lines += [
                "[[mutants]]",
                f'id = "{requirement}.m{number}"',
                f'requirement = "{requirement}"',
                f'defect = "{flaw}"',
                f"driver = '''{plain} {flaw}'''",
                f'fingerprint = "{fingerprint}"',
            ]
        path = folder / "mutants.toml"
        path.write_text("\n".join(lines), encoding="utf-8")
        return path

    return write


@pytest.fixture
def kills(command: Runner, surroundings: dict[str, str]) -> Kills:
    """Hunt toys."""

    def run(*words: str, **more: str) -> Ended:
        fixed = ["--mutants", "mutants.toml", "--package", "toy_kills", "--json", "kills.json", "-n", "2"]
        return command("kills", *fixed, *words, env=surroundings | more)

    return run


def fates(ended: Ended) -> dict[str, str]:
    """What became of each flaw."""
    return {one["defect"]: one["fate"] for one in ended.json("kills.json")["mutants"]}


def test_every_fate(kills: Kills, listing: Callable[..., Path]) -> None:
    """Only the right failure of the right case on code that ran is a kill."""
    flaws = [
        "killed",
        "large-only",
        "harmless",
        "elsewhere",
        "wrong-reason",
        "wrong-stage",
        "no-control",
        "crash",
        "worker-dies",
        "dead-code",
    ]
    listing(*(("TOY-01", flaw) for flaw in flaws), ("TOY-02", "second"), ("TOY-03", "caseless"))
    ended = kills()
    assert ended.status == 1, ended.err
    assert fates(ended) == {
        "killed": "killed",
        "large-only": "killed",
        "harmless": "survived",
        "elsewhere": "killed-elsewhere",
        "wrong-reason": "wrong-failure",
        "wrong-stage": "wrong-failure",
        "no-control": "survived",  # another case of the requirement passes
        "crash": "crashed",
        "worker-dies": "not-run",
        "dead-code": "not-live",
        "second": "killed",
        "caseless": "no-case",
    }
    report = ended.json("kills.json")
    killed = {one["defect"] for one in report["mutants"] if one["killed"]}
    assert killed == {"killed", "large-only", "second"}
    assert report["dead_cases"] == ["toy/cases/blind"]
    assert report["requirements_without_mutant"] == []
    assert report["not_expressible"][0]["why"] == "there is no magic"
    assert "the process that ran the cases died (status 9)" in ended.out
    by_flaw = {one["defect"]: one for one in report["mutants"]}
    assert by_flaw["elsewhere"]["killed_elsewhere_by"] == [f"toy/cases/other/{STACK_TRANSPORT}-psk"]
    assert by_flaw["large-only"]["killed_by"] == [f"toy/cases/main/{STACK_TRANSPORT}-psk-large-server"]
    assert by_flaw["wrong-stage"]["failing"][0]["stage"] == "handshake"
    assert by_flaw["harmless"]["live"] is True


def test_the_report_is_as_published(kills: Kills, listing: Callable[..., Path], checkout: Path) -> None:
    """`docs/kills.schema.json` describes it, and the three members that others rely on are there."""
    listing(("TOY-01", "killed"))
    report = kills().json("kills.json")
    schema = json.loads((checkout / "docs" / "kills.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(report, schema)
    assert {"mutants", "dead_cases", "requirements_without_mutant"} <= report.keys()
    assert {"id", "requirement", "killed", "killed_by", "reason"} <= report["mutants"][0].keys()


def test_all_well(kills: Kills, listing: Callable[..., Path]) -> None:
    """A filtered hunt that kills everything is status 0; dead cases are told all the same."""
    listing(("TOY-01", "killed"), ("TOY-02", "second"))
    ended = kills("--requirement", "toy-01")
    assert (ended.status, fates(ended)) == (0, {"killed": "killed"})
    ended = kills("--requirement", "TOY-02")
    assert ended.status == 0
    assert ended.json("kills.json")["dead_cases"] == ["toy/cases/blind"]


def test_a_requirement_without_mutant(kills: Kills, listing: Callable[..., Path]) -> None:
    """It is told and counts."""
    listing(("TOY-01", "killed"))
    ended = kills("--requirement", "TOY-0[13]")
    assert ended.status == 1
    assert ended.json("kills.json")["requirements_without_mutant"] == ["TOY-03"]


def test_a_mutant_that_hangs(kills: Kills, listing: Callable[..., Path]) -> None:
    """Its time is limited, the others are not kept waiting, and its process is gone."""
    listing(("TOY-01", "hang"), ("TOY-01", "killed"))
    ended = kills("--budget", "4", "--no-cache")
    assert fates(ended) == {"hang": "timed-out", "killed": "killed"}


def test_a_noisy_machine(kills: Kills, listing: Callable[..., Path], notes: Path) -> None:
    """A case that noise has spoiled is tried once more, alone; what it says then counts."""
    listing(("TOY-01", "noisy"))
    ended = kills("--mutant", "*", "--no-cache")
    assert fates(ended) == {"noisy": "killed"}
    tries = [line.split()[1] for line in notes.read_text().splitlines() if line.startswith("noisy")]
    assert max(tries.count(name) for name in tries) == 2


def test_the_unflawed_one_has_to_pass(kills: Kills, listing: Callable[..., Path]) -> None:
    """What fails without the defect kills nothing; another case still does."""
    listing(("TOY-01", "large-only"), ("TOY-01", "killed"))
    ended = kills("--requirement", "TOY-01", "--no-cache", TOY_SICK="1")
    assert ended.status == 1
    report = ended.json("kills.json")
    assert {one["case"].rpartition("/")[0] for one in report["unflawed_failing"]} == {"toy/cases/main"}
    assert fates(ended)["killed"] == "killed"
    assert fates(ended)["large-only"] == "survived"


def test_a_mutant_that_does_not_tell(kills: Kills, listing: Callable[..., Path]) -> None:
    """Without a mark nobody knows whether changed code ran: that is said, and the failure counts."""
    listing(("TOY-01", "dead-code"), mark="")
    ended = kills("--mutant", "TOY-01.*")
    assert fates(ended) == {"dead-code": "killed"}
    assert ended.json("kills.json")["mutants"][0]["live"] is None


def test_kept_results(kills: Kills, listing: Callable[..., Path], notes: Path) -> None:
    """The second hunt runs nothing and says the same; another fingerprint, seed or --no-cache runs again."""
    mutants = (("TOY-01", "killed"), ("TOY-01", "harmless"), ("TOY-02", "second"))
    listing(*mutants)
    first = kills()
    runs = len(notes.read_text().splitlines())
    again = kills()
    assert len(notes.read_text().splitlines()) == runs
    same = [{**one, "duration_s": 0} for one in first.json("kills.json")["mutants"]]
    assert [{**one, "duration_s": 0} for one in again.json("kills.json")["mutants"]] == same
    for words, fingerprint in ((("--no-cache",), "1"), (("--seed", "9"), "1"), ((), "2")):
        runs = len(notes.read_text().splitlines())
        listing(*mutants, fingerprint=fingerprint)
        kills(*words)
        assert len(notes.read_text().splitlines()) > runs, words


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--mutant", "TOY-01.x*"), "--mutant TOY-01.x*: no mutant matches"),
        (("--requirement", "TOX-01"), "did you mean TOY-01"),
        (("--suite", "toys"), "did you mean toy"),
        (("--mutant", "TOY-01.m1", "--requirement", "TOY-02"), "no mutant matches all of them"),
        (("--mutants", "nowhere.toml"), "is no list of mutants"),
        (("--json", "nowhere/kills.json"), "there is no folder"),
    ],
)
def test_wrong_use(kills: Kills, listing: Callable[..., Path], words: tuple[str, ...], what: str) -> None:
    """Status 2, and nothing was run."""
    listing(("TOY-01", "killed"))
    ended = kills(*words)
    assert ended.status == 2
    assert what in ended.err


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("driver = 'x'\n[[mutants]]\nid='a'\nrequirement='TOY-01'\n", "a has no driver"),
        ("[[mutants]]\nid='a'\n", "driver"),
        ("driver = 'x'\nmutants = 3", "mutants"),
        ("driver = 'x", "is no list of mutants"),
        ("driver = 'x'\n[[mutants]]\nid='a'\nrequirement='TOX-01'\ndriver='y'\n", "violates TOX-01"),
    ],
)
def test_wrong_listing(kills: Kills, folder: Path, plain: str, text: str, what: str) -> None:
    """A listing that cannot be used is explained."""
    (folder / "mutants.toml").write_text(text.replace("'x'", f"'''{plain}'''"), encoding="utf-8")
    ended = kills()
    assert ended.status == 2
    assert what in ended.err


def test_mutants_of_a_module(command: Runner, surroundings: dict[str, str], folder: Path, plain: str) -> None:
    """A module in the current folder lists its mutants, and is them."""
    (folder / "mine.py").write_text(
        "import json, runpy, sys\n"
        "if sys.argv[1:] == ['--list']:\n"
        "    print(json.dumps([{'id': 'none'}, {'id': 'killed', 'requirement': 'TOY-01', 'defect': 'd'}]))\n"
        f"else:\n    runpy.run_path({plain.split()[-1]!r}, run_name='__main__')\n",
        encoding="utf-8",
    )
    words = ["--mutants", "mine", "--package", "toy_kills", "--json", "kills.json", "--mutant", "*"]
    ended = command("kills", *words, env=surroundings)
    assert fates(ended) == {"d": "killed"}, ended.err


def test_interrupted(
    environment: dict[str, str],
    surroundings: dict[str, str],
    listing: Callable[..., Path],
    folder: Path,
    notes: Path,
) -> None:
    """Ctrl-C leaves a report of what is known, status 130, and no process."""
    listing(("TOY-01", "killed"), ("TOY-01", "hang"))
    words = ["--mutants", "mutants.toml", "--package", "toy_kills", "--json", "kills.json", "-n", "1"]
    process = leading_its_group(
        [sys.executable, "-m", "ipc_gauntlet.cli", "kills", *words],
        cwd=folder,
        env=environment | surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    workers: set[int] = set()
    deadline = time.monotonic() + 60
    while "hang" not in (notes.read_text() if notes.exists() else ""):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    workers = {int(line.split()[-1]) for line in notes.read_text().splitlines()}
    interrupt_group(process)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130, out
    report: dict[str, Any] = json.loads((folder / "kills.json").read_text())
    assert report["interrupted"] is True
    assert {one["defect"]: one["fate"] for one in report["mutants"]} == {
        "killed": "killed",
        "hang": "not-run",
    }
    assert not any(psutil.pid_exists(pid) for pid in workers)
