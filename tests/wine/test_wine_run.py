"""ci/wine/run without Wine: stand-ins for its programs show who starts and stops what, and what is passed on."""

import importlib.metadata
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import psutil
import pytest

Load = Callable[[str], ModuleType]

# Runs `wine_run.run` as ci/wine/run does: in a process of its own.
CALLER = """
import os, sys
sys.path.insert(0, sys.argv[1])
import wine_run
wine_run._DRAIN_S = 0.2
sys.exit(wine_run.run(sys.argv[2:], dict(os.environ)))
"""


@pytest.fixture
def wine_run(wine_module: Load) -> ModuleType:
    """The module."""
    return wine_module("wine_run")


@pytest.fixture
def wine_prefix(wine_module: Load) -> ModuleType:
    """The module."""
    return wine_module("wine_prefix")


def caller(checkout: Path, script: str) -> list[str]:
    """The command line that runs a shell script in the place of Windows Python."""
    return [sys.executable, "-c", CALLER, str(checkout / "ci" / "wine"), "/bin/sh", "-c", script]


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137)])
def test_the_exit_status_is_passed_on(checkout: Path, script: str, status: int) -> None:
    """A signal becomes what a shell makes of it."""
    assert subprocess.run(caller(checkout, script), check=False).returncode == status


def test_output_is_passed_on_as_it_is(checkout: Path, tmp_path: Path) -> None:
    """Both streams, each to its own, also into files, which Windows programs under Wine cannot write."""
    script = "test -p /dev/fd/1 && printf 'out\\r\\n'; printf '\\377err' >&2"
    with (tmp_path / "out").open("wb") as out, (tmp_path / "err").open("wb") as err:
        subprocess.run(caller(checkout, script), stdout=out, stderr=err, check=True)
    assert (tmp_path / "out").read_bytes() == b"out\r\n"
    assert (tmp_path / "err").read_bytes() == b"\xfferr"


@pytest.mark.parametrize("kind", ["pipe", "file", "null"])
def test_input_is_passed_on(checkout: Path, tmp_path: Path, kind: str) -> None:
    """From a pipe, from a file; and nothing from nowhere."""
    (tmp_path / "in").write_bytes(b"words")
    with (tmp_path / "in").open("rb") as file:
        given = {"pipe": {"input": b"words"}, "file": {"stdin": file}, "null": {"stdin": subprocess.DEVNULL}}[
            kind
        ]
        done = subprocess.run(caller(checkout, "cat"), stdout=subprocess.PIPE, check=True, **given)  # type: ignore[call-overload]
    assert done.stdout == (b"" if kind == "null" else b"words")


def test_nobody_who_is_left_behind_is_waited_for(checkout: Path) -> None:
    """A process that keeps the output open does not keep the caller."""
    done = subprocess.run(
        caller(checkout, "sleep 30 & echo here"), stdout=subprocess.PIPE, check=True, timeout=20
    )
    assert done.stdout == b"here\n"


def test_a_reader_that_leaves_does_not_stop_the_program(checkout: Path) -> None:
    """The exit status still comes."""
    process = subprocess.Popen(
        caller(checkout, "yes | head -c 500000; exit 5"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.wait(30) == 5


def gone(process: int, seconds: float = 20.0) -> bool:
    """Wait until there is no such process, or one that only waits for its parent to take note."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if psutil.Process(process).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.01)
    return False


def test_a_signal_ends_the_program(checkout: Path) -> None:
    """Whoever stops the caller stops what it runs."""
    process = subprocess.Popen(caller(checkout, "echo $$; exec sleep 60"), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 143
    process.stdout.close()
    assert gone(child)


# --- the environment ---


@pytest.fixture
def stand_ins(wine_prefix: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs that note how they were called, in the place of Wine's; the file of notes."""
    log = tmp_path / "log"
    for name in ("wine64", "wineserver64"):
        program = tmp_path / "wine" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\necho "{name} $*" >>{log}\necho wine-8.0\n', encoding="utf-8")
        program.chmod(0o755)
    monkeypatch.setattr(wine_prefix, "_FOLDER", tmp_path / "wine")
    return log


def notes(log: Path) -> list[str]:
    """The calls so far, without those that ask for the version."""
    return [line for line in log.read_text(encoding="utf-8").splitlines() if "--version" not in line]


def test_the_prefix_is_made_once(wine_prefix: ModuleType, stand_ins: Path, tmp_path: Path) -> None:
    """It says that it is Windows 10; half a prefix is made again."""
    wine = wine_prefix.Wine(tmp_path / "cache")
    half = tmp_path / "cache" / "prefix-wine-8.0" / "half"
    half.parent.mkdir(parents=True)
    half.touch()
    wine.boot()
    made = notes(stand_ins)
    assert made[0] == "wine64 wineboot.exe -i"
    assert "wine64 winecfg.exe -v win10" in made
    assert not half.exists()
    wine_prefix.Wine(tmp_path / "cache").boot()
    assert notes(stand_ins) == made


def test_the_last_one_stops_the_server(wine_prefix: ModuleType, stand_ins: Path, tmp_path: Path) -> None:
    """Stopping it ends everybody's programs, so nobody else may; it is started before any program is."""
    cache = tmp_path / "cache"
    cache.mkdir()
    wine = wine_prefix.Wine(cache)
    inside, leave = threading.Barrier(4), [threading.Event() for _ in range(3)]

    def use(number: int) -> None:
        with wine.running():
            inside.wait(20)
            leave[number].wait(20)

    users = [threading.Thread(target=use, args=(number,)) for number in range(3)]
    for user in users:
        user.start()
    inside.wait(20)
    assert notes(stand_ins)[:2] == ["wineserver64 -p60", "wine64 cmd.exe /c exit"]
    for number, user in enumerate(users):
        assert "wineserver64 -k" not in notes(stand_ins)
        leave[number].set()
        user.join(20)
    assert notes(stand_ins)[-2:] == ["wineserver64 -k", "wineserver64 -w"]


def test_python_is_built_once(
    wine_run: ModuleType, stand_ins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when two want it at once; and again after one who did not get to the end."""
    cache = tmp_path / "cache"
    built: list[Path] = []

    def build(folder: Path, _minor: str) -> None:
        assert not folder.exists()
        folder.mkdir()
        time.sleep(0.05)
        built.append(folder)

    monkeypatch.setattr(wine_run.windows_python, "build", build)
    half = cache / f"python-3.11-{wine_run.key('3.11')}"
    half.mkdir(parents=True)
    threads = [threading.Thread(target=wine_run.prepared, args=(cache, "3.11")) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert built == [half]
    assert notes(stand_ins).count("wine64 wineboot.exe -i") == 1


def test_another_pin_is_another_python(
    wine_run: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes into the folder changes its name."""
    for name in ("cpython-3.11.txt", "wheels-3.11.txt"):
        (tmp_path / name).write_text("a==1\n", encoding="utf-8")
    monkeypatch.setattr(wine_run.windows_python, "HERE", tmp_path)
    seen = {wine_run.key("3.11")}
    for name in ("cpython-3.11.txt", "wheels-3.11.txt"):
        (tmp_path / name).write_text("a==2\n", encoding="utf-8")
        seen.add(wine_run.key("3.11"))
    assert len(seen) == 3


def test_which_python(wine_run: ModuleType, tmp_path: Path) -> None:
    """The one that is asked for, and only what there is."""
    assert wine_run.chosen_version({"IPC_GAUNTLET_WINE_PYTHON": "3.13"}, tmp_path) == "3.13"
    with pytest.raises(wine_run.windows_python.BuildError, match=r"3\.11, 3\.12"):
        wine_run.chosen_version({"IPC_GAUNTLET_WINE_PYTHON": "2.7"}, tmp_path)


def test_which_python_when_nobody_says(
    wine_run: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first that this machine has a CPython of, or that is made already."""
    here = {"3.12", "3.13"}
    monkeypatch.setattr(wine_run.windows_python, "has_host", here.__contains__)
    assert wine_run.chosen_version({}, tmp_path) == "3.12"
    made = wine_run.python_folder(tmp_path, "3.11")
    made.mkdir()
    assert wine_run.chosen_version({}, tmp_path) == "3.12"
    (made / "ready").touch()
    assert wine_run.chosen_version({}, tmp_path) == "3.11"
    (made / "ready").unlink()
    here.clear()
    with pytest.raises(wine_run.windows_python.BuildError, match=r"none of 3\.11, 3\.12, 3\.13"):
        wine_run.chosen_version({}, tmp_path)


def test_where_things_are_kept(wine_run: ModuleType, tmp_path: Path) -> None:
    """Where one says, else in the user's cache."""
    assert wine_run.cache_folder({"IPC_GAUNTLET_WINE": str(tmp_path)}) == tmp_path
    assert wine_run.cache_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "ipc-gauntlet-wine"
    assert wine_run.cache_folder({}) == Path.home() / ".cache" / "ipc-gauntlet-wine"


def test_windows_python_knows_the_project(wine_run: ModuleType, stand_ins: Path, tmp_path: Path) -> None:
    """Its version and entry points, as of an editable installation; and nothing of another Python."""
    folder = wine_run.describe_checkout(tmp_path)
    assert wine_run.describe_checkout(tmp_path) == folder
    (found,) = importlib.metadata.distributions(path=[str(folder)])
    assert found.name == "ipc-gauntlet"
    ours = importlib.metadata.distribution("ipc-gauntlet")
    assert found.version == ours.version
    assert {(one.group, one.name, one.value) for one in found.entry_points} >= {
        ("ipc_gauntlet.implementations", "reference", "sipc_driver"),
        ("console_scripts", "ipc-gauntlet", "ipc_gauntlet.cli:main"),
    }


def test_variables_of_windows_python(
    wine_run: ModuleType,
    wine_prefix: ModuleType,
    stand_ins: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Paths as Windows writes them; what belongs to the Python or the test run outside stays outside."""
    monkeypatch.setenv("PYTHONHOME", "/opt/python")
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("KEPT", "yes")
    wine = wine_prefix.Wine(tmp_path)
    made = wine_run.python_environment(wine, Path("/c/python"), Path("/c/described"))
    assert not {"PYTHONHOME", "PYTEST_XDIST_WORKER", "DISPLAY"} & set(made)
    assert made["KEPT"] == "yes"
    assert made["PYTHONPATH"].split(";")[0] == r"Z:\c\described"
    assert made["PYTHONPATH"].split(";")[1].endswith("harness")
    assert made["PYTHONPYCACHEPREFIX"] == r"Z:\c\python\compiled"
    assert made["WINEPREFIX"] == str(tmp_path / "prefix-wine-8.0")


@pytest.mark.parametrize("missing", ["apt-get", "root"])
def test_without_wine_it_says_what_to_install(
    wine_run: ModuleType,
    wine_prefix: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    missing: str,
) -> None:
    """And leaves with status 3: nothing was run."""
    found = {"apt-get": "/usr/bin/apt-get"} if missing == "root" else {}
    monkeypatch.setattr(wine_prefix, "_FOLDER", tmp_path)
    monkeypatch.setattr(wine_prefix.shutil, "which", found.get)
    monkeypatch.setattr(wine_prefix.os, "geteuid", lambda: 0 if missing == "apt-get" else 1000)
    monkeypatch.setenv("IPC_GAUNTLET_WINE", str(tmp_path / "cache"))
    assert wine_run.main(["-c", "pass"]) == 3
    assert "apt-get install --no-install-recommends wine64" in capsys.readouterr().err


def test_the_usage(wine_run: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """Without arguments there is nothing to run."""
    assert wine_run.main([]) == 2
    assert wine_run.main(["--help"]) == 0
    assert capsys.readouterr().out.count("usage: ci/wine/run ARGS...") == 2
