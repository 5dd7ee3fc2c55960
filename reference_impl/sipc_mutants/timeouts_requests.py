"""Defects in deadlines of requests, and in stopping work that nobody waits for."""

from sipc_mutants.model import Mutant, Patch

_CALL_DEADLINE = "        deadline = now + min(max(call.budget_ms, 1), wire.MAX_BUDGET_MS) / 1000\n"
_OWED_ENDED = "            self._emit(RequestEnded(mid, Cause.DEADLINE))\n"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        id="TIME-05.m1",
        defect="no default deadline",
        patches=(
            Patch(
                module="sipc_driver.sending",
                old='params.get("deadline_ms", conn.default_ms)',
                new='params.get("deadline_ms", 600_000)',
            ),
        ),
    ),
    Mutant(
        id="TIME-05.m2",
        defect="timer starts at first byte of reply: without one it never fires",
        patches=(Patch(module="sipc.exchange", old=_CALL_DEADLINE, new="        deadline = math.inf\n"),),
    ),
    Mutant(
        id="TIME-05.m3",
        defect="a margin is taken off the caller's deadline",
        patches=(
            Patch(module="sipc.exchange", old=_CALL_DEADLINE, new=_CALL_DEADLINE.replace("/ 1000", "/ 1010")),
        ),
    ),
    Mutant(
        id="TIME-05.m4",
        defect="a deadline longer than the longest is not cut",
        patches=(
            Patch(
                module="sipc.exchange",
                old=_CALL_DEADLINE,
                new="        deadline = now + max(call.budget_ms, 1) / 1000\n",
            ),
        ),
    ),
    Mutant(
        id="TIME-05.m5",
        defect="each piece of a reply gives the rest more time",
        patches=(
            Patch(
                module="sipc.exchange",
                old="    def cancel(self, mid: int) -> bool:\n",
                new=(
                    "    def postpone(self, now: float) -> None:\n"
                    '        """Bytes have come."""\n'
                    "        for mid in self._calls.take_all():\n"
                    "            self._calls.add(mid, now + 10.0)\n\n"
                    "    def cancel(self, mid: int) -> bool:\n"
                ),
            ),
            Patch(
                module="sipc.session",
                old="        if self.phase is not _OPEN and self.phase in _DEAF:\n            return\n",
                new=(
                    "        if self.phase is not _OPEN and self.phase in _DEAF:\n            return\n"
                    "        self._exchange.postpone(now)\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="TIME-05.m6",
        defect="the caller is told that something failed, not that the time is over",
        patches=(
            Patch(
                module="sipc.exchange",
                old='RequestFailed(mid, "timeout", "deadline_exceeded", Executed.UNKNOWN)',
                new='RequestFailed(mid, "internal", "outcome_unknown", Executed.UNKNOWN)',
            ),
        ),
    ),
    Mutant(
        id="TIME-06.m1",
        defect="each retry gets full D",
        patches=(
            Patch(
                module="sipc_runtime.retry",
                old="replace(call, budget_ms=remaining * 1000)",
                new="replace(call, budget_ms=call.budget_ms)",
            ),
        ),
    ),
    Mutant(
        id="TIME-06.m2",
        defect="absolute wall-clock deadline",
        patches=(
            Patch(
                module="sipc_runtime.service",
                old="envelope, event.deadline, stopped)",
                new=(
                    "envelope, event.deadline - self._around.clock.monotonic() + self._around.clock.wall(), stopped)"
                ),
            ),
            Patch(
                module="sipc_runtime.service",
                old="self._around.clock.monotonic() >= task.deadline:",
                new="self._around.clock.wall() >= task.deadline:",
            ),
        ),
    ),
    Mutant(
        id="TIME-06.m4",
        defect="what has expired in the queue is executed",
        patches=(
            Patch(
                module="sipc_runtime.service",
                old="        if task.stopped.is_set or self._around.clock.monotonic() >= task.deadline:\n",
                new="        if task.stopped.is_set and task.endpoint.over:\n",
            ),
        ),
    ),
    Mutant(
        id="TIME-06.m5",
        defect="work that has begun is not told that its time is over",
        patches=(Patch(module="sipc.exchange", old=_OWED_ENDED, new=""),),
    ),
    Mutant(
        id="TIME-12.m1",
        defect="ms/s confusion",
        patches=(
            Patch(
                module="sipc.exchange",
                old=_CALL_DEADLINE,
                new=_CALL_DEADLINE.replace("/ 1000", "/ 1_000_000"),
            ),
        ),
    ),
    Mutant(
        id="TIME-12.m2",
        defect="jitter subtracted from deadline",
        patches=(
            Patch(
                module="sipc.timers",
                old="        self._due[timer] = due\n",
                new="        due -= 0.002 + hash(due) % 5 / 1000\n        self._due[timer] = due\n",
            ),
        ),
    ),
    Mutant(
        id="TIME-12.m3",
        defect="shared timer wheel rounds down",
        patches=(
            Patch(
                module="sipc.timers",
                old="        self._due[timer] = due\n",
                new="        due = math.floor(due * 20) / 20\n        self._due[timer] = due\n",
            ),
            Patch(
                module="sipc.exchange",
                old=_CALL_DEADLINE,
                new=_CALL_DEADLINE + "        deadline = math.floor(deadline * 20) / 20\n",
            ),
        ),
    ),
    Mutant(
        id="TIME-13.m1",
        defect="cancel only drops the reply",
        patches=(
            Patch(
                module="sipc.exchange",
                old="            self._emit(RequestEnded(mid, Cause.CANCELLED))\n",
                new="",
            ),
        ),
    ),
    Mutant(
        id="TIME-13.m2",
        defect="compensation not triggered: the record of work that stopped half-way stays in progress",
        patches=(
            Patch(
                module="sipc_runtime.service",
                old="        store.complete(key, Outcome(Status.OUTCOME_UNKNOWN, None))\n        raise\n",
                new="        raise\n",
            ),
        ),
    ),
    Mutant(
        id="TIME-13.m3",
        defect="the end of the session does not reach its handlers",
        patches=(
            Patch(
                module="sipc.exchange",
                old="            self._emit(RequestEnded(mid, Cause.CLOSED))\n",
                new="            del mid\n",
            ),
            Patch(
                module="sipc_runtime.service",
                old="        for stopped in stops:\n            stopped.set()\n",
                new="        del stops\n",
            ),
        ),
    ),
    Mutant(
        id="TIME-13.m4",
        defect="cancelled work makes room at once for more",
        patches=(
            Patch(
                module="sipc_runtime.service",
                old="            stopped = self._stops.get(event.mid)\n",
                new="            stopped = self._stops.pop(event.mid, None)\n",
            ),
            Patch(
                module="sipc_runtime.service",
                old="                del self._stops[current.task.envelope.mid]\n",
                new="                self._stops.pop(current.task.envelope.mid, None)\n",
            ),
        ),
    ),
    Mutant(
        id="TIME-13.m5",
        defect="work that nobody waits for does not count as running",
        patches=(
            Patch(
                module="sipc_runtime.service",
                old="        if stopped is not None:\n            stopped.set()\n",
                new=(
                    "        if stopped is not None and not stopped.is_set:\n"
                    '            self._around.metrics.count("running", -1)\n'
                    "            stopped.set()\n"
                ),
            ),
            Patch(
                module="sipc_runtime.service",
                old='            self._around.metrics.count("running", -1)\n        _respond',
                new=(
                    "            if not task.stopped.is_set:\n"
                    '                self._around.metrics.count("running", -1)\n        _respond'
                ),
            ),
        ),
    ),
    Mutant(
        id="TIME-13.m6",
        defect="what waits in the queue of a lost session is begun",
        patches=(
            Patch(
                module="sipc_runtime.service",
                old="        if task.stopped.is_set or self._around",
                new="        if self._around",
            ),
        ),
    ),
)
