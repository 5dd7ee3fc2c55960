"""Runs cases on one implementation: `python -m ipc_gauntlet.engine.kills.worker`, a job on standard input.

A process for each mutant, so that nothing of one can be left over in the next. Results leave as lines of JSON as soon
as they are there: what was found counts even if the process has to be killed later.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import BinaryIO

import msgspec

from ipc_gauntlet.engine.cases import FoundCase
from ipc_gauntlet.engine.kills.jobs import Job, Told
from ipc_gauntlet.engine.kills.judge import Attempt
from ipc_gauntlet.engine.kills.plan import Progress, Step
from ipc_gauntlet.engine.processes import ignore_interrupts
from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.events import CaseResult


class Runner:
    """Runs a job's steps and tells about them.

    Args:
        job: What to do.
        output: Where lines go.
    """

    def __init__(self, job: Job, output: BinaryIO) -> None:
        self._job = job
        self._output = output
        self._steps = {step.case.id: step for step in job.steps}
        self._progress = Progress(job.hungry)
        for attempt in job.before:
            self._progress.add(attempt, job.requirement, job.failure)

    def run(self) -> None:
        """Run what is worth running; the last line says that nothing follows."""
        from ipc_gauntlet.engine.links import RunLink
        from ipc_gauntlet.engine.sessions import run_cases

        cases = [step.case for step in self._job.steps]
        link = RunLink(self._job.settings, cases, lambda _case: None, self._on_result)
        link.as_given = True
        link.wants = self._wants
        problem = ""
        try:
            run_cases(link, self._job.packages, 0, lambda: None)
        except GauntletError as error:
            problem = str(error)
        self._tell(Told(live=self._is_live(), problem=problem, done=True))

    def _wants(self, case: FoundCase) -> bool:
        return self._progress.needs(self._steps[case.id])

    def _on_result(self, result: CaseResult) -> None:
        step = self._steps[result.id]
        attempt = _attempt(step, result)
        self._progress.add(attempt, self._job.requirement, self._job.failure)
        self._tell(Told(attempt=attempt, live=self._is_live()))

    def _is_live(self) -> bool:
        return bool(self._job.mark_file) and Path(self._job.mark_file).exists()

    def _tell(self, told: Told) -> None:
        self._output.write(msgspec.json.encode(told) + b"\n")
        self._output.flush()


def _attempt(step: Step, result: CaseResult) -> Attempt:
    return Attempt(
        case=result.id,
        function=step.case.function,
        requirement=result.requirement,
        verdict=result.verdict,
        stage=result.stage,
        reason=result.reason,
        message=result.message,
    )


def main() -> None:
    """Do the job on standard input."""
    ignore_interrupts()  # they reach the whole group; the controlling process decides
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever else is printed must not be taken for a result
    if job.mark:
        os.environ[job.mark] = job.mark_file
    Runner(job, output).run()


if __name__ == "__main__":
    main()
