"""Runs the process that pins, and starts it again without the mutant that killed it."""

from __future__ import annotations

import base64
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil

from ipc_gauntlet.driver.process import DriverProcess, Launch, spawn
from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.campaign.process import environment
from ipc_gauntlet.fuzz.pin.orders import (
    ORDERS,
    Orders,
    Pinned,
    State,
    read_beat,
    read_pinned,
    read_running,
    read_state,
)
from ipc_gauntlet.fuzz.registry import Found
from ipc_gauntlet.fuzz.spec import Exit
from ipc_gauntlet.fuzz.work import write_whole

_MODULE = "ipc_gauntlet.fuzz.pin.work"
_MOST_LIVES = 40
_POLL = 0.05
_DEATHS = {Exit.HANG: "hangs where no step is counted", Exit.MEMORY: "uses too much memory"}
_LONGEST_TEXT = 1 << 16


@dataclass(frozen=True, slots=True)
class Wish:
    """What a user asks for.

    Attributes:
        seconds: CPU seconds to search for each target; 0 for no limit.
        executions: Inputs to try for each target; 0 for no limit.
        seed: Of every random choice.
        corpus: For a target's name, folders of inputs to begin with.
        hang_seconds: See Orders.
        memory_mb: See Orders.
    """

    seconds: float = 30.0
    executions: int = 0
    seed: int = 1
    corpus: Callable[[str], tuple[str, ...]] = lambda name: ()
    hang_seconds: float = 3.0
    memory_mb: int = 1024


def pin_target(found: Found, wish: Wish, told: Callable[[State], None] = lambda state: None) -> Pinned:
    """Pin one target's checks in processes of its own.

    Args:
        found: The target.
        wish: How long and how.
        told: Is told now and then how far it is.

    Raises:
        UsageError: The target cannot be copied.
        GauntletError: The unchanged parser hangs or dies, or too many mutants kill their process.
    """
    deadly: dict[str, str] = {}
    inputs: list[str] = []
    spent, executed = 0.0, 0
    for _ in range(_MOST_LIVES):
        with tempfile.TemporaryDirectory(prefix="gauntlet-pin-") as name:
            folder = Path(name)
            orders = Orders(
                target=found.target.name,
                module=found.source.module,
                folder=name,
                seed=wish.seed,
                seconds=max(wish.seconds - spent, 1.0) if wish.seconds else 0.0,
                executions=max(wish.executions - executed, 1) if wish.executions else 0,
                corpus=wish.corpus(found.target.name),
                inputs=tuple(inputs),
                without=tuple(deadly),
                hang_seconds=wish.hang_seconds,
                memory_mb=wish.memory_mb,
            )
            write_whole(folder / ORDERS, msgspec.json.encode(orders))
            status, text = _life(folder, wish.hang_seconds, told)
            pinned, state, running = read_pinned(folder), read_state(folder), read_running(folder)
        if pinned is not None and status == Exit.DONE:
            pinned.deadly = deadly
            pinned.executions += executed
            pinned.seconds += spent
            return pinned
        _give_up(status, text, running, found.target.name)
        deadly[running] = (
            _DEATHS.get(Exit(status), "") if status in _DEATHS else f"kills the process ({status})"
        )
        inputs = state.inputs or inputs
        spent, executed = spent + state.seconds, executed + state.executions
    raise GauntletError(
        f"{found.target.name}: {len(deadly)} mutants killed their process; the last: {', '.join(list(deadly)[-3:])}"
    )


def _give_up(status: int, text: str, running: str, target: str) -> None:
    """Raise if another life would not help."""
    if status == Exit.USAGE:
        raise UsageError(text.strip() or f"{target} cannot be pinned")
    if status == Exit.TROUBLE:
        raise GauntletError(text.strip() or f"{target} cannot be pinned")
    if not running:
        how = _DEATHS.get(Exit(status), "") if status in _DEATHS else f"ended with status {status}"
        raise GauntletError(
            f"{target}: the unchanged parser {how} while it was pinned; fuzz it first (`fuzz run`).\n{text[-2000:]}"
        )


def _life(folder: Path, hang_seconds: float, told: Callable[[State], None]) -> tuple[int, str]:
    """Start the process and wait for its end; returns its status and what it wrote to standard error."""
    argv = [sys.executable, "-X", "faulthandler", "-m", _MODULE, str(folder / ORDERS)]
    try:
        process = spawn(Launch(sys.executable, argv, None, environment()))
    except OSError as error:
        raise GauntletError(f"cannot start a process to pin in: {error}") from error
    said = b""
    try:
        last, heart = State(), _Heart(folder, process.pid, hang_seconds)
        while (status := process.exit_status()) is None:
            said = _listen(process, said)
            if heart.stands_still():
                return Exit.HANG, said.decode("utf-8", "replace")
            state = read_state(folder)
            if state != last:
                last = state
                told(state)
            time.sleep(_POLL)
        said = _listen(process, said)
    finally:
        process.kill()
    return status, said.decode("utf-8", "replace")


class _Heart:
    """Whether threads of the process still run.

    Args:
        folder: Where it beats.
        pid: The process.
        most: CPU seconds that it may use without a beat.
    """

    def __init__(self, folder: Path, pid: int, most: float) -> None:
        self._folder = folder
        self._most = most
        self._process = psutil.Process(pid)
        self._beat = -1
        self._cpu = 0.0

    def stands_still(self) -> bool:
        """Whether it used so much CPU time without a beat: the wall clock says nothing on a busy machine."""
        try:
            times = self._process.cpu_times()
        except psutil.Error:
            return False  # it is gone, which its status will tell
        cpu, beat = times.user + times.system, read_beat(self._folder)
        if beat != self._beat or beat < 0:
            self._beat, self._cpu = beat, cpu
        return cpu - self._cpu > self._most


def _listen(process: DriverProcess, said: bytes) -> bytes:
    try:
        while data := process.stderr.read(_LONGEST_TEXT):
            said = (said + data)[-_LONGEST_TEXT:]
    except (BlockingIOError, OSError, ValueError):
        pass
    return said


def inputs_of(pinned: Pinned) -> list[bytes]:
    """The minimal set's inputs."""
    return [base64.b64decode(vector.input) for vector in pinned.vectors.vectors]
