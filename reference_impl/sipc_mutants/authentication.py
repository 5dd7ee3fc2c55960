"""Defects in authentication, from its parts."""

from sipc_mutants import authentication_certificates as certificates
from sipc_mutants import authentication_claims as claims
from sipc_mutants import authentication_connections as connections
from sipc_mutants import authentication_keys as keys
from sipc_mutants import authentication_sessions as sessions
from sipc_mutants import authentication_states as states
from sipc_mutants.model import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *sessions.PEERS,
    *certificates.TRUST,
    *states.STATES,
    *keys.KEYS,
    *sessions.BINDINGS,
    *claims.CLAIMS,
    *claims.SIGNATURES,
    *certificates.PATHS,
    *connections.FAULTS,
    *connections.CONNECTIONS,
)
