"""Defects in negotiation: selection."""

from sipc_mutants.model import Mutant

MUTANTS: tuple[Mutant, ...] = ()
