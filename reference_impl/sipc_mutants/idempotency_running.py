"""Defects in keeping two executions of one request apart, and in whose request it is."""

from sipc_mutants.idempotency_outcomes import scoped
from sipc_mutants.model import Mutant, Patch

_IDEM = "task.envelope.idem"
_BEGIN = (
    "            decision, outcome = store.begin(key, asked)\n            if decision is Decision.EXECUTE:\n"
)
_HANDLE = "def _handle(method: Method, task: Task) -> Value:\n"
_LOOKED = (
    "        with self._lock:\n"
    '            self._sql.execute("BEGIN IMMEDIATE")\n'
    "            try:\n"
    "                decision, outcome = self._look(key, fingerprint)\n"
    "                if decision is Decision.EXECUTE:\n"
    "                    outcome = effect(self._sql)\n"
)


def _begun(lines: str) -> tuple[Patch, Patch]:
    """Who has begun something is looked up in a table of its own."""
    return (
        Patch(
            module="sipc_runtime.service", old=_HANDLE, new="_BEGUN: dict[object, Task] = {}\n\n\n" + _HANDLE
        ),
        Patch(
            module="sipc_runtime.service",
            old=_BEGIN,
            new=(
                "            decision, outcome = store.begin(key, asked)\n"
                f"{lines}"
                "            if decision is Decision.EXECUTE:\n"
            ),
        ),
    )


OR_REPLACE = Patch(
    module="sipc_runtime.store",
    old='            "INSERT INTO request VALUES',
    new='            "INSERT OR REPLACE INTO request VALUES',
)

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        id="IDEM-04.m1",
        defect="check-then-act",
        patches=(
            Patch(
                module="sipc_runtime.service",
                old=_BEGIN + "                outcome = _execute_keyed(method, task, store, key)\n",
                new=(
                    _BEGIN + "                store.release(key)\n"
                    "                outcome = Outcome(Status.OK, cbor.encode(_handle(method, task)))\n"
                    "                if store.begin(key, asked)[0] is Decision.EXECUTE:\n"
                    "                    store.complete(key, outcome)\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="IDEM-04.m2",
        defect="lock per connection",
        patches=_begun(
            "            mine = (task.endpoint.label, key)\n"
            "            if decision is Decision.IN_PROGRESS and mine not in _BEGUN:\n"
            "                decision = Decision.EXECUTE\n"
            "            _BEGUN[mine] = task\n"
        ),
    ),
    Mutant(
        id="IDEM-04.m3",
        defect="check-then-act in the store: what was decided in one transaction is done in another",
        patches=(
            Patch(
                module="sipc_runtime.store",
                old=_LOOKED,
                new=(
                    "        with self._lock:\n"
                    "            decision, outcome = self._look(key, fingerprint)\n"
                    "        threading.Event().wait(0.002)\n"
                    "        with self._lock:\n"
                    '            self._sql.execute("BEGIN IMMEDIATE")\n'
                    "            try:\n"
                    "                if decision is Decision.EXECUTE:\n"
                    "                    outcome = effect(self._sql)\n"
                ),
            ),
            OR_REPLACE,
        ),
    ),
    Mutant(
        id="IDEM-04.m4",
        defect="an execution that nobody waits for any more does not count as running",
        patches=_begun(
            "            if decision is Decision.IN_PROGRESS and key in _BEGUN and _BEGUN[key].stopped.is_set:\n"
            "                decision = Decision.EXECUTE\n"
            "            if decision is Decision.EXECUTE:\n"
            "                _BEGUN[key] = task\n"
        ),
    ),
    Mutant(
        id="IDEM-04.m5",
        defect="the record of what still runs is forgotten when its time is over",
        patches=(
            Patch(
                module="sipc_runtime.store",
                old="AND (status IS NOT NULL OR epoch <> ?)",
                new="AND epoch <= ?",
            ),
        ),
    ),
    Mutant(
        id="IDEM-04.m6",
        defect="a duplicate of what still runs is told that it has succeeded",
        patches=(
            Patch(
                module="sipc_runtime.service",
                old="            return Answer(REFUSALS[decision])\n",
                new=(
                    "            running = decision is Decision.IN_PROGRESS\n"
                    '            return Answer(Status.OK, b"done") if running else Answer(REFUSALS[decision])\n'
                ),
            ),
        ),
    ),
    Mutant(
        id="IDEM-05.m1",
        defect="global cache",
        patches=(scoped('""', '""', _IDEM),),
    ),
    Mutant(
        id="IDEM-05.m2",
        defect="scope = uid",
        patches=(scoped('"uid"', 'str(__import__("os").getuid())', _IDEM),),
    ),
    Mutant(
        id="IDEM-05.m3",
        defect="scope = name, whatever credential proved it",
        patches=(scoped('""', "task.peer.peer", _IDEM),),
    ),
    Mutant(
        id="IDEM-05.m4",
        defect="names of principals are compared without case",
        patches=(scoped("task.peer.credential", "task.peer.peer.lower()", _IDEM),),
    ),
    Mutant(
        id="IDEM-05.m5",
        defect="scope = name and key in one text",
        patches=(scoped("task.peer.credential", '""', f"task.peer.peer.encode() + {_IDEM}"),),
    ),
    Mutant(
        id="IDEM-05.m6",
        defect="scope = last part of the name",
        patches=(scoped("task.peer.credential", 'task.peer.peer.rsplit("/", 1)[-1]', _IDEM),),
    ),
)
