"""Defects in idempotency."""

from sipc_mutants.model import Mutant, Patch

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
        id="IDEM-05.m1",
        defect="global cache",
        patches=(
            Patch(
                module="sipc_runtime.service",
                old="        key = IdempotencyKey(task.peer.credential, task.peer.peer, task.envelope.idem)\n",
                new='        key = IdempotencyKey("", "", task.envelope.idem)\n',
            ),
        ),
    ),
)
