"""Runs fuzz campaigns within a test or as a program, over toys."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ipc_gauntlet.fuzz.campaign import orders
from ipc_gauntlet.fuzz.campaign.jobs import Patience
from ipc_gauntlet.fuzz.campaign.ledger import Seen, SliceEnd
from ipc_gauntlet.fuzz.campaign.lock import Lock
from ipc_gauntlet.fuzz.campaign.records import TargetState
from ipc_gauntlet.fuzz.campaign.run import Order, run
from ipc_gauntlet.fuzz.campaign.state import State
from ipc_gauntlet.fuzz.campaign.status import Status
from ipc_gauntlet.fuzz.campaign.supervisor import Supervisor
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.spec import Progress

TOYS = Path(__file__).resolve().parents[1] / "fuzz" / "campaign" / "toys"
TARGETS = str(TOYS / "small_targets.py")

QUICK = Patience(start=30.0, silent=2.0, over=5.0, once=4.0, stop=5.0)
"""Patience for tests: long enough for a busy machine to start a process."""


class Ear:
    """Listens to a campaign; may stop it when something holds."""

    def __init__(
        self,
        stop_when: Callable[[Status], bool] | None = None,
        until: Callable[[Status], bool] | None = None,
    ) -> None:
        self._until = until
        self._supervisor: Supervisor | None = None
        self.lines: list[str] = []
        self.last: Status | None = None
        self.stop: Callable[[], None] = lambda: None
        self._stop_when = stop_when
        self._stopped = False

    def status(self, now: Status) -> None:
        """A second has passed."""
        self.last = now
        if self._until is not None and self._supervisor is not None:
            self._supervisor.budget = now.elapsed + (0.0 if self._until(now) else 100.0)
        if self._stop_when is not None and not self._stopped and self._stop_when(now):
            self._stopped = True
            self.stop()

    def said(self, text: str) -> None:
        """A line."""
        self.lines.append(text)

    @contextmanager
    def guard(self, stop: Callable[[], None]) -> Iterator[None]:
        """As the guard of `run`."""
        self.stop = stop
        # The supervisor's own method, or nothing that has a budget.
        owner = getattr(stop, "__self__", None)
        self._supervisor = owner if isinstance(owner, Supervisor) else None
        yield


class Campaign:
    """A campaign over the small targets with an odd engine.

    Args:
        store: Where.
        wishes: Members of `Wishes`.
    """

    def __init__(self, store: Store, **wishes: Any) -> None:  # noqa: ANN401 - members of Wishes
        usual: dict[str, Any] = {
            "name": "test",
            "seconds": 2.0,
            "jobs": 2,
            "engines": ("odd_engines:STEADY",),
            "modules": (TARGETS,),
            "patterns": ("small.right",),
            "slice_seconds": 0.5,
        }
        self.store = store
        self.wishes = orders.Wishes(**{**usual, **wishes})
        self.ear = Ear()
        self.triage_seconds = 0.0

    @property
    def folder(self) -> Path:
        """The campaign's folder."""
        return self.store.campaigns / (self.wishes.name or "test")

    def run(
        self,
        stop_when: Callable[[Status], bool] | None = None,
        *,
        until: Callable[[Status], bool] | None = None,
        fresh: bool = False,
    ) -> Status:
        """Run it to its end, as the command does.

        Args:
            stop_when: A person stops it when this holds.
            until: Its time is over when this holds, and not before: on a busy machine that may take long.
            fresh: See `Order`.
        """
        self.ear = Ear(stop_when, until)
        order = Order(store=self.store, wishes=self.wishes, fresh=fresh, triage_seconds=self.triage_seconds)
        return run(order, self.ear, self.ear.guard)

    def supervise(self, patience: Patience = QUICK) -> Status:
        """Run it with another patience."""
        with Lock(self.folder), State.open(self.folder, writable=True) as state:
            state.adopt(orders.make(self.wishes, None, jobs=1))
            budget = state.elapsed() + (self.wishes.seconds or 0)
            ear = self.ear = Ear()
            return Supervisor(
                store=self.store, state=state, listener=ear, budget=budget, patience=patience
            ).run()

    def state(self) -> State:
        """Its memory, to be closed."""
        return State.open(self.folder)

    def target(self, name: str = "small.right") -> TargetState:
        """What is known of a target."""
        with self.state() as state:
            return next(one for one in state.targets() if one.target == name)

    def leftovers(self) -> list[str]:
        """Folders of slices that are still there."""
        return sorted(path.name for path in (self.folder / "slices").glob("*"))


def settled(now: Status) -> bool:
    """Whether every target had a slice, and its canary is back."""
    return all(target.slices and target.canary != "untried" for target in now.targets)


def slice_end(name: str = "000001-small.right", **changes: Any) -> SliceEnd:  # noqa: ANN401 - members of SliceEnd
    """What a slice adds, with the usual numbers."""
    usual: dict[str, Any] = {
        "target": "small.right",
        "engine": "portable",
        "outcome": "done",
        "progress": progress(),
        "at": 1.0,
        "covered": ("m:1:b:0", "m:2:b:0"),
        "functions": ("m:f",),
        "kept": 3,
        "corpus": 5,
    }
    return SliceEnd(name=name, **{**usual, **changes})


def progress(**changes: Any) -> Progress:  # noqa: ANN401 - members of Progress
    """Numbers of a slice that went well."""
    usual: dict[str, Any] = {
        "executions": 1000,
        "seconds": 1.0,
        "cpu_seconds": 0.9,
        "edges": 2,
        "edges_total": 10,
        "features": 20,
        "corpus": 5,
        "kept": 3,
        "last_new": 0.5,
        "memory_mb": 30.0,
        "verdicts": {"accepted": 400, "short": 600},
    }
    return Progress(**{**usual, **changes})


def seen(signature: str = "crash-0123456789abcdef", **changes: Any) -> Seen:  # noqa: ANN401 - members of Seen
    """A finding in a slice."""
    usual: dict[str, Any] = {
        "kind": "crash",
        "message": "Boom in f",
        "count": 2,
        "smallest": "ab" * 32,
        "size": 9,
    }
    return Seen(signature=signature, **{**usual, **changes})


def command(*arguments: str, store: Store) -> list[str]:
    """The command line of `ipc-gauntlet fuzz run` over the toys."""
    usual = ["--store", str(store.root), "--targets", TARGETS, "--target", "small.right"]
    return [sys.executable, "-m", "ipc_gauntlet", "fuzz", "run", *usual, *arguments]


def environment() -> dict[str, str]:
    """Variables with which the toys can be imported."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(TOYS), os.environ.get("PYTHONPATH", "")])}


def start(*arguments: str, store: Store) -> subprocess.Popen[str]:
    """Start the command over the toys, in a process group of its own."""
    return subprocess.Popen(
        command(*arguments, store=store),
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=os.name != "nt",
    )
