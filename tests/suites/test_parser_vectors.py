"""The suite `schema` judges parsers by vectors: of the reference, of a lenient library, of a program in C."""

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ipc_gauntlet_corpora import parsers_with_vectors
from ipc_gauntlet_suites.schema.reading import Reading, spellings
from ipc_gauntlet_suites.schema.test_vectors import FIELDS

ROOT = Path(__file__).parents[2]
LENIENT = Path(__file__).parents[1] / "fixtures" / "cbor2_driver.py"
C_PARSER = ROOT / "drivers" / "examples" / "c_parser"
COMPILER = shutil.which("cc") or shutil.which("gcc")


def run(words: list[str], folder: Path) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    """Run the suite; return the exit status and the cases by verdict."""
    report = folder / "report.json"
    command = [sys.executable, "-m", "ipc_gauntlet.cli", "run", *words, "-n", "0", "--json", str(report)]
    chosen = ["--requirements-set", "all", "--suite", "schema"]
    done = subprocess.run([*command, *chosen], capture_output=True, text=True, timeout=300, check=False)
    assert report.exists(), done.stdout + done.stderr
    found: dict[str, list[dict[str, Any]]] = {}
    for case in json.loads(report.read_text(encoding="utf-8"))["cases"]:
        found.setdefault(case["verdict"], []).append(case)
    return done.returncode, found


def test_every_parser_with_vectors_is_judged() -> None:
    assert {"cbor", *FIELDS} == set(parsers_with_vectors())


def test_the_reference_passes_and_each_case_runs_once(tmp_path: Path) -> None:
    status, found = run(["reference"], tmp_path)
    assert status == 0
    assert found.keys() == {"pass"}
    assert len(found["pass"]) == 2 + 2 * len(FIELDS)


def test_a_library_that_takes_other_spellings_fails_and_the_report_says_which(tmp_path: Path) -> None:
    driver = shlex.join([sys.executable, str(LENIENT)])
    status, found = run(["--driver", driver], tmp_path)
    assert status == 1
    (failed,) = found["fail"]
    assert failed["requirement"] == "SCH-01"
    assert failed["reason"] == "accepted"
    assert "CBOR head is longer than needed" in failed["seen"]
    (passed,) = found["pass"]
    assert passed["title"] == "the one spelling"
    assert all("has no parser" in case["message"] for case in found["not_applicable"])


@pytest.mark.skipif(COMPILER is None, reason="needs a C compiler")
@pytest.mark.parametrize(("flags", "expected"), [([], "pass"), (["-DFLAWED"], "fail")])
def test_a_parser_in_c(tmp_path: Path, flags: list[str], expected: str) -> None:
    program = tmp_path / "c-parser"
    sources = [str(C_PARSER / "driver.c"), str(C_PARSER / "record.c")]
    subprocess.run([str(COMPILER), "-O1", *flags, *sources, "-o", str(program)], check=True, timeout=60)
    status, found = run(["--driver", shlex.quote(str(program))], tmp_path)
    judged = [case for verdict in ("pass", "fail") for case in found.get(verdict, [])]
    assert {case["id"].rpartition("-")[2] for case in judged} == {"record"}
    assert ("fail" in found) == (expected == "fail")
    assert status == (1 if expected == "fail" else 0)


def test_seeds_of_fuzz_targets_are_vectors_too() -> None:
    found = spellings("cbor")
    assert {one.accepted for one in found} == {True, False}
    assert len({one.data for one in found}) == len(found)
    assert all(one.reason for one in found if not one.accepted)
    assert spellings("pickle") == []


def test_how_readings_are_judged() -> None:
    vector = next(one for one in spellings("cbor") if not one.accepted)
    assert Reading(vector, False, vector.reason, None).right
    assert not Reading(vector, True, "", None).right
    assert not Reading(vector, None, "it raised", None).right
    assert Reading(vector, False, "integrity", None).other_reason
    assert not Reading(vector, False, "unspecified", None).other_reason
    assert not Reading(vector, False, "", None).other_reason
    accepted = next(one for one in spellings("cbor") if one.accepted)
    assert not Reading(accepted, True, "", "anything").other_value
