"""Defects in negotiation, by what they are about."""

from sipc_mutants import (
    downgrade_binding,
    downgrade_fallback,
    downgrade_floor,
    downgrade_selection,
    downgrade_separation,
)
from sipc_mutants.model import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *downgrade_binding.MUTANTS,
    *downgrade_selection.MUTANTS,
    *downgrade_floor.MUTANTS,
    *downgrade_fallback.MUTANTS,
    *downgrade_separation.MUTANTS,
)
