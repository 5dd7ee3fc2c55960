"""Defects in negotiation: floor."""

from sipc_mutants.model import Mutant

MUTANTS: tuple[Mutant, ...] = ()
