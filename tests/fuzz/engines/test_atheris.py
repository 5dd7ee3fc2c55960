"""The engine atheris: slices end with results, whatever the target raises; blind, it says so."""

from __future__ import annotations

import ast
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from engine_slices import TOYS, run_slice, spec_of

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.engines.atheris import ENGINE
from ipc_gauntlet.fuzz.engines.atheris_imports import Instrumented
from ipc_gauntlet.fuzz.spec import Exit, read_result
from ipc_gauntlet.fuzz.work import read_current

WHY = ENGINE.missing()
needs_atheris = pytest.mark.skipif(bool(WHY), reason=WHY or "atheris is here")


@needs_atheris
def test_defects_are_caught_and_the_slice_goes_on(tmp_path: Path) -> None:
    """Two signatures in one process, one of them in a module that is imported late; the execution limit is exact."""
    done = run_slice(tmp_path / "s", engine="atheris", executions=60_000, seed=3)
    assert done.status == 0, done.stderr
    assert done.kinds() == {("crash", "IndexError"), ("crash", "Defect")}
    progress = done.result.progress
    assert progress.executions == 60_000
    # Beyond the first some thousand, one verdict in 251 is counted for 251.
    counted = sum(progress.verdicts.values()) + sum(progress.findings.values())
    assert counted == pytest.approx(60_000, rel=0.1)
    assert {"accepted", "malformed"} <= set(progress.verdicts)
    assert done.result.ended == "executions"
    deep = next(finding for finding in done.findings if finding.error == "Defect")
    assert [frame.function for frame in deep.frames] == ["parse", "words", "check"]
    assert [frame.file for frame in deep.frames][-1] == "toy_parser_late.py"


@needs_atheris
def test_edges_are_those_of_the_portable_coverage(tmp_path: Path) -> None:
    """What was kept is replayed: edges by name, functions, a total; nothing of libFuzzer's is left."""
    done = run_slice(tmp_path / "s", engine="atheris", executions=30_000, seed=3)
    result = done.result
    assert not result.notes
    assert result.progress.edges == len(result.covered) > 10
    assert result.progress.edges_total >= result.progress.edges
    assert result.progress.features >= result.progress.edges
    assert "toy_parser:numbers" in result.functions
    assert done.inputs
    assert result.progress.kept == len(done.inputs)
    assert sorted(path.name for path in done.folder.iterdir()) == [
        "current",
        "findings",
        "inputs",
        "progress.json",
        "result.json",
    ]


@needs_atheris
def test_a_seed_repeats_a_slice(tmp_path: Path) -> None:
    """The same inputs kept, the same findings."""
    first, second = (run_slice(tmp_path / name, engine="atheris", executions=8000, seed=11) for name in "ab")
    assert first.inputs == second.inputs
    assert [f.data for f in first.findings] == [f.data for f in second.findings]
    assert first.result.progress.verdicts == second.result.progress.verdicts


@needs_atheris
def test_every_verdict_of_a_short_slice_is_counted(tmp_path: Path) -> None:
    """Seeds included: what is never accepted among them would make a campaign call the target blind."""
    done = run_slice(tmp_path / "s", engine="atheris", executions=1500, seed=3)
    progress = done.result.progress
    assert sum(progress.verdicts.values()) + sum(progress.findings.values()) == 1500


@needs_atheris
def test_the_structure_mutates_beside_libfuzzer(tmp_path: Path) -> None:
    """With lengths put right, the defect behind three bytes is met in a few thousand executions."""
    done = run_slice(tmp_path / "s", engine="atheris", target="toy.structured", executions=6000, seed=5)
    assert ("crash", "Defect") in done.kinds()


@needs_atheris
def test_values_that_do_not_come_back_are_found(tmp_path: Path) -> None:
    """An accepted input that is not the encoding of its value; the token of the target leads there."""
    done = run_slice(tmp_path / "s", engine="atheris", target="toy.canonical", executions=60_000, seed=2)
    assert "noncanonical" in {finding.kind for finding in done.findings}


@needs_atheris
def test_what_a_rejection_leaves_is_found(tmp_path: Path) -> None:
    """Oracles that need two looks work as well."""
    done = run_slice(tmp_path / "s", engine="atheris", target="toy.keeps", executions=300)
    assert ("residue", "malformed") in done.kinds()


@needs_atheris
def test_a_planted_defect_is_in_place_and_caught(tmp_path: Path) -> None:
    """The tree is changed before it is compiled for libFuzzer."""
    source = (TOYS / "toy_parser.py").read_text(encoding="utf-8").splitlines()
    line = next(n for n, text in enumerate(source, 1) if "body[0] > 200" in text) + 1
    done = run_slice(
        tmp_path / "s", engine="atheris", executions=60_000, plant=f"toy_parser:{line}:raise:0", seed=3
    )
    assert done.status == 0, done.stderr
    assert ("crash", "PlantedDefect") in done.kinds()


@needs_atheris
def test_it_ends_with_the_first_finding_when_asked(tmp_path: Path) -> None:
    """And says why it ended."""
    done = run_slice(tmp_path / "s", engine="atheris", stop_at_first=True, seconds=60, executions=200_000)
    assert done.result.ended == "finding"
    assert done.result.progress.executions < 200_000


@needs_atheris
def test_known_signatures_are_counted_only(tmp_path: Path) -> None:
    """A campaign has them already."""
    first = run_slice(tmp_path / "a", engine="atheris", executions=20_000, seed=3)
    known = tuple(first.result.progress.findings)
    second = run_slice(tmp_path / "b", engine="atheris", executions=20_000, seed=3, known=known)
    assert second.findings == []
    assert second.result.progress.findings == first.result.progress.findings


@needs_atheris
def test_a_slice_goes_on_from_a_corpus(tmp_path: Path) -> None:
    """Inputs of earlier slices are read and not kept again."""
    first = run_slice(tmp_path / "a", engine="atheris", executions=20_000, seed=3)
    second = run_slice(
        tmp_path / "b", engine="atheris", executions=2000, seed=4, corpus=(str(first.folder / "inputs"),)
    )
    assert not set(first.inputs) & set(second.inputs)
    assert second.result.progress.edges >= first.result.progress.edges


@needs_atheris
def test_a_death_leaves_the_input(tmp_path: Path) -> None:
    """No result, another status, and `current` holds what was executed."""
    done = run_slice(tmp_path / "s", engine="atheris", target="toy.dies", executions=100_000, seed=1)
    assert done.status not in set(Exit)
    current = read_current(done.folder / "current")
    assert current is not None
    assert current[0][:4] == b"BOX\x77"
    assert not (done.folder / "result.json").exists()


@needs_atheris
def test_a_hang_is_a_finding_and_ends_the_process(tmp_path: Path) -> None:
    """The watch ends what libFuzzer could not end within a second."""
    done = run_slice(
        tmp_path / "s", engine="atheris", target="toy.hangs", hang_seconds=0.3, executions=100_000, seed=1
    )
    assert done.status == Exit.HANG
    assert [finding.kind for finding in done.findings] == ["hang"]
    assert done.findings[0].data[:4] == b"BOX\x77"


@needs_atheris
def test_a_structure_that_fails_is_trouble_and_no_finding(tmp_path: Path) -> None:
    """The target is at fault, and not its parser."""
    done = run_slice(tmp_path / "s", engine="atheris", target="toy.broken", executions=3000)
    assert done.status == Exit.TROUBLE
    assert "structure.mutate raised LookupError" in done.stderr
    assert done.findings == []


@needs_atheris
def test_ctrl_c_leaves_a_result(tmp_path: Path) -> None:
    """It comes between two executions more often than within one: libFuzzer must not see it."""
    folder = tmp_path / "s"
    folder.mkdir()
    orders = tmp_path / "spec.json"
    orders.write_bytes(msgspec.json.encode(spec_of(folder, engine="atheris", seconds=60)))
    command = [sys.executable, "-m", "ipc_gauntlet.fuzz.slice", str(orders)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            while not (folder / "progress.json").exists():
                assert process.poll() is None
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130
        finally:
            process.kill()
    result = read_result(folder)
    assert result is not None
    assert result.ended == "stopped"
    assert result.progress.executions > 0


@needs_atheris
def test_without_instrumentation_it_refuses(tmp_path: Path) -> None:
    """Nothing measured is an error, and not a run that looks well."""
    done = run_slice(tmp_path / "s", engine="atheris", executions=100, measured=("nothing_of_that_name",))
    assert done.status == Exit.TROUBLE
    assert "was instrumented" in done.stderr


def test_where_there_is_no_atheris_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """On another system, and where it is not installed."""
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    assert "portable" in ENGINE.missing()
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setitem(sys.modules, "atheris", None)
    assert "pip install" in ENGINE.missing()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package of two modules that nobody has imported."""
    folder = tmp_path / "hooked_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("", encoding="utf-8")
    (folder / "inner.py").write_text("def answer():\n    return 41\n", encoding="utf-8")
    (tmp_path / "hooked_other.py").write_text("VALUE = 1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    finders = list(sys.meta_path)
    yield "hooked_package"
    sys.meta_path[:] = finders
    for name in set(sys.modules) - before:
        if name.startswith("hooked_"):
            del sys.modules[name]


def test_the_hook_patches_measured_modules_and_no_others(package: str) -> None:
    """Prefixes are whole names; transforms see the tree, the patch sees the code."""
    patched: list[str] = []

    def more(name: str, tree: ast.Module) -> ast.Module:
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and node.value == 41:
                node.value = 42
        return tree

    hook = Instrumented((f"{package}.inner",), lambda code: patched.append(code.co_filename) or code, (more,))
    hook.install()
    import hooked_other
    import hooked_package.inner

    assert hooked_other.VALUE == 1
    assert hooked_package.inner.answer() == 42
    assert hook.modules == [f"{package}.inner"]
    assert [Path(name).name for name in patched] == ["inner.py"]


def test_the_hook_comes_first_or_not_at_all(package: str) -> None:
    """A module that is there already would stay without counters."""
    import hooked_package  # noqa: F401

    with pytest.raises(GauntletError, match="hooked_package: imported before"):
        Instrumented((package,), lambda code: code).install()
