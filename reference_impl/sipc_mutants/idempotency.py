"""Defects in idempotency."""

from sipc_mutants import (
    idempotency_clients,
    idempotency_keeping,
    idempotency_outcomes,
    idempotency_refusals,
    idempotency_reuse,
    idempotency_running,
)
from sipc_mutants.model import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *idempotency_outcomes.MUTANTS,
    *idempotency_reuse.MUTANTS,
    *idempotency_running.MUTANTS,
    *idempotency_keeping.MUTANTS,
    *idempotency_refusals.MUTANTS,
    *idempotency_clients.MUTANTS,
)
