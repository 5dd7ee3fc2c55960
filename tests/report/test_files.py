"""Files of a run: complete or not there, and never outside of where they belong."""

from collections.abc import Callable
from pathlib import Path

import pytest
from systems import WINDOWS

from ipc_gauntlet import events
from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.events import CaseResult, Implementation, RunFinished, RunStarted
from ipc_gauntlet.report.files import (
    CaseFiles,
    EventLog,
    json_file,
    output_files,
    write_atomically,
)
from ipc_gauntlet.verdict import Verdict

START = RunStarted(
    at=1.0, run="r", version="0", platform="p", implementation=Implementation(name="x"), seed=1
)
END = RunFinished(at=2.0, run="r", duration_s=1.0)


def test_an_old_report_goes_when_the_run_starts(tmp_path: Path) -> None:
    """A report that is there belongs to a run that ended."""
    path = tmp_path / "r.json"
    path.write_text("old", encoding="utf-8")
    consumer = json_file(path)
    consumer(START)
    assert not path.exists()
    consumer(END)
    assert b'"urn:ipc-gauntlet:report:1"' in path.read_bytes()


def test_half_a_file_is_never_seen(tmp_path: Path) -> None:
    """When writing fails, the old file stays and nothing else is left."""
    path = tmp_path / "r"
    write_atomically(path, b"good")
    with pytest.raises(TypeError):
        write_atomically(path, "text")  # type: ignore[arg-type]
    assert [entry.name for entry in tmp_path.iterdir()] == ["r"]
    assert path.read_bytes() == b"good"


def test_each_event_is_on_disk_at_once(tmp_path: Path) -> None:
    """The log of events can be read while the run goes on, and after it was killed."""
    log = EventLog(tmp_path / "events.jsonl")
    log(START)
    lines = (tmp_path / "events.jsonl").read_bytes().splitlines()
    assert [events.decode(line) for line in lines] == [START]
    log(END)
    assert len((tmp_path / "events.jsonl").read_bytes().splitlines()) == 2


def test_files_of_cases(tmp_path: Path, make_result: Callable[..., CaseResult]) -> None:
    """A case with something to tell has a file under its name; a silent pass has none."""
    consumer = CaseFiles(tmp_path / "cases")
    for result in (
        make_result("replay/a/b/x"),
        make_result("replay/a/b/y", Verdict.fail, message="m", trace=("t",)),
    ):
        consumer(events.CaseFinished(at=1.0, run="r", result=result))
    files = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()]
    assert files == ["cases/replay/a/b/y.txt"]


@pytest.mark.parametrize("kind", ["json_path", "junit_path"])
def test_unusable_paths_are_found_before_the_run(tmp_path: Path, kind: str) -> None:
    """A folder that does not exist, or a folder where a file should be, is wrong use."""
    paths: dict[str, Path | None] = {"json_path": None, "junit_path": None, "folder": None}
    for path in (tmp_path / "no" / "r", tmp_path):
        with pytest.raises(UsageError, match="cannot write"):
            output_files(**(paths | {kind: path}))
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="cannot make the folder"):
        output_files(**(paths | {"folder": tmp_path / "file" / "out"}))


@pytest.mark.skipif(WINDOWS, reason="Windows has no permission bits; a file gets the list of its folder")
def test_reports_can_be_read_by_others(tmp_path: Path) -> None:
    """A report has the mode of an ordinary file."""
    write_atomically(tmp_path / "r", b"x")
    assert (tmp_path / "r").stat().st_mode & 0o777 == 0o644
