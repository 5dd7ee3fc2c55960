"""What the runner needs of a bench and a lab, and how the harness's own bench is made to fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from ipc_gauntlet.engine.cases import FoundCase
    from ipc_gauntlet.engine.settings import Settings


class AnyLab(Protocol):
    """What a case gets as `lab`, as the runner sees it."""

    def settle_verdict(self) -> None:
        """Called when the case function returned; raises `Inconclusive` when that is no pass."""

    def finish(self) -> object:
        """Close everything the case opened; return the evidence. Idempotent."""


class AnyBench(Protocol):
    """What a worker process keeps from case to case."""

    def lab(self, case: FoundCase, settings: Settings) -> AnyLab:
        """Prepare one case; raises `DriverError` when a driver is not usable."""

    def close(self) -> None:
        """Stop everything. Idempotent."""


class StandardBench:
    """The harness's own bench; nothing is started before the first case.

    Args:
        settings: The run's settings.
    """

    def __init__(self, settings: Settings) -> None:
        from ipc_gauntlet.driver import DriverCommand, Statement
        from ipc_gauntlet.lab import Bench, BenchConfig

        client, server = settings.client, settings.server
        self._statement = msgspec.convert(settings.statement, Statement)
        self._bench = Bench(
            BenchConfig(
                client=DriverCommand(argv=client.argv, name=client.name),
                server=DriverCommand(argv=server.argv, name=server.name),
                workdir=settings.workdir,
                seed=settings.seed,
                time_scale=settings.time_scale,
                seeds=settings.seeds,
            )
        )

    def lab(self, case: FoundCase, settings: Settings) -> AnyLab:
        """Prepare one case."""
        from ipc_gauntlet.lab import CaseFacts

        facts = CaseFacts(
            case_id=case.id,
            seed=settings.seed,
            transport=case.place.transport,
            credential=case.place.declaration,
            statement=self._statement,
        )
        return self._bench.lab(facts, case.spec)

    def close(self) -> None:
        """Stop both drivers and remove the working directory."""
        self._bench.close()
