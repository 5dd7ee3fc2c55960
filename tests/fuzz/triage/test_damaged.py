"""Findings that cannot all be read: what is readable is shown, the rest is named; and stores that nobody may write to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flawed_campaigns import campaign
from flawed_targets import framed

from ipc_gauntlet.cli.app import cli
from ipc_gauntlet.fuzz.campaign.rest import at_rest
from ipc_gauntlet.fuzz.campaign.state import State
from ipc_gauntlet.fuzz.campaign.status import write
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.triage.saved import signatures

CRASH = framed(b"C!")
DEATH = framed(b"Dead")
_WAIT = 120


@pytest.fixture(name="made")
def make_campaign(tmp_path: Path) -> tuple[Store, Path]:
    return campaign(tmp_path, [CRASH, DEATH])


def fuzz(store: Store, *arguments: str, status: int = 0) -> Result:
    ended = CliRunner().invoke(cli, ["fuzz", *arguments, "--store", str(store.root)])
    assert ended.exit_code == status, ended.output
    return ended


def truncated(folder: Path, signature: str) -> Path:
    """The only file of a finding, cut short."""
    path = next((folder / "findings" / signature).iterdir())
    path.write_bytes(path.read_bytes()[:40])
    return path


def test_one_damaged_finding_does_not_hide_the_others(made: tuple[Store, Path]) -> None:
    store, folder = made
    crash, death = sorted(signatures(folder))
    path = truncated(folder, death)
    shown = fuzz(store, "show", status=3)
    assert crash in shown.stdout
    assert f"left out: {path}" in shown.stderr
    assert str(path) in fuzz(store, "show", death, status=2).output


def test_the_other_inputs_of_a_finding_are_shown(made: tuple[Store, Path]) -> None:
    store, folder = made
    crash = min(signatures(folder))
    extra = folder / "findings" / crash / f"{'0' * 64}.json"
    extra.write_bytes(b'{"target": "t.clu')
    for arguments in (("show", crash), ("show", crash, "--json")):
        shown = fuzz(store, *arguments, status=3)
        assert "KeyError" in shown.stdout
        assert f"left out: {extra}" in shown.stderr


def test_a_damaged_case_falls_back_to_the_inputs(made: tuple[Store, Path]) -> None:
    """A case that was cut short by a full disk, or by somebody's editor."""
    store, folder = made
    crash = min(signatures(folder))
    (folder / "cases").mkdir()
    (folder / "cases" / f"{crash}.json").write_bytes(b"{")
    assert "KeyError" in fuzz(store, "show", crash, status=3).stdout


def test_replay_runs_what_can_be_read(made: tuple[Store, Path]) -> None:
    store, folder = made
    crash, death = sorted(signatures(folder))
    path = truncated(folder, death)
    store.regressions.mkdir()
    (store.regressions / "broken.json").write_text("no case")
    ended = fuzz(store, "replay", "--all", "--target", "t.clumsy", "--no-corpus", status=1)
    assert "STILL FAILING" in ended.stdout
    assert crash in ended.stdout
    assert str(path) in ended.stderr
    assert str(store.regressions / "broken.json") in ended.stderr
    truncated(folder, crash)
    fuzz(store, "replay", "--all", "--target", "t.clumsy", "--no-corpus", status=3)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions")
def test_a_store_that_is_read_only_can_be_read(made: tuple[Store, Path], tmp_path: Path) -> None:
    """An archive of another machine's campaign, unpacked where nobody may write."""
    store, folder = made
    with State.open(folder) as state:
        write(folder, at_rest(state))
    crash = min(signatures(folder))
    everything = [folder, *folder.rglob("*"), store.root, *store.root.iterdir()]
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        page = tmp_path / "page.html"
        commands = (["show", crash], ["show"], ["status"], ["report", folder.name, "--html", str(page)])
        done = [_without_rights(["fuzz", *one, "--store", str(store.root)]) for one in commands]
    finally:
        for path in everything:
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert [(one.returncode, one.stderr) for one in done] == [(0, "")] * 4
    assert "seen 5 times" in done[0].stdout
    assert page.is_file()


def _without_rights(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command of ours. Root may write anywhere as long as it has the capability for it."""
    bound = (
        "import ctypes, os, sys; os.geteuid() or ctypes.CDLL(None).prctl(24, 1, 0, 0, 0); "
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    return subprocess.run(
        [sys.executable, "-c", bound, "-m", "ipc_gauntlet", *arguments],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=_WAIT,
        check=False,
    )
