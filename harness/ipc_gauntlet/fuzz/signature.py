"""One word for the cause of a finding, so that a thousand inputs with one cause are one finding.

The signature is made of the kind, the exception's type and the innermost calls within the code under test. Line numbers
are left out: an edit above must not make an old finding new. Recursion counts once.
"""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from types import TracebackType

from ipc_gauntlet.fuzz.findings import FindingKind, Frame

_INNERMOST = 4
_DIGITS = 16


def frames_of(trace: TracebackType | None, measured: Sequence[str]) -> tuple[Frame, ...]:
    """The calls of a traceback that lie within the measured modules, else those of the innermost call.

    Args:
        trace: From the exception.
        measured: Prefixes of module names.
    """
    found: list[Frame] = []
    last: Frame | None = None
    for frame, line in traceback.walk_tb(trace):
        module = str(frame.f_globals.get("__name__", ""))
        last = Frame(short_path(frame.f_code.co_filename, module), line, frame.f_code.co_qualname)
        if within(module, measured):
            found.append(last)
    if found:
        return tuple(found)
    return (last,) if last is not None else ()


def within(module: str, prefixes: Iterable[str]) -> bool:
    """Whether a module is one of those named, or below one."""
    return any(module == prefix or module.startswith(prefix + ".") for prefix in prefixes)


def short_path(filename: str, module: str) -> str:
    """A file's path below its import root, with forward slashes."""
    parts = PurePath(filename.replace("\\", "/")).parts
    depth = module.count(".") + (2 if parts and parts[-1] == "__init__.py" else 1)
    return "/".join(parts[-depth:])


def sign(kind: FindingKind, error: str, frames: Sequence[Frame], extra: str = "") -> str:
    """The signature.

    Args:
        kind: Kind of the finding.
        error: Type of the exception, or any other stable word.
        frames: Innermost last.
        extra: What else tells causes apart, such as a pair of verdicts.
    """
    calls: list[str] = []
    for frame in reversed(frames):
        call = f"{frame.file}:{frame.function}"
        if call not in calls:
            calls.append(call)
        if len(calls) == _INNERMOST:
            break
    text = "\n".join([kind, error, extra, *calls])
    return f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]}"
