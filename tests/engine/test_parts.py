"""The smaller parts of a run: recorder, drivers' commands, time limits, what is kept, packages."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from systems import WINDOWS, needs_unix_sockets

from ipc_gauntlet import quoting
from ipc_gauntlet.engine.implementations import Target, bundled, modules, parse_command
from ipc_gauntlet.engine.isolation import arguments, clean_environment, package_folders, suite_packages
from ipc_gauntlet.engine.outcome import CaseDeadline
from ipc_gauntlet.engine.prepare import SCALE_VARIABLE, Wish, check, settings_for
from ipc_gauntlet.engine.processes import Household, Stopper
from ipc_gauntlet.engine.recorder import Recorder
from ipc_gauntlet.engine.selection import Selection
from ipc_gauntlet.engine.settings import Settings, decode_settings, encode_settings
from ipc_gauntlet.engine.state import keep_report, last_report
from ipc_gauntlet.engine.watchdog import Watchdog
from ipc_gauntlet.engine.workdir import private_directory
from ipc_gauntlet.errors import HarnessError, UsageError
from ipc_gauntlet.events import AnyEvent, CaseResult, Implementation, RunFinished, RunStarted
from ipc_gauntlet.report.model import from_events
from ipc_gauntlet.verdict import ExitStatus, Verdict

START = RunStarted(at=0.0, run="", version="0", platform="p", implementation=Implementation(name="x"), seed=1)
END = RunFinished(at=0.0, run="", duration_s=1.0)


def test_the_recorder_stamps_every_event(make_result: Callable[..., CaseResult]) -> None:
    """Times and the id come from the recorder, so the same run gives the same stream."""
    seen: list[AnyEvent] = []
    ticks = iter(range(10))
    recorder = Recorder([seen.append], run="r7", clock=lambda: float(next(ticks)))
    recorder.run_started(START)
    recorder.case_started("a")
    recorder.case_finished(make_result())
    recorder.warn("w")
    recorder.run_finished(END)
    assert [event.at for event in seen] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert {event.run for event in seen} == {"r7"}


def test_the_first_result_of_a_case_stands(make_result: Callable[..., CaseResult]) -> None:
    """A case that was reported dead cannot pass afterwards."""
    seen: list[AnyEvent] = []
    recorder = Recorder([seen.append], run="r", clock=lambda: 0.0)
    recorder.case_finished(make_result(verdict=Verdict.error))
    recorder.case_finished(make_result(verdict=Verdict.pass_))
    assert len(seen) == 1
    assert recorder.results["replay/records/good/unix-x509"].verdict is Verdict.error


def test_a_consumer_that_cannot_write_is_left_out() -> None:
    """A full disk costs one report, not the run; it is remembered."""
    seen: list[AnyEvent] = []

    def full(_event: AnyEvent) -> None:
        raise OSError("disk full")

    recorder = Recorder([full, seen.append], run="r", clock=lambda: 0.0)
    recorder.run_started(START)
    recorder.run_finished(END)
    assert len(seen) == 2
    assert recorder.broken == ["disk full"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("driver --flag value", ("driver", "--flag", "value")),
        ("'my driver' \"a b\" c\\d", ("my driver", "a b", "c\\d" if WINDOWS else "cd")),
        (
            "a 'b\"c' ; rm -rf $HOME | x > y & z `w`",
            ("a", 'b"c', ";", "rm", "-rf", "$HOME", "|", "x", ">", "y", "&", "z", "`w`"),
        ),
    ],
)
def test_commands_are_split_as_a_shell_does(text: str, words: tuple[str, ...]) -> None:
    """Quotes and backslashes work as the system has them; nothing else that a shell would do is done."""
    assert parse_command(text).argv == words


@pytest.mark.parametrize("text", ["", "   ", "a 'b"])
def test_what_is_no_command(text: str) -> None:
    """An empty command or an open quotation is wrong use."""
    with pytest.raises(UsageError):
        parse_command(text)


def test_bundled_names_are_modules_of_this_interpreter() -> None:
    """A bundled implementation runs with this Python, and the current folder cannot replace its module."""
    assert bundled("reference").argv == (sys.executable, "-P", "-m", modules()["reference"])


@pytest.mark.parametrize(
    ("target", "names"),
    [
        (Target(), ("reference", "reference")),
        (Target(name="reference"), ("reference", "reference")),
        (Target(driver="x y"), ("x", "x")),
        (Target(client="x"), ("x", "reference")),
        (Target(server="x", driver="y"), ("y", "x")),
        (Target(client="x", server="reference"), ("x", "reference")),
    ],
)
def test_who_plays_which_role(target: Target, names: tuple[str, str]) -> None:
    """A driver for one role leaves the other to the implementation that is named, or to the reference."""
    client, server = target.commands()
    assert (client.name, server.name) == names


@pytest.mark.parametrize(
    "target",
    [
        Target(name="reference", driver="x"),
        Target(name="reference", client="x", server="y"),
        Target(name="nope"),
    ],
)
def test_targets_that_contradict_themselves(target: Target) -> None:
    """Too many drivers, or none of that name, is wrong use."""
    with pytest.raises(UsageError):
        target.commands()


def test_options_of_a_wish_come_back() -> None:
    """What replay needs is part of every printed command, quoted for a shell."""
    wish = Wish(target=Target(driver="my 'x y'"), seed=9, profile="local", packages=("p",), time_scale=2.5)
    driver = quoting.quote("my 'x y'")
    assert wish.options() == f"--driver {driver} --seed 9 --profile local --time-scale 2.5 --package p"
    assert quoting.split(wish.options())[1] == "my 'x y'"


@pytest.mark.parametrize(
    "wish",
    [
        Wish(target=Target(), seed=1, profile="loud"),
        Wish(target=Target(), seed=1, selection=Selection(transports=("pigeon",))),
    ],
)
def test_wishes_are_checked_before_anything_starts(wish: Wish) -> None:
    """A wrong name is found without starting a driver."""
    with pytest.raises(UsageError):
        check(wish)


OWN, FOREIGN = ("pipe", "unix") if WINDOWS else ("unix", "pipe")
STATEMENT = {
    "name": "s",
    "version": "2",
    "profile": "channel",
    "roles": ["client"],
    "transports": ["tcp", "unix"],
}


@pytest.fixture
def described(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Drivers that claim this."""
    statement: dict[str, object] = dict(STATEMENT)
    monkeypatch.setattr("ipc_gauntlet.engine.prepare.describe", lambda _client, _server: statement)
    return statement


def test_settings_travel_as_json(described: dict[str, object], tmp_path: Path) -> None:
    """What a worker reads is what the controlling process wrote."""
    settings = settings_for(Wish(target=Target(driver="x"), seed=4, profile="local"), tmp_path)
    assert settings.transports == (("tcp",) if WINDOWS else ("unix", "tcp"))
    assert (settings.implementation.profile, settings.implementation.claimed) == ("local", "channel")
    assert decode_settings(encode_settings(settings)) == settings


@pytest.mark.parametrize(
    ("transports", "asked", "error"),
    [
        ([FOREIGN], (), HarnessError),
        ([FOREIGN, "tcp"], (FOREIGN,), UsageError),
        ([OWN], ("tcp",), UsageError),
        ([], (), HarnessError),
    ],
)
def test_transports_nobody_can_use(
    described: dict[str, object],
    tmp_path: Path,
    transports: list[str],
    asked: tuple[str, ...],
    error: type[Exception],
) -> None:
    """A pair without a usable transport cannot be run; one that is not offered cannot be asked for."""
    described["transports"] = transports
    with pytest.raises(error):
        settings_for(Wish(target=Target(driver="x"), seed=4, selection=Selection(transports=asked)), tmp_path)


@pytest.mark.parametrize(("text", "good"), [("2.5", True), ("0", False), ("fast", False), ("nan", False)])
def test_time_scale_of_the_environment(
    described: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, good: bool
) -> None:
    """A slow machine can say so for all runs; nonsense is refused."""
    monkeypatch.setenv(SCALE_VARIABLE, text)
    wish = Wish(target=Target(driver="x"), seed=4)
    if good:
        assert settings_for(wish, tmp_path).time_scale == float(text)
    else:
        with pytest.raises(UsageError, match=SCALE_VARIABLE):
            settings_for(wish, tmp_path)


def test_the_private_directory_is_private_and_goes_away() -> None:
    """Only its owner can use it, its path is short, and it is removed even when the body fails."""
    with pytest.raises(RuntimeError), private_directory() as path:  # noqa: PT012 - the point is what happens after
        if not WINDOWS:  # there, the user's folder for temporary files lets nobody else in
            assert path.stat().st_mode & 0o777 == 0o700
        assert len(os.fsencode(path)) <= 80
        (path / "deep").mkdir()
        (path / "deep" / "file").write_text("x", encoding="utf-8")
        raise RuntimeError
    assert not path.exists()


@needs_unix_sockets
def test_long_temporary_folders_are_avoided(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the folder for temporary files has a long name, sockets still fit."""
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with private_directory() as path:
        assert long not in path.parents


def test_a_case_that_takes_too_long_is_interrupted() -> None:
    """The exception arrives in the case, even if it sleeps, and the alarm is gone afterwards."""
    began = time.monotonic()
    alarm = signal.SIGINT if WINDOWS else getattr(signal, "SIGALRM")  # noqa: B009 - absent on Windows
    before = signal.getsignal(alarm)
    with pytest.raises(CaseDeadline, match="given up after 0"), Watchdog(0.05, None).watch():
        time.sleep(60)
    assert signal.getsignal(alarm) is before
    assert time.monotonic() - began < 30


def test_an_interrupt_while_a_case_is_watched_is_one() -> None:
    """It is not taken for the end of the case's time."""
    with pytest.raises(KeyboardInterrupt), Watchdog(50, None).watch():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.skipif(WINDOWS, reason="Windows has no alarms")
def test_somebody_else_s_alarm_goes_on() -> None:
    """A time limit of pytest's own is still there after a case, and not longer than before."""
    before = signal.signal(signal.SIGALRM, lambda _number, _frame: None)
    old = signal.setitimer(signal.ITIMER_REAL, 50.0)
    try:
        with Watchdog(5, None).watch():
            time.sleep(0.01)
        left, _ = signal.getitimer(signal.ITIMER_REAL)
        assert 0 < left < 50.0
    finally:
        signal.setitimer(signal.ITIMER_REAL, *old)
        signal.signal(signal.SIGALRM, before)


def test_a_signal_interrupts_once() -> None:
    """The first signal stops the run; a second one does not disturb the cleaning up."""
    stopper = Stopper()
    with stopper.listening():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
    assert stopper.status is ExitStatus.terminated


@pytest.mark.skipif(not WINDOWS, reason="Ctrl-Break is a thing of Windows")
def test_control_break_interrupts() -> None:
    """As Ctrl-C does, with the same exit status."""
    stopper = Stopper()
    with stopper.listening(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(getattr(signal, "SIGBREAK"))  # noqa: B009 - absent on POSIX
    assert stopper.status is ExitStatus.interrupted


def test_signals_are_given_back() -> None:
    """After a run, signals do what they did before."""
    before = signal.getsignal(signal.SIGTERM)
    with Stopper().listening():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


SLEEP = "import time; time.sleep(60)"
ORPHAN = (
    f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); time.sleep(60)"
    if WINDOWS
    else "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: time.sleep(60)\n    os._exit(0)\nos.wait()\ntime.sleep(60)"
)


def test_no_process_survives_its_household() -> None:
    """Children, and grandchildren that left their session and lost their parent, are killed; others are not."""
    import subprocess

    import psutil

    older = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    # Also what belongs to tests of other modules, such as a pair of drivers that is kept for all of them.
    there = {process.pid for process in psutil.Process().children(recursive=True)}
    household = Household()
    child = subprocess.Popen([sys.executable, "-c", ORPHAN])
    try:
        deadline = time.monotonic() + 20
        me = psutil.Process()
        while time.monotonic() < deadline:
            found = [process for process in me.children(recursive=True) if process.pid not in there]
            if len(found) >= 2 and not any(process.status() == psutil.STATUS_ZOMBIE for process in found):
                break
            time.sleep(0.02)
        household.kill()
        left = {process.pid for process in me.children(recursive=True)}
        assert older.pid in left
        assert left <= there
    finally:
        for process in (child, older):
            process.kill()
            process.wait()


def test_the_last_report_is_kept_for_each_folder(
    make_result: Callable[..., CaseResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs in two folders do not mix up their reports."""
    report = from_events([START, END])
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "one")
    assert keep_report(report, tmp_path / "state") == ""
    assert last_report(tmp_path / "state") == report
    monkeypatch.chdir(tmp_path / "two")
    with pytest.raises(UsageError, match="no run in this folder"):
        last_report(tmp_path / "state")


def test_only_so_many_reports_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old reports do not pile up."""
    report = from_events([START, END])
    for number in range(40):
        folder = tmp_path / f"work{number}"
        folder.mkdir()
        monkeypatch.chdir(folder)
        keep_report(report, tmp_path / "state")
    assert len(list((tmp_path / "state").iterdir())) == 32


def test_a_report_that_cannot_be_kept_is_explained(tmp_path: Path) -> None:
    """A state folder that is a file does not fail the run."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert "cannot keep the report" in keep_report(from_events([START, END]), tmp_path / "file")


def test_packages_are_found_without_importing_them(monkeypatch: pytest.MonkeyPatch, checkout: Path) -> None:
    """The installed suites announce themselves; others can be named; what does not exist is wrong use."""
    assert "ipc_gauntlet_suites" in suite_packages()
    monkeypatch.syspath_prepend(str(checkout / "tests" / "engine" / "toy"))
    assert package_folders(["toy_suites"]) == [checkout / "tests" / "engine" / "toy" / "toy_suites"]
    assert "toy_suites" not in sys.modules
    with pytest.raises(UsageError, match="did you mean ipc_gauntlet_suites"):
        suite_packages(["ipc_gauntlet_suite"])
    with pytest.raises(HarnessError, match="cannot be found"):
        package_folders(["json.decoder"])


def test_arguments_keep_the_user_s_configuration_out(tmp_path: Path) -> None:
    """A session has its own configuration, root and folder for temporary files."""
    words = arguments([tmp_path / "a" / "p", tmp_path / "b" / "q"], tmp_path, workers=3)
    assert words[:2] == ["-c", str(tmp_path / "pytest.ini")]
    assert f"--rootdir={tmp_path}" in words
    assert "no:cacheprovider" in words
    assert words[words.index("-n") + 1] == "3"
    assert "--collect-only" in arguments([tmp_path], tmp_path, collect_only=True)


def test_the_environment_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest's variables are hidden during a session only."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "--bad")
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", raising=False)
    before = dict(os.environ)
    with clean_environment():
        assert "PYTEST_ADDOPTS" not in os.environ
        assert os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] == "1"
    assert dict(os.environ) == before


def test_settings_refuse_anything_else() -> None:
    """A worker does not start with settings that it does not understand."""
    with pytest.raises(ValueError, match="client"):
        decode_settings("{}")
    assert Settings.__struct_fields__
