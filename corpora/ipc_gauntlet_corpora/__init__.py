"""Data that conformance suites, fuzz campaigns and drivers share, with typed accessors. Standard library only."""

from ipc_gauntlet_corpora.catalogue import (
    MODES,
    Failure,
    Mutant,
    Requirement,
    Suite,
    requirement,
    requirements,
    suites,
)
from ipc_gauntlet_corpora.evidence import Evidence, evidence
from ipc_gauntlet_corpora.parser_vectors import ParserVector, parser_vectors, parsers_with_vectors
from ipc_gauntlet_corpora.regressions import Regression, regressions, regressions_for
from ipc_gauntlet_corpora.seeds import Seed, TargetSeeds, dictionary, seed_targets, seeds
from ipc_gauntlet_corpora.sets import RequirementSet, requirement_set, requirement_sets

__all__ = [
    "MODES",
    "Evidence",
    "Failure",
    "Mutant",
    "ParserVector",
    "Regression",
    "Requirement",
    "RequirementSet",
    "Seed",
    "Suite",
    "TargetSeeds",
    "dictionary",
    "evidence",
    "parser_vectors",
    "parsers_with_vectors",
    "regressions",
    "regressions_for",
    "requirement",
    "requirement_set",
    "requirement_sets",
    "requirements",
    "seed_targets",
    "seeds",
    "suites",
]
