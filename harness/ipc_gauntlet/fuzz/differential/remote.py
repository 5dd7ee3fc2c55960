"""A parser behind a driver: many requests in flight, and whoever breaks it named.

Rule of this file: whatever the implementation does to its driver costs the input that did it, and no other. A batch whose
driver broke is run again one by one, in a fresh process after each break: answers that came late are lost with a dead
process, and the input at fault need not be the first that went unanswered.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

import psutil

from ipc_gauntlet.driver import Call, Driver, DriverCommand, Statement, SupervisionLimits
from ipc_gauntlet.errors import CallFailed, DriverError, Unsupported, UsageError
from ipc_gauntlet.fuzz.differential.answers import Answer, Outcome, Trouble, died, failed, hung
from ipc_gauntlet.reactor import new_reactor

_OUTPUT = 32 << 20
_RENEW_REQUESTS = 4096
_RENEW_BYTES = 4 << 20
# A process that gets no CPU time is no hang: so many times the limit may pass on a busy machine, and this on top.
_PATIENCE, _AND = 3.0, 1.0


def parsers_of(command: str) -> tuple[str, ...]:
    """Which parsers a driver has; it is started and ended again.

    Raises:
        DriverStartError: It does not start.
    """
    reactor = new_reactor()
    driver = Driver(DriverCommand.parse(command), reactor, label="implementation")
    try:
        return tuple(driver.start().parsers)
    finally:
        driver.close()
        reactor.close()


class RemoteParser:
    """One parser of one driver.

    Args:
        command: What starts the driver.
        parser: Name of the parser.
        hang_seconds: One parse may take so long.
        memory_mb: Its process may grow by so much before it is replaced; 0 for no limit.

    Attributes:
        restarts: How often the process was replaced because it broke.
        grown: How often it was replaced because its memory had grown.
        unexplained: Breaks that no input brought about again.
    """

    def __init__(self, command: str, parser: str, hang_seconds: float, memory_mb: int = 0) -> None:
        self._parser = parser
        self._limit = hang_seconds
        self._reactor = new_reactor()
        limits = SupervisionLimits(output_bytes=_OUTPUT)
        self._driver = Driver(
            DriverCommand.parse(command), self._reactor, label="implementation", limits=limits
        )
        self._params: dict[str, object] = {"parser": parser}
        self._requests = 0
        self._bytes = 0
        self._served = 0
        self._allowed = memory_mb << 20
        self._start_rss = 0
        self.restarts = 0
        self.grown = 0
        self.unexplained = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._driver.close()
        self._reactor.close()

    def start(self) -> Statement:
        """Start the driver.

        Raises:
            DriverStartError: It does not start.
            UsageError: It has no such parser.
        """
        statement = self._driver.start()
        if self._parser not in statement.parsers:
            has = ", ".join(statement.parsers) or "none"
            raise UsageError(
                f"{statement.name} has no parser {self._parser}; it has: {has} (`parsers` in its statement)"
            )
        if statement.coverage:
            self._params["coverage"] = statement.coverage
        return statement

    def run(self, batch: Sequence[bytes]) -> list[Outcome]:
        """What the implementation makes of some inputs, in their order.

        Raises:
            DriverStartError: It broke and does not start again.
            UsageError: It refuses to run the parser that its statement names.
        """
        self._renew(batch)
        outcomes = self._together(batch)
        found = [outcome for outcome in outcomes if outcome is not None]
        return found if len(found) == len(batch) else self._one_by_one(batch, outcomes)

    def _together(self, batch: Sequence[bytes]) -> list[Outcome | None]:
        calls = [self._submit(data) for data in batch]
        self._wait(calls)
        return [self._outcome(call) for call in calls]

    def alone(self, data: bytes) -> Outcome:
        """What it makes of one input, with nothing else in flight."""
        self._driver.ensure_alive()
        call = self._submit(data)
        self._wait([call])
        outcome = self._outcome(call)
        if outcome is not None:
            return outcome
        failure = self._driver.failure
        if call.done and failure is None:
            failure = call.error if isinstance(call.error, DriverError) else None
        stderr, status = self._driver.stderr_tail, self._driver.exit_status
        self._break()
        if failure is None:
            return hung(self._limit, stderr)
        return died(failure, status, stderr)

    def _one_by_one(self, batch: Sequence[bytes], known: list[Outcome | None]) -> list[Outcome]:
        """Find who broke the driver among those that got no answer; the rest goes together again."""
        self._break()
        outcomes: dict[int, Outcome] = {at: one for at, one in enumerate(known) if one is not None}
        waiting = [at for at in range(len(batch)) if at not in outcomes]
        explained = False
        while waiting:
            # Most drivers answer in order: the first without an answer is the likeliest.
            at = waiting.pop(0)
            outcomes[at] = outcome = self._by_itself(batch[at])
            if isinstance(outcome, Answer) or not outcome.breaks:
                continue
            explained = True
            self._driver.ensure_alive()
            again = self._together([batch[at] for at in waiting])
            outcomes.update({at: one for at, one in zip(waiting, again, strict=True) if one is not None})
            waiting = [at for at in waiting if at not in outcomes]
            if waiting:
                self._break()
        if not explained:
            self._in_order(batch, outcomes)
        return [outcomes[at] for at in range(len(batch))]

    def _by_itself(self, data: bytes) -> Outcome:
        """What it makes of one input, and if that broke it, in a process that has seen no other."""
        first = self._served == 0
        outcome = self.alone(data)
        return outcome if first or isinstance(outcome, Answer) or not outcome.breaks else self.alone(data)

    def _in_order(self, batch: Sequence[bytes], outcomes: dict[int, Outcome]) -> None:
        """Nobody did it alone: what one input leaves behind may break another."""
        self._kill()
        for at, data in enumerate(batch):
            outcome = self.alone(data)
            if isinstance(outcome, Trouble) and outcome.breaks:
                told = {**outcome.details, "needs": f"the {at} inputs before it, in one process"}
                message = f"{outcome.message} (after others only)"
                outcomes[at] = replace(outcome, message=message, details=told)
                return
        self.unexplained += 1

    def _break(self) -> None:
        self._kill()
        self.restarts += 1

    def _kill(self) -> None:
        self._driver.kill()
        self._served = 0

    def _submit(self, data: bytes) -> Call:
        self._served += 1
        return self._driver.submit("parse", {**self._params, "data": data})

    def _wait(self, calls: Sequence[Call]) -> None:
        """Wait until all are done, the driver is broken, or nothing has come for too long."""
        left = list(calls)
        spent, waited = self._cpu(), 0.0
        while left:
            before = len(left)
            self._await(left[0])
            left = [call for call in left if not call.done]
            if self._driver.failure is not None:
                return
            if len(left) < before:
                spent, waited = self._cpu(), 0.0
                continue
            waited += self._limit
            if self._cpu() - spent >= self._limit or waited >= _PATIENCE * self._limit + _AND:
                return

    def _await(self, call: Call) -> None:
        self._reactor.run_until(lambda: call.done or self._driver.failure is not None, self._limit)

    def _cpu(self) -> float:
        """CPU seconds of the driver's process so far; 0 if it cannot be asked."""
        pid = self._driver.pid
        with contextlib.suppress(psutil.Error):
            if pid is not None:
                times = psutil.Process(pid).cpu_times()
                return float(times.user + times.system)
        return 0.0

    def _outcome(self, call: Call) -> Outcome | None:
        """The answer; None if there is none, or none to be trusted."""
        if not call.done:
            return None
        try:
            return Answer.of(call.result())
        except CallFailed as error:
            return failed(error)
        except Unsupported as error:
            raise UsageError(f"{error}; its statement names the parser {self._parser}") from error
        except DriverError:
            return None

    def _renew(self, batch: Sequence[bytes]) -> None:
        """Have the driver forget now and then: its output is bounded between two resets."""
        self._driver.ensure_alive()
        self._requests += len(batch)
        self._bytes += sum(map(len, batch))
        if self._requests >= _RENEW_REQUESTS or self._bytes >= _RENEW_BYTES:
            self._requests = self._bytes = 0
            self._driver.reset()
            self._weigh()

    def _weigh(self) -> None:
        """Replace a process that has grown too much: an implementation that leaks must not take the machine with it."""
        rss = self._rss()
        if self._served <= _RENEW_REQUESTS or not self._start_rss:
            self._start_rss = rss
        elif self._allowed and rss - self._start_rss > self._allowed:
            self.grown += 1
            self._kill()
            self._driver.ensure_alive()
            self._start_rss = 0

    def _rss(self) -> int:
        pid = self._driver.pid
        with contextlib.suppress(psutil.Error):
            if pid is not None:
                return int(psutil.Process(pid).memory_info().rss)
        return 0
