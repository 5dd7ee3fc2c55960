"""Defects in time-outs and deadlines."""

from sipc_mutants import timeouts_connecting, timeouts_requests, timeouts_sessions, timeouts_values
from sipc_mutants.model import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *timeouts_connecting.MUTANTS,
    *timeouts_sessions.MUTANTS,
    *timeouts_requests.MUTANTS,
    *timeouts_values.MUTANTS,
)
