"""The engine driver: another implementation beside the reference, in C and in Python, with and without edges."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from engine_slices import TOYS, Slice, run_slice

from ipc_gauntlet.driver import DriverCommand
from ipc_gauntlet.driver.doctor.examine import examine
from ipc_gauntlet.fuzz.spec import Exit
from ipc_gauntlet.reactor import new_reactor

GCC = shutil.which("gcc")
needs_gcc = pytest.mark.skipif(GCC is None, reason="gcc is not installed: the example driver cannot be built")
EXAMPLE = Path(__file__).parents[3] / "drivers" / "examples" / "c_parser"
Build = Callable[..., str]
ABORTED = "exit 3" if sys.platform == "win32" else "SIGABRT"


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Builds the example as its page says, warnings being errors."""
    folder = tmp_path_factory.mktemp("c_parser")

    def make(*flags: str, edges: bool = False) -> str:
        assert GCC is not None
        program = folder / "-".join(["parser", *(flag.strip("-") for flag in flags), str(edges)])
        if not program.exists():
            usual = [GCC, "-std=c99", "-Wall", "-Wextra", "-Werror", "-O1", "-g", *flags]
            measured = ["-fsanitize-coverage=trace-pc"] if edges else []
            part = program.with_suffix(".o")
            sources = [EXAMPLE / "driver.c", *([EXAMPLE / "coverage.c"] if edges else [])]
            subprocess.run([*usual, *measured, "-c", EXAMPLE / "record.c", "-o", part], check=True)
            claims = ["-DCOVERAGE"] if edges else []
            subprocess.run([*usual, *claims, *sources, part, "-o", program], check=True)
        return str(program)

    return make


def run_records(folder: Path, driver: str, executions: int, **orders: object) -> Slice:
    """A slice of the reference's records with a driver beside."""
    usual: dict[str, object] = {
        "engine": "driver",
        "module": str(TOYS / "record_targets.py"),
        "target": "toy.record",
        "measured": ("sipc.records",),
        "hang_seconds": 10.0,
    }
    return run_slice(folder, driver=driver, executions=executions, **{**usual, **orders})


def run_boxes(folder: Path, habit: str, **orders: object) -> Slice:
    """A slice of the toy parser with a driver of some habit beside."""
    driver = str(DriverCommand((sys.executable, str(TOYS / "box_driver.py"), habit)))
    usual: dict[str, object] = {"engine": "driver", "target": "toy.driven", "hang_seconds": 10.0}
    return run_slice(folder, **{**usual, "driver": driver, "executions": 1500, **orders})


def bad_box(folder: Path) -> str:
    """A corpus with the box that drivers of most habits stumble over."""
    corpus = folder / "corpus"
    corpus.mkdir()
    (corpus / "bad").write_bytes(b"BOX\x77\x01z")
    return str(corpus)


@needs_gcc
@pytest.mark.parametrize("edges", [False, True])
def test_the_example_passes_the_doctor(build: Build, edges: bool, tmp_path: Path) -> None:
    """As it is, and with edges."""
    reactor = new_reactor()
    checks = examine(DriverCommand((build(edges=edges),)), reactor, tmp_path)
    reactor.close()
    assert [check.detail for check in checks if not check.ok] == []
    answers = next(check for check in checks if "parsers answer" in check.name)
    assert answers.detail == f"parsers: record; coverage: {'edges/1' if edges else 'none'}"


@needs_gcc
def test_a_good_parser_in_c_agrees_with_the_reference(build: Build, tmp_path: Path) -> None:
    """No finding in some thousand inputs, of which some are accepted and some refused for each reason."""
    done = run_records(tmp_path / "s", build(edges=True), 6000)
    assert done.status == 0, done.stderr
    assert done.findings == []
    assert {"accepted", "malformed", "protocol"} <= set(done.result.progress.verdicts)
    assert done.result.progress.executions == 6000
    assert done.result.progress.edges > 5
    assert "sipc.records:parse_plaintext" in done.result.functions
    assert any("edges told" in note for note in done.result.notes)


@needs_gcc
def test_a_disagreement_is_found_by_verdicts_only(build: Build, tmp_path: Path) -> None:
    """No edges of either side, no structure: pairs of verdicts lead to a length that is two too many."""
    done = run_records(tmp_path / "s", build("-DFLAWED"), 3000, options={"feedback": "pairs"})
    assert ("disagreement", "malformed/accepted") in done.kinds()
    assert any("no edges told" in note for note in done.result.notes)
    data = next(finding.data for finding in done.findings if finding.kind == "disagreement")
    assert int.from_bytes(data[:2]) > len(data) - 2


@needs_gcc
def test_edges_of_the_implementation_lead_to_a_crash(build: Build, tmp_path: Path) -> None:
    """An abort behind a field that the reference does not look at."""
    flawed = build("-DFLAWED", edges=True)
    known = tuple(run_records(tmp_path / "a", flawed, 2000).result.progress.findings)
    done = run_records(tmp_path / "b", flawed, 150_000, known=known, stop_at_first=True)
    assert ("native", ABORTED) in done.kinds()
    found = next(finding for finding in done.findings if finding.kind == "native")
    assert [byte >> 3 for byte in found.data[4:8]] == [3, 29, 12, 21]
    assert found.details["side"] == "implementation"
    without = run_records(
        tmp_path / "c",
        flawed,
        done.result.progress.executions,
        known=known,
        options={"feedback": "pairs,reference"},
    )
    assert ("native", ABORTED) not in without.kinds()


@needs_gcc
def test_a_seed_repeats_a_slice(build: Build, tmp_path: Path) -> None:
    """Numbers of edges are the same after a restart, so the same inputs are kept."""
    program = build(edges=True)
    first, second = (run_records(tmp_path / name, program, 4000, seed=7) for name in "ab")
    assert first.inputs == second.inputs != {}
    assert first.result.notes == second.result.notes
    other = run_records(tmp_path / "c", program, 4000, seed=8)
    assert other.inputs != first.inputs


@pytest.mark.parametrize(
    ("habit", "expected"),
    [
        ("lax", ("disagreement", "malformed/accepted")),
        ("reverses", ("disagreement", "value body")),
        ("words", ("wrong-answer", "malformed/limit")),
        ("exits", ("native", "exit 3")),
        ("fails", ("crash", "internal")),
    ],
)
def test_what_an_implementation_does_wrong_is_found(
    habit: str, expected: tuple[str, str], tmp_path: Path
) -> None:
    """And the slice goes on to its end."""
    done = run_boxes(tmp_path / "s", habit, corpus=(bad_box(tmp_path),), executions=400)
    assert done.status == 0, done.stderr
    assert expected in done.kinds()
    assert done.result.progress.executions == 400


def test_a_hang_of_the_implementation_does_not_end_the_slice(tmp_path: Path) -> None:
    """Its process is replaced; the reference's own watch has nothing to do with it."""
    corpus = bad_box(tmp_path)
    done = run_boxes(tmp_path / "s", "hangs", hang_seconds=0.1, executions=6, corpus=(corpus,))
    assert done.status == 0, done.stderr
    assert [(finding.kind, finding.data) for finding in done.findings][:1] == [("hang", b"BOX\x77\x01z")]
    assert done.result.progress.executions == 6
    assert any("was replaced" in text and count for text, count in done.result.counts.items())


@pytest.mark.parametrize(("habit", "loud"), [("claims", True), ("edges", False), ("good", False)])
def test_coverage_that_is_claimed_and_never_told_is_told_loudly(
    habit: str, loud: bool, tmp_path: Path
) -> None:
    """Otherwise a build without instrumentation looks like one that has nothing to tell."""
    done = run_boxes(tmp_path / "s", habit, executions=200)
    assert done.status == 0, done.stderr
    assert any("claims coverage" in text for text in done.result.warnings) == loud
    assert sum(done.result.pairs.values()) == 200


def test_one_that_cannot_tell_reasons_apart_is_not_blamed(tmp_path: Path) -> None:
    """`unspecified` goes with every refusal; the reference's own defects are found on the way."""
    done = run_boxes(tmp_path / "s", "silent")
    assert {finding.error for finding in done.findings} <= {"IndexError", "Defect"}


def test_a_planted_defect_is_caught_in_the_reference(tmp_path: Path) -> None:
    """Canaries work for this engine as well."""
    source = (TOYS / "toy_parser.py").read_text(encoding="utf-8").splitlines()
    line = next(n for n, text in enumerate(source, 1) if "body[0] > 200" in text) + 1
    done = run_boxes(tmp_path / "s", "good", plant=f"toy_parser:{line}:raise:0", executions=6000)
    assert ("crash", "PlantedDefect") in done.kinds()


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    """No driver, no parser of the driver protocol for the target, and a driver that does not start."""
    no_driver = run_slice(tmp_path / "a", engine="driver", executions=10)
    assert no_driver.status == Exit.USAGE
    assert "--driver" in no_driver.stderr
    no_parser = run_slice(tmp_path / "b", engine="driver", executions=10, driver="whatever")
    assert no_parser.status == Exit.USAGE
    assert "no parser" in no_parser.stderr
    missing = run_boxes(tmp_path / "c", "good", driver="/there/is/no/driver")
    assert missing.status == Exit.TROUBLE
    assert "does not exist" in missing.stderr
