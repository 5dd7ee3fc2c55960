"""Makes events: the one place where a run's times and its id come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ipc_gauntlet.events import (
    AnyEvent,
    CaseFinished,
    CaseResult,
    CaseStarted,
    RunFinished,
    RunStarted,
    Warned,
)

Consumer = Callable[[AnyEvent], None]


class Recorder:
    """Gives events to consumers. One that cannot write any more is left out, and the run goes on.

    Args:
        consumers: What wants to see the events.
        run: Id of the run.
        clock: Seconds since the epoch.
    """

    def __init__(self, consumers: Iterable[Consumer], *, run: str, clock: Callable[[], float]) -> None:
        self._consumers = list(consumers)
        self._run = run
        self._clock = clock
        self.results: dict[str, CaseResult] = {}
        self.started = False
        self.broken: list[str] = []

    def run_started(self, facts: RunStarted) -> None:
        """The run begins; its time and id are filled in."""
        self.started = True
        self._give(_stamped(facts, self._clock(), self._run))

    def case_started(self, case_id: str) -> None:
        """A case begins."""
        self._give(CaseStarted(at=self._clock(), run=self._run, case=case_id))

    def case_finished(self, result: CaseResult) -> None:
        """A case ended. A second result for the same case changes nothing: what was said stays said."""
        if result.id in self.results:
            return
        self.results[result.id] = result
        self._give(CaseFinished(at=self._clock(), run=self._run, result=result))

    def warn(self, message: str) -> None:
        """Say something that decides nothing."""
        self._give(Warned(at=self._clock(), run=self._run, message=message))

    def run_finished(self, facts: RunFinished) -> None:
        """The run is over; its time and id are filled in."""
        self._give(_stamped(facts, self._clock(), self._run))

    def _give(self, event: AnyEvent) -> None:
        for consumer in list(self._consumers):
            try:
                consumer(event)
            except OSError as error:
                self._consumers.remove(consumer)
                self.broken.append(str(error))


def _stamped(event: AnyEvent, at: float, run: str) -> AnyEvent:
    import msgspec

    return msgspec.structs.replace(event, at=at, run=run)
