"""What killed processes leave behind is removed by the next one, and nothing else is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ipc_gauntlet.engine.workdir import private_directory, sweep

HOLD = """
import sys, time
from ipc_gauntlet.engine.workdir import private_directory
with private_directory() as path:
    print(path, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> "subprocess.Popen[str]":
    """A process that has a private directory, which lies in the test's own folder."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLD],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_killed_process_leaves_nothing_for_long(
    holder: "subprocess.Popen[str]", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it lives its directory stays; once it was killed, the next process that starts removes it."""
    monkeypatch.setattr("ipc_gauntlet.engine.workdir._parent", lambda: str(tmp_path))
    with holder:
        assert holder.stdout is not None
        left = Path(holder.stdout.readline().strip())
        (left / "socket").touch()
        with private_directory():
            assert left.exists()
        holder.kill()
    if left.parent != tmp_path:  # the folder for temporary files has too long a name here
        assert left in sweep(str(left.parent))
    with private_directory() as mine:
        assert not left.exists()
        assert mine.exists()
    assert not mine.exists()


@pytest.mark.parametrize("owner", [None, "", "not a number"])
def test_what_has_no_known_owner_is_left_alone(tmp_path: Path, owner: str | None) -> None:
    """A directory that another process is just making, or that is not ours at all."""
    path = tmp_path / "ipcg-abc"
    path.mkdir()
    if owner is not None:
        (path / "owner").write_text(owner, encoding="ascii")
    assert sweep(str(tmp_path)) == []
    assert path.exists()


def test_an_id_that_is_used_again_is_another_process(tmp_path: Path) -> None:
    """The owner's id alone proves nothing: this process has it, but began at another time."""
    path = tmp_path / "ipcg-abc"
    path.mkdir()
    (path / "owner").write_text(f"{os.getpid()} 1.000", encoding="ascii")
    assert sweep(str(tmp_path)) == [path]
    assert not path.exists()
