"""Consumers that write files. A file is either the old one or the complete new one, never half of it."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import msgspec

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.events import AnyEvent, CaseFinished, RunFinished, RunStarted, encode
from ipc_gauntlet.report.explain import explanation
from ipc_gauntlet.report.junit import junit_xml
from ipc_gauntlet.report.kills import KillReport
from ipc_gauntlet.report.markdown import markdown
from ipc_gauntlet.report.model import Report, ReportBuilder

Consumer = Callable[[AnyEvent], None]


class ReportFile:
    """Writes one file when the run is over.

    Args:
        path: Where; the folder must exist. An older file goes away when the run starts, so that it cannot be taken
            for the report of a run that never ended.
        render: Makes the file's content.
    """

    def __init__(self, path: Path, render: Callable[[Report], bytes]) -> None:
        self._path = path
        self._render = render
        self._builder = ReportBuilder()

    def __call__(self, event: AnyEvent) -> None:
        """Take an event."""
        if isinstance(event, RunStarted):
            self._path.unlink(missing_ok=True)
        self._builder(event)
        if isinstance(event, RunFinished):
            write_atomically(self._path, self._render(self._builder.report()))


class EventLog:
    """Writes each event as one line as soon as it happens.

    Args:
        path: Where.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None

    def __call__(self, event: AnyEvent) -> None:
        """Take an event."""
        if self._file is None:
            self._file = self._path.open("wb", buffering=0)
        self._file.write(encode(event) + b"\n")
        if isinstance(event, RunFinished):
            self._file.close()


class CaseFiles:
    """Writes one text file for each case that has something to tell.

    Args:
        folder: Where; a case's id is its path below.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, event: AnyEvent) -> None:
        """Take an event."""
        if not isinstance(event, CaseFinished):
            return
        result = event.result
        if not (result.trace or result.message or result.detail):
            return
        *parents, name = result.id.split("/")
        folder = self._folder.joinpath(*parents)
        folder.mkdir(parents=True, exist_ok=True)
        text = "\n".join(explanation(result)) + "\n"
        (folder / f"{name[:120]}.txt").write_text(text, encoding="utf-8", newline="\n")


def json_bytes(report: Report | KillReport) -> bytes:
    """A report as the content of a JSON file."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"


def json_file(path: Path) -> ReportFile:
    """A consumer that writes the JSON report."""
    return ReportFile(path, json_bytes)


def junit_file(path: Path) -> ReportFile:
    """A consumer that writes the JUnit report."""
    return ReportFile(path, junit_xml)


def markdown_file(path: Path) -> ReportFile:
    """A consumer that writes the summary in Markdown."""
    return ReportFile(path, markdown)


def read_report(path: Path) -> Report:
    """Read a JSON report.

    Raises:
        UsageError: The file cannot be read or is no report.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Report)
    except OSError as error:
        raise UsageError(f"cannot read the report {path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise UsageError(f"{path} is no report of this program: {error}") from error


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees a part of it."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)  # noqa: PTH101 - reports are for others to read; mkstemp's mode is not
        _replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise


_REPLACE_PAUSES_S = (0.01, 0.05, 0.2, 0.5)


def _replace(temporary: str, path: Path) -> None:
    """Put a file in the place of another; on Windows that has to wait while somebody, a virus scanner say, reads the old."""
    for pause in _REPLACE_PAUSES_S if sys.platform == "win32" else ():
        with contextlib.suppress(PermissionError):
            os.replace(temporary, path)  # noqa: PTH105 - same call, clearer next to mkstemp's text path
            return
        time.sleep(pause)
    os.replace(temporary, path)  # noqa: PTH105


def output_files(
    *, json_path: Path | None, junit_path: Path | None, markdown_path: Path | None = None, folder: Path | None
) -> list[Consumer]:
    """Consumers for the files a user asked for.

    Args:
        json_path: Where the JSON report goes.
        junit_path: Where the JUnit report goes.
        markdown_path: Where the summary in Markdown goes.
        folder: A folder for both, the events and a file for each case; made if it does not exist.

    Raises:
        UsageError: A path cannot be written to.
    """
    found: list[Consumer] = []
    if json_path is not None:
        found.append(json_file(_writable(json_path)))
    if junit_path is not None:
        found.append(junit_file(_writable(junit_path)))
    if markdown_path is not None:
        found.append(markdown_file(_writable(markdown_path)))
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"cannot make the folder {folder}: {error.strerror}") from error
        found += [EventLog(_writable(folder / "events.jsonl")), CaseFiles(folder / "cases")]
        found += [json_file(folder / "report.json"), junit_file(folder / "junit.xml")]
    return found


def write_report(path: Path, content: bytes) -> None:
    """Write a report that is finished.

    Raises:
        UsageError: The path cannot be written to.
    """
    write_atomically(_writable(path), content)


def _writable(path: Path) -> Path:
    folder = path.parent
    if not folder.is_dir():
        raise UsageError(f"cannot write {path}: there is no folder {folder}")
    if not os.access(folder, os.W_OK) or path.is_dir():
        raise UsageError(f"cannot write {path}")
    return path
