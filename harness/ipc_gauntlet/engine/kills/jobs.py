"""What the controlling process and the process that runs cases on one mutant say to each other."""

from __future__ import annotations

import msgspec

from ipc_gauntlet.engine.kills.judge import Attempt
from ipc_gauntlet.engine.kills.plan import Step
from ipc_gauntlet.engine.settings import Settings
from ipc_gauntlet.requirements import Failure


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Cases to run on one implementation, in one process of its own.

    Args:
        settings: For these drivers.
        packages: Packages that hold suites.
        steps: What to run, in order.
        requirement: The requirement that the mutant violates; empty for the unflawed implementation.
        failure: How cases of that requirement fail.
        before: What is known from earlier.
        hungry: Functions that have not killed any mutant yet.
        mark: Environment variable that names the file which shows that changed code was run.
        mark_file: That file.
    """

    settings: Settings
    packages: tuple[str, ...]
    steps: tuple[Step, ...]
    requirement: str = ""
    failure: Failure | None = None
    before: tuple[Attempt, ...] = ()
    hungry: tuple[str, ...] = ()
    mark: str = ""
    mark_file: str = ""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a process that runs cases.

    Args:
        attempt: A result.
        live: Whether changed code has been run.
        problem: Why the tester could not do its work.
        done: Nothing follows.
    """

    attempt: Attempt | None = None
    live: bool = False
    problem: str = ""
    done: bool = False
