"""The words in which a driver's failures are told to a person."""

import signal

from ipc_gauntlet import quoting
from ipc_gauntlet.driver.command import DriverCommand

_LINES = 8
_LINE_LENGTH = 240


def describe_driver(label: str, command: DriverCommand) -> str:
    """Name a driver the way it is called in all messages.

    Args:
        label: Its role in the run, such as `server`.
        command: What starts it.
    """
    return f"{label} ({command})"


def explain(what: str, hint: str, stderr: str) -> str:
    """Compose a failure message: what happened, what to do, and what the driver said about it.

    Args:
        what: What happened.
        hint: What to do about it.
        stderr: The end of the driver's standard error.
    """
    lines = [line.rstrip() for line in stderr.splitlines() if line.strip()][-_LINES:]
    if not lines:
        return f"{what}\n  try: {hint}\n  (nothing on its standard error)"
    said = "\n".join(f"    {line[:_LINE_LENGTH]}" for line in lines)
    return f"{what}\n  try: {hint}\n  last lines of its standard error:\n{said}"


def examine_hint(command: DriverCommand) -> str:
    """Advise to examine the driver on its own."""
    return f"examine it with: ipc-gauntlet doctor --driver {quoting.quote(str(command))}"


# How Windows ends a process that did not end itself; the others can be looked up by their number.
_NT_STATUS = {
    0xC0000005: "access violation",
    0xC0000017: "out of memory",
    0xC000001D: "illegal instruction",
    0xC00000FD: "stack overflow",
    0xC0000135: "a DLL is missing",
    0xC000013A: "Ctrl-C, or killed",
    0xC0000142: "a DLL could not be initialised",
    0xC0000374: "heap corruption",
    0xC0000409: "failed fast",
}
_NT_ERROR = 0xC0000000


def describe_exit(status: int | None) -> str:
    """Tell how a program ended.

    Args:
        status: Its exit status, minus a signal's number on POSIX, None when it still runs.
    """
    if status is None:
        return "closed its standard output, but still runs"
    if status >= _NT_ERROR:
        name = _NT_STATUS.get(status, "an unhandled exception")
        return f"was ended by the system with status 0x{status:08X} ({name})"
    if status >= 0:
        return f"ended by itself with exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = "unknown"
    return f"was ended by signal {-status} ({name})"
