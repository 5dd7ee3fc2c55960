"""The engine hypothesis: goes on after findings, repeats itself, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

from engine_slices import TOYS, Slice, run_slice

from ipc_gauntlet.fuzz.spec import Exit


def run(folder: Path, **orders: object) -> Slice:
    """A slice of this engine."""
    return run_slice(folder, engine="hypothesis", **orders)


def test_it_goes_on_after_findings(tmp_path: Path) -> None:
    """Two defects in one slice; every execution is counted, and no more than asked for."""
    done = run(tmp_path / "s", executions=1800, target="toy.structured")
    assert done.status == 0, done.stderr
    assert done.kinds() == {("crash", "IndexError"), ("crash", "Defect")}
    progress = done.result.progress
    assert progress.executions == 1800
    assert sum(progress.verdicts.values()) + sum(progress.findings.values()) == 1800
    assert done.result.ended == "executions"
    assert "toy_parser_late:check" in done.result.functions
    assert progress.edges == len(done.result.covered) > 10
    assert progress.kept == len(done.inputs) > 3


def test_without_structure_bytes_and_tokens_lead_on(tmp_path: Path) -> None:
    """A token by itself is a value that does not come back."""
    done = run(tmp_path / "s", executions=1200, target="toy.canonical")
    assert "noncanonical" in {finding.kind for finding in done.findings}
    assert {"accepted", "malformed"} <= set(done.result.progress.verdicts)


def test_a_seed_repeats_a_slice(tmp_path: Path) -> None:
    """Across runs of Hypothesis; another seed draws something else."""
    first, second, other = (
        run(tmp_path / name, executions=700, seed=seed) for name, seed in (("a", 5), ("b", 5), ("c", 6))
    )
    assert first.inputs == second.inputs
    assert [f.data for f in first.findings] == [f.data for f in second.findings]
    assert first.result.progress.verdicts == second.result.progress.verdicts
    assert first.result.progress.verdicts != other.result.progress.verdicts


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """No database of examples, no cache of Hypothesis, in no folder."""
    here = tmp_path / "here"
    here.mkdir()
    done = run(tmp_path / "s", executions=300, cwd=here)
    assert list(here.iterdir()) == []
    names = sorted(path.name for path in done.folder.iterdir())
    assert names == ["current", "findings", "inputs", "progress.json", "result.json"]


def test_what_a_rejection_leaves_is_found(tmp_path: Path) -> None:
    """Every oracle that needs one run looks."""
    keeps = run(tmp_path / "s", executions=100, target="toy.keeps")
    assert ("residue", "malformed") in keeps.kinds()


def test_a_planted_defect_is_caught(tmp_path: Path) -> None:
    """Canaries work for this engine as well."""
    source = (TOYS / "toy_parser.py").read_text(encoding="utf-8").splitlines()
    line = next(n for n, text in enumerate(source, 1) if "body[0] > 200" in text) + 1
    done = run(tmp_path / "s", executions=1800, plant=f"toy_parser:{line}:raise:0", target="toy.structured")
    assert ("crash", "PlantedDefect") in done.kinds()


def test_a_hang_is_a_finding(tmp_path: Path) -> None:
    """The shared watch ends the process."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "bad").write_bytes(b"BOX\x77\x01z")
    done = run(tmp_path / "s", target="toy.hangs", hang_seconds=0.3, executions=100, corpus=(str(corpus),))
    assert done.status == Exit.HANG
    assert [finding.kind for finding in done.findings] == ["hang"]


def test_it_ends_when_it_is_asked_to(tmp_path: Path) -> None:
    """With the first finding, and when its time is over."""
    first = run(tmp_path / "a", executions=100_000, stop_at_first=True, target="toy.structured")
    assert first.result.ended == "finding"
    timed = run(tmp_path / "b", seconds=0.3)
    assert timed.result.ended == "time"


def test_a_structure_that_fails_is_trouble_and_no_finding(tmp_path: Path) -> None:
    """The target is at fault, and not its parser."""
    done = run(tmp_path / "s", target="toy.broken", executions=3000)
    assert done.status == Exit.TROUBLE
    assert "structure.mutate raised LookupError" in done.stderr
    assert done.findings == []


def test_blind_it_refuses(tmp_path: Path) -> None:
    """Nothing measured is an error."""
    done = run(tmp_path / "s", executions=100, measured=("nothing_of_that_name",))
    assert done.status == Exit.TROUBLE
    assert "is measured" in done.stderr
