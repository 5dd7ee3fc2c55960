"""Runs that end otherwise than by themselves: signals, dead workers, cases that hang."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from commands import Runner
from systems import (
    STACK_TRANSPORT,
    STACK_TRANSPORTS,
    WINDOWS,
    end_family,
    import_path,
    interrupt_group,
    leading_its_group,
)

from ipc_gauntlet.engine.patience import LIMIT

TOY = Path(__file__).resolve().parents[1] / "engine" / "toy"


def temporary_files(place: Path) -> dict[str, str]:
    """Variables that say where temporary files go, on any system."""
    return dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(place))


class Started:
    """A run in a session of its own, with a case that hangs."""

    def __init__(self, words: list[str], environment: dict[str, str], folder: Path) -> None:
        self.folder = folder
        self.process = leading_its_group(
            [sys.executable, "-m", "ipc_gauntlet.cli", "run", *words],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.family: list[psutil.Process] = []

    def wait_for_the_hanging_case(self) -> None:
        """Wait until the case that hangs has begun; remember all processes."""
        log = self.folder / "out" / "events.jsonl"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if log.exists() and "timeouts/clock/hangs" in log.read_text(encoding="utf-8"):
                self.family = psutil.Process(self.process.pid).children(recursive=True)
                return
            time.sleep(0.02)
        raise AssertionError("the case that hangs never began")

    def survivors(self) -> list[psutil.Process]:
        """Processes of the run that are still there."""
        _, alive = psutil.wait_procs(self.family, timeout=5)
        return [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture
def temporary(tmp_path: Path) -> Iterator[Path]:
    """A folder for temporary files that can be looked at; short enough for sockets."""
    del tmp_path
    with tempfile.TemporaryDirectory(prefix="t") as name:
        yield Path(name)


@pytest.fixture
def hanging(
    environment: dict[str, str], plain: str, folder: Path, temporary: Path
) -> Iterator[list[Started]]:
    """A place for runs that are to be stopped; none survives the test."""
    runs: list[Started] = []
    yield runs
    for run in runs:
        end_family(run.process)
        run.process.communicate()


# Windows has Ctrl-Break for whole groups and nothing for one program: its SIGTERM is an end without a word.
SIGNALS = [(signal.SIGINT, 130, True)]
if not WINDOWS:
    SIGNALS += [(signal.SIGINT, 130, False), (signal.SIGTERM, 143, True), (signal.SIGTERM, 143, False)]


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize(("number", "status", "everybody"), SIGNALS)
def test_stopping_a_run(
    hanging: list[Started],
    environment: dict[str, str],
    plain: str,
    folder: Path,
    temporary: Path,
    workers: str,
    number: signal.Signals,
    status: int,
    everybody: bool,
) -> None:
    """A signal ends the run soon, with a valid partial report, and leaves no process and no file behind."""
    words = ["--driver", plain, "--package", "toy_suites", "--suite", "timeouts", "-n", workers]
    words += ["--json", "report.json", "--out", "out", "--seed", "1"]
    run = Started(words, environment | {"TOY_HANG": "60", **temporary_files(temporary)}, folder)
    hanging.append(run)
    run.wait_for_the_hanging_case()
    if everybody:
        interrupt_group(run.process, number)
    else:
        os.kill(run.process.pid, number)
    out, err = run.process.communicate(timeout=30)
    assert run.process.returncode == status
    assert "INTERRUPTED" in out
    assert err == ""
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert report["interrupted"]
    assert report["exit_status"] == status
    assert any("hangs" in name for name in report["not_run"])
    assert len(report["cases"]) + len(report["not_run"]) == 7 * len(STACK_TRANSPORTS)
    assert run.survivors() == []
    assert list(temporary.iterdir()) == []


def test_the_death_of_the_controlling_process_ends_its_workers(
    hanging: list[Started], environment: dict[str, str], plain: str, folder: Path, temporary: Path
) -> None:
    """Killed without a chance to clean up, a run's workers find out and leave."""
    words = ["--driver", plain, "--package", "toy_suites", "--suite", "timeouts", "-n", "2", "--out", "out"]
    run = Started(words, environment | {"TOY_HANG": "6", **temporary_files(temporary)}, folder)
    hanging.append(run)
    run.wait_for_the_hanging_case()
    run.process.kill()
    run.process.communicate(timeout=30)
    _, alive = psutil.wait_procs(run.family, timeout=30)
    assert alive == []


def test_a_dead_worker_costs_its_case_only(command: Runner, plain: str) -> None:
    """When the process of a case dies, that case is an error that says so, and all others have their verdicts."""
    ended = command(
        "run",
        "--driver",
        plain,
        "--package",
        "toy_suites",
        "-n",
        "2",
        "--json",
        "report.json",
        "--seed",
        "4",
        "--suite",
        "timeouts",
        "--suite",
        "ordering",
        env={"TOY_KILL": "1"},
    )
    assert ended.status == 3
    by_verdict: dict[str, list[str]] = {}
    for case in ended.json()["cases"]:
        by_verdict.setdefault(case["verdict"], []).append(case["id"])
    assert set(by_verdict) == {"pass", "error"}
    assert len(by_verdict["pass"]) == 19 * len(STACK_TRANSPORTS)
    assert by_verdict["error"] == [
        f"timeouts/clock/kills_its_process/{place}-psk" for place in sorted(STACK_TRANSPORTS)
    ]
    assert "that ran this case died" in ended.out


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_case_that_hangs_is_given_up(toy: Runner, workers: str) -> None:
    """A case that takes longer than a case may is an error, and the run goes on."""
    ended = toy(
        "-n",
        workers,
        "--case-limit",
        "1",
        "--suite",
        "timeouts",
        "--transport",
        STACK_TRANSPORT,
        env={"TOY_HANG": "60"},
    )
    verdicts = {case["id"]: case["reason"] for case in ended.json()["cases"] if case["verdict"] != "pass"}
    assert verdicts == {f"timeouts/clock/hangs/{STACK_TRANSPORT}-psk": "case-deadline"}
    assert ended.status == 3


def test_a_process_that_cannot_be_interrupted_leaves_its_stacks(toy: Runner) -> None:
    """Where no exception reaches a case, its process ends itself, and the report shows where it was."""
    words = ("--case-limit", "1", "--suite", "timeouts", "--transport", STACK_TRANSPORT)
    ended = toy("-n", "2", *words, env={"TOY_DEAF": "60"})
    (case,) = [case for case in ended.json()["cases"] if case["verdict"] != "pass"]
    assert (case["id"], case["reason"]) == (f"timeouts/clock/deaf/{STACK_TRANSPORT}-psk", "worker-died")
    assert "test_clock.py" in case["detail"]


def test_workers_that_cannot_start(toy: Runner, folder: Path) -> None:
    """When no worker process comes up at all, the run ends with status 3 and a report."""
    (folder / "sitecustomize.py").write_text(
        "import os, sys\nif 'exec(eval' in sys.orig_argv[-1]: os._exit(9)\n", encoding="utf-8"
    )
    ended = toy("-n", "2", "--suite", "ordering", env={"PYTHONPATH": import_path(TOY, folder)})
    assert ended.status == 3
    assert ended.json()["error"]


def test_workers_that_die_while_they_start(toy: Runner) -> None:
    """When each new worker dies before it can do anything, the run ends instead of trying for ever."""
    ended = toy("-n", "2", "--suite", "ordering", env={"TOY_STILLBORN": "1"})
    assert ended.status == 3
    assert "worker processes die while they start" in ended.json()["error"]


def test_a_driver_that_never_answers_is_given_up(toy: Runner, folder: Path) -> None:
    """After some cases in a row nobody waits for it any more; every case that was not begun says so."""
    env = {"TOY_SILENT": "ordering/", "TOY_NOTES": str(folder / "notes")}
    ended = toy("-n", "0", "--suite", "ordering", "--suite", "timeouts", "--fixed-order", env=env)
    assert ended.status == 3
    asked = (folder / "notes").read_text(encoding="utf-8").count("silent")
    mute = [case for case in ended.json()["cases"] if case["reason"] == "driver-timeout"]
    assert asked == LIMIT < len(mute)
    assert sum("given up" in case["message"] for case in mute) == len(mute) - asked
