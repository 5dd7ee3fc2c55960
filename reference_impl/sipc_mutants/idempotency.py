"""Defects in idempotency."""

from sipc_mutants import idempotency_keeping, idempotency_outcomes, idempotency_reuse, idempotency_running
from sipc_mutants.model import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *idempotency_outcomes.MUTANTS,
    *idempotency_reuse.MUTANTS,
    *idempotency_running.MUTANTS,
    *idempotency_keeping.MUTANTS,
)
