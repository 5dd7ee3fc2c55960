"""Whether this machine can show a defect: some are in code, or in promises, that only one operating system has."""

import ctypes
import sys
from collections.abc import Mapping
from functools import cache

from sipc_mutants.model import System

LINUX, MACOS, WINDOWS, WINE = "linux", "darwin", "win32", "wine"

_SHOWN: Mapping[System, tuple[frozenset[str], str]] = {
    "any": (frozenset((LINUX, MACOS, WINDOWS, WINE)), ""),
    "unix": (frozenset((LINUX, MACOS)), "it is one of Unix sockets, which are not offered here"),
    "pipes": (frozenset((WINDOWS, WINE)), "it is one of named pipes, which only Windows has"),
    "native": (frozenset((LINUX, MACOS, WINDOWS)), "Wine does not tell what listens"),
    "windows": (
        frozenset((WINDOWS,)),
        "only Windows itself keeps what this breaks: not Wine, and no other system",
    ),
}


@cache
def this_machine() -> str:
    """What this is: `linux`, `darwin`, `win32` or `wine`."""
    if sys.platform == "win32":
        return WINE if hasattr(ctypes.WinDLL("ntdll"), "wine_get_version") else WINDOWS
    else:  # noqa: RET505 - without it, mypy calls the line unreachable on Windows
        return sys.platform


def why_not(system: System, machine: str) -> str:
    """Why a machine cannot show a defect.

    Args:
        system: Where the defect can be seen.
        machine: As `this_machine` says it; a Unix that nobody thought of is taken for a Linux.

    Returns:
        One sentence; empty if it can.
    """
    shown, reason = _SHOWN[system]
    known = machine if machine in (MACOS, WINDOWS, WINE) else LINUX
    return "" if known in shown else reason
