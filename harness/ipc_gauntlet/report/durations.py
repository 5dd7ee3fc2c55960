"""How long cases took, for cutting a run into parts of about the same length: a small file beside the code, or a report."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from ipc_gauntlet.report.files import read_report
from ipc_gauntlet.report.model import Report

_DIGITS = 2
_DIGEST = 12


class _Durations(msgspec.Struct):
    """The small file."""

    durations: dict[str, float]


def durations_of(reports: Iterable[Report]) -> dict[str, float]:
    """Seconds of every case, by id; of several reports the longest.

    Args:
        reports: Of any runs.
    """
    longest: dict[str, float] = {}
    for report in reports:
        for result in report.cases:
            longest[result.id] = max(longest.get(result.id, 0.0), round(result.duration_s, _DIGITS))
    return dict(sorted(longest.items()))


def durations_bytes(durations: Mapping[str, float]) -> bytes:
    """The small file: a line for each case, so that changes can be read.

    Args:
        durations: Seconds by id.
    """
    return msgspec.json.format(msgspec.json.encode(_Durations(dict(durations))), indent=1) + b"\n"


def read_durations(path: Path) -> dict[str, float]:
    """Read the small file, or take the durations out of a report.

    Raises:
        UsageError: The file cannot be read or is neither of the two.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Durations).durations
    except (OSError, msgspec.DecodeError):
        return durations_of([read_report(path)])


def digest(durations: Mapping[str, float]) -> str:
    """A short name of durations. Parts that were cut by different ones may share cases, or leave some to nobody.

    Args:
        durations: Seconds by id.
    """
    return hashlib.sha256(msgspec.json.encode(dict(sorted(durations.items())))).hexdigest()[:_DIGEST]
