"""The portable engine finds what it must, tells the truth about it, and does the same again with the same seed."""

import sys
from pathlib import Path

import pytest
from fuzz_slices import ROOT, run

from ipc_gauntlet.fuzz.spec import Exit, Spec

SEED = 7
TOYS = Path(__file__).parent / "portable_toys"


def orders(folder: Path, target: str, **more: object) -> Spec:
    """Orders for a toy."""
    fields: dict[str, object] = {"executions": 20_000, "measured": ("portable_parser",), **more}
    return Spec(target=f"toy.{target}", module="portable_targets", folder=str(folder), **fields)  # type: ignore[arg-type]


def planted(folder: Path, target: str, **more: object) -> Spec:
    """Orders for the benchmark's parser."""
    fields: dict[str, object] = {"executions": 60_000, **more}
    measured = ("benchmarks.planted.parser",)
    return Spec(
        target=f"planted.{target}",
        module="benchmarks.planted.targets",
        measured=measured,
        folder=str(folder),
        **fields,
    )  # type: ignore[arg-type]


def test_compared_values_lead_through_every_check(tmp_path: Path) -> None:
    """Words, numbers, keys, enumerations, cases and prefixes, each of which needs the right bytes, without a seed."""
    done = run(orders(tmp_path, "steps", executions=60_000, stop_at_first=True), TOYS)
    assert done.status == Exit.DONE, done.said
    assert {finding.error for finding in done.findings} == {"ZeroDivisionError"}
    verdicts = done.ended.progress.verdicts
    assert set(verdicts) == {"magic", "number", "key", "kind", "case", "tail"}
    assert done.ended.ended == "finding"


def test_checksums_are_answered(tmp_path: Path) -> None:
    """A checksum that the parser computes and compares is put into the input."""
    done = run(orders(tmp_path, "sums", stop_at_first=True), TOYS)
    assert {finding.error for finding in done.findings} == {"LookupError"}, done.said


@pytest.mark.parametrize(
    ("target", "limit", "errors"),
    [("bytes", 20_000, {"MagicBug"}), ("structured", 20_000, {"MagicBug", "NestedBug", "SessionBug"})],
)
def test_planted_bugs_are_found(tmp_path: Path, target: str, limit: int, errors: set[str]) -> None:
    """Within so many executions, not so many seconds."""
    done = run(planted(tmp_path, target, executions=limit, seed=SEED), ROOT)
    assert done.status == Exit.DONE, done.said
    assert errors <= {finding.error for finding in done.findings}
    progress = done.ended.progress
    assert progress.executions == limit
    assert sum(progress.verdicts.values()) + sum(progress.findings.values()) <= limit
    assert progress.edges == len(done.ended.covered) <= progress.edges_total
    assert progress.corpus >= progress.kept == len(done.kept()) > 0
    assert "benchmarks.planted.parser:read_frame" in done.ended.functions
    assert all(finding.execution <= limit and finding.engine == "portable" for finding in done.findings)


@pytest.mark.parametrize(("target", "executions"), [("bytes", 6000), ("structured", 2500)])
def test_the_same_seed_does_the_same(tmp_path: Path, target: str, executions: int) -> None:
    """In other processes, with other orders of sets; another seed does something else."""
    kept = []
    for number, seed in enumerate((5, 5, 6)):
        folder = tmp_path / str(number)
        done = run(planted(folder, target, executions=executions, seed=seed), ROOT, hash_seed=number + 1)
        kept.append((done.kept(), done.ended.covered, done.ended.progress.verdicts))
    assert kept[0] == kept[1]
    assert kept[0][0] != kept[2][0]


def test_inputs_that_are_not_canonical(tmp_path: Path) -> None:
    """An accepted input that is not the encoding of its value is a finding."""
    done = run(orders(tmp_path, "numbers"), TOYS)
    assert {finding.kind for finding in done.findings} == {"noncanonical"}, done.said
    assert all(finding.data.startswith(b"0") or b",0" in finding.data for finding in done.findings)
    assert done.ended.progress.findings[done.findings[0].signature] >= len(done.findings)


def test_what_a_rejection_leaves_behind(tmp_path: Path) -> None:
    """State that was kept is a finding."""
    done = run(orders(tmp_path, "leaks", stop_at_first=True), TOYS)
    assert {finding.kind for finding in done.findings} == {"residue"}, done.said


def test_what_is_left_of_the_first_time_only(tmp_path: Path) -> None:
    """A table by input grows when an input comes for the first time, and never again."""
    done = run(orders(tmp_path, "remembers", executions=500), TOYS)
    assert {finding.kind for finding in done.findings} == {"residue"}, done.said
    (count,) = done.ended.progress.findings.values()
    assert count > 100  # each refusal counts, and only a few are written
    assert len(done.findings) <= 32


def test_what_accepted_inputs_leave_is_no_residue(tmp_path: Path) -> None:
    """A cache of what was accepted grows between refusals."""
    done = run(orders(tmp_path, "caches", executions=500), TOYS)
    assert done.ended.progress.verdicts["accepted"] > 1
    assert sum(done.ended.progress.verdicts.values()) > done.ended.progress.verdicts["accepted"] + 1
    assert not done.findings


def test_whatever_is_raised_is_a_finding(tmp_path: Path) -> None:
    """SystemExit does not end the slice, endless recursion does not either; each cause is one signature."""
    done = run(orders(tmp_path, "quits", executions=3000), TOYS)
    assert done.status == Exit.DONE, done.said
    found = {finding.error: finding for finding in done.findings}
    assert set(found) == {"SystemExit", "RecursionError"}
    assert len(done.ended.progress.findings) == 2
    assert found["SystemExit"].frames[-1].function == "quits"
    assert found["SystemExit"].frames[-1].file == "portable_parser.py"


def test_findings_that_are_known_are_counted_only(tmp_path: Path) -> None:
    """A campaign tells its slices what it has."""
    first = run(orders(tmp_path / "1", "quits", executions=500), TOYS)
    known = tuple(sorted(first.ended.progress.findings))
    again = run(orders(tmp_path / "2", "quits", executions=500, known=known), TOYS)
    assert not again.findings
    assert tuple(sorted(again.ended.progress.findings)) == known


def test_a_corpus_is_where_it_starts(tmp_path: Path) -> None:
    """What another slice kept is not kept again, and its edges are there at once."""
    first = run(planted(tmp_path / "1", "bytes", executions=5000), ROOT)
    corpus = (str(tmp_path / "1" / "inputs"),)
    second = run(planted(tmp_path / "2", "bytes", executions=len(first.kept()), corpus=corpus), ROOT)
    assert not second.kept()
    # What only a finding takes is in no corpus.
    missing = set(first.ended.covered) - set(second.ended.covered)
    assert missing <= {"benchmarks.planted.parser:97:then:0"}
    assert len(second.ended.covered) > 20


def test_nothing_measured_is_an_error(tmp_path: Path) -> None:
    """A blind slice says so."""
    done = run(orders(tmp_path, "elsewhere", measured=("nothing.of.this",)), TOYS)
    assert done.status == Exit.TROUBLE
    assert "no branch of nothing.of.this is measured" in done.said


def test_a_structure_that_raises_is_named(tmp_path: Path) -> None:
    """The author of a target has to know what broke its promise."""
    done = run(orders(tmp_path, "careless"), TOYS)
    assert done.status == Exit.TROUBLE
    assert "target toy.careless: structure.mutate raised IndexError" in done.said


def test_a_file_named_stop_ends_it(tmp_path: Path) -> None:
    """The way to stop a slice on every system."""
    folder = tmp_path / "slice"
    folder.mkdir()
    (folder / "stop").touch()
    done = run(orders(folder, "slowly", executions=0), TOYS)
    assert done.status == Exit.DONE, done.said
    assert done.ended.ended == "stopped"


def test_it_works_without_other_engines() -> None:
    """Nothing of pytest, Hypothesis or atheris is imported for it."""
    import subprocess

    code = (
        "import sys, ipc_gauntlet.fuzz.slice, ipc_gauntlet.fuzz.engines.portable;"
        "assert not {'pytest', 'hypothesis', 'atheris', 'distributed'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
