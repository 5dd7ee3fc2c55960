"""Defects in lanes: the order of messages with the same ordering key."""

from sipc_mutants.model import Mutant, Patch

_JOB = "        job = _Job(Task(endpoint, self.peer, envelope, event.deadline, stopped), method, envelope.okey)\n"
_NEXT = "        if waiting:\n            return waiting[0]\n"


def _lane(expression: str) -> Patch:
    """Requests are put into another lane than their own."""
    return Patch(
        module="sipc_runtime.service", old=_JOB, new=_JOB.replace("envelope.okey)", f"{expression})")
    )


MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        id="ORD-03.m1",
        defect="global pool without lanes",
        patches=(_lane("event.mid"),),
    ),
    Mutant(
        id="ORD-03.m2",
        defect="priority by size",
        patches=(
            Patch(
                module="sipc.ordering",
                old=_NEXT,
                new=(
                    "        if waiting and hasattr(waiting[0], 'task'):\n"
                    "            smallest = min(waiting, key=lambda one: len(one.task.envelope.body or b''))\n"
                    "            waiting.remove(smallest)\n"
                    "            waiting.appendleft(smallest)\n"
                )
                + _NEXT,
            ),
        ),
    ),
    Mutant(
        id="ORD-03.m3",
        defect="retry overtakes successor",
        patches=(
            Patch(module="sipc_runtime.retry", old="            self.turns.wait(turn, deadline)\n", new=""),
        ),
    ),
    Mutant(
        id="ORD-03.m4",
        defect="one lane for everything",
        patches=(_lane("None"),),
    ),
    Mutant(
        id="ORD-03.m5",
        defect="events that arrive together are handled shortest first",
        patches=(
            Patch(
                module="sipc_runtime.endpoint",
                old="        self._call_back()\n        while self._inbox.queue:\n",
                new=(
                    "        self._call_back()\n"
                    "        arrived = sorted(\n"
                    "            self._inbox.queue,\n"
                    "            key=lambda one: len(one.envelope.body) if type(one).__name__ == 'MessageReceived' else 1 << 30,\n"
                    "        )\n"
                    "        self._inbox.queue.clear()\n"
                    "        self._inbox.queue.extend(arrived)\n"
                    "        while self._inbox.queue:\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="ORD-03.m6",
        defect="what names no lane has no order",
        patches=(_lane("event.mid if envelope.okey is None else envelope.okey"),),
    ),
    Mutant(
        id="ORD-03.m7",
        defect="the last one that came to a lane is the next",
        patches=(
            Patch(
                module="sipc.ordering",
                old=_NEXT,
                new="        if waiting:\n            waiting.rotate(1)\n            return waiting[0]\n",
            ),
        ),
    ),
)
