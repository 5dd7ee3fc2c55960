"""Defects in negotiation: fallback."""

from sipc_mutants.model import Mutant

MUTANTS: tuple[Mutant, ...] = ()
