"""Defects in order and completeness."""

from sipc_mutants import (
    ordering_answers,
    ordering_changes,
    ordering_lanes,
    ordering_pieces,
    ordering_records,
    ordering_segments,
)
from sipc_mutants.model import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *ordering_records.MUTANTS,
    *ordering_lanes.MUTANTS,
    *ordering_pieces.MUTANTS,
    *ordering_answers.MUTANTS,
    *ordering_segments.MUTANTS,
    *ordering_changes.MUTANTS,
)
