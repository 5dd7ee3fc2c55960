"""The words in which a driver's failures are told to a person."""

import shlex
import signal

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
    return f"examine it with: ipc-gauntlet doctor --driver {shlex.quote(str(command))}"


def describe_exit(status: int | None) -> str:
    """Tell how a program ended.

    Args:
        status: Its exit status, minus a signal's number, None when it still runs.
    """
    if status is None:
        return "closed its standard output, but still runs"
    if status >= 0:
        return f"ended by itself with exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = "unknown"
    return f"was ended by signal {-status} ({name})"
