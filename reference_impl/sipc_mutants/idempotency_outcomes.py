"""Defects in recognizing a request that came again, and in answering it."""

from sipc_mutants.model import Mutant, Patch

_SCOPE = "        key = IdempotencyKey(task.peer.credential, task.peer.peer, task.envelope.idem)\n"
_ANSWER = "        if outcome is None:\n            return Answer(REFUSALS[decision])\n"
_STORED = "            done = None if row[2] is None else Outcome(row[2], row[3])\n"


def scoped(credential: str, peer: str, key: str) -> Patch:
    """Records are kept under something else."""
    return Patch(
        module="sipc_runtime.service",
        old=_SCOPE,
        new=f"        key = IdempotencyKey({credential}, {peer}, {key})\n",
    )


def _own(key: str) -> Patch:
    return scoped("task.peer.credential", "task.peer.peer", key)


def _repeated(lines: str) -> Patch:
    """A duplicate is answered in another way."""
    return Patch(
        module="sipc_runtime.service",
        old=_ANSWER,
        new=f"        if decision is Decision.REPEAT and outcome is not None:\n{lines}{_ANSWER}",
    )


def _remembered(body: str) -> Patch:
    return Patch(
        module="sipc_runtime.store",
        old=_STORED,
        new=f"            done = None if row[2] is None else Outcome(row[2], {body})\n",
    )


MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        id="IDEM-01.m1",
        defect="no dedup",
        patches=(
            Patch(
                module="sipc.idempotency",
                old="        return Decision.REPEAT\n",
                new="        return Decision.EXECUTE\n",
            ),
            Patch(
                module="sipc_runtime.store",
                old='            "INSERT INTO request VALUES',
                new='            "INSERT OR REPLACE INTO request VALUES',
            ),
        ),
    ),
    Mutant(
        id="IDEM-01.m2",
        defect="key compared after lowercase/trim",
        patches=(_own("task.envelope.idem.strip().lower()"),),
    ),
    Mutant(
        id="IDEM-01.m3",
        defect="only the first 16 bytes of a key count",
        patches=(_own("task.envelope.idem[:16]"),),
    ),
    Mutant(
        id="IDEM-01.m4",
        defect="records belong to a connection",
        patches=(_own("task.endpoint.label.encode() + task.envelope.idem"),),
    ),
    Mutant(
        id="IDEM-01.m5",
        defect="the record of an operation that takes time ends with it",
        patches=(
            Patch(
                module="sipc_runtime.service",
                old="    store.complete(key, outcome)\n    return outcome\n",
                new="    store.release(key)\n    return outcome\n",
            ),
        ),
    ),
    Mutant(
        id="IDEM-01.m6",
        defect="a zero byte ends a key",
        patches=(_own('task.envelope.idem.split(b"\\0")[0]'),),
    ),
    Mutant(
        id="IDEM-02.m1",
        defect="returns empty OK",
        patches=(_repeated('            return Answer(Status.OK, b"")\n'),),
    ),
    Mutant(
        id="IDEM-02.m2",
        defect="stores only status",
        patches=(_remembered("None"),),
    ),
    Mutant(
        id="IDEM-02.m3",
        defect='a duplicate is answered with a bare "duplicate"',
        patches=(_repeated("            return Answer(Status.IDEM_MISMATCH)\n"),),
    ),
    Mutant(
        id="IDEM-02.m4",
        defect="results are stored as text",
        patches=(
            _repeated(
                '            told = cbor.decode(outcome.body or b"\\xf6")\n'
                "            if isinstance(told, bytes):\n"
                '                return Answer(Status.OK, told.decode("utf-8", "replace").encode())\n'
            ),
        ),
    ),
    Mutant(
        id="IDEM-02.m5",
        defect="a result that is longer than 4096 bytes is not stored",
        patches=(_remembered('row[3] if len(row[3] or b"") <= 4096 else None'),),
    ),
    Mutant(
        id="IDEM-02.m6",
        defect="a failure is another one the second time",
        patches=(
            Patch(
                module="sipc_runtime.service",
                old="        store.complete(key, Outcome(Status.INTERNAL, None))\n",
                new="        store.complete(key, Outcome(Status.OUTCOME_UNKNOWN, None))\n",
            ),
        ),
    ),
    Mutant(
        id="IDEM-02.m7",
        defect="results are lost in a restart, the status is kept",
        patches=(_remembered("row[3] if row[1] == self._epoch else None"),),
    ),
    Mutant(
        id="IDEM-02.m8",
        defect="operations without an effect are executed again",
        patches=(
            Patch(
                module="sipc_runtime.service",
                old="        if task.envelope.idem is None:\n",
                new="        if task.envelope.idem is None or (method.inline and method.idempotent):\n",
            ),
        ),
    ),
)
