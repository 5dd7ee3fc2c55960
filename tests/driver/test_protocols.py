"""Processes and their pipes have what the Protocols ask for, on every system; the type checker sees one at a time."""

import pytest
from protocols import lacking


@pytest.mark.parametrize(
    ("protocol", "place"),
    [
        ("DriverProcess", "driver/process_posix.py:PosixProcess"),
        ("DriverProcess", "driver/process_windows.py:WindowsProcess"),
        ("ChildPipe", "driver/process_posix.py:DescriptorPipe"),
        ("ChildPipe", "windows/pipe.py:OverlappedPipe"),
    ],
)
def test_it_has_everything(protocol: str, place: str) -> None:
    assert lacking(f"driver/process.py:{protocol}", place) == []


def test_what_is_missing_is_found() -> None:
    """A process is no pipe."""
    assert "fileno()" in lacking("driver/process.py:ChildPipe", "driver/process_posix.py:PosixProcess")
