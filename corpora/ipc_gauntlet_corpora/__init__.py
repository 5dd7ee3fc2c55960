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

__all__ = ["MODES", "Failure", "Mutant", "Requirement", "Suite", "requirement", "requirements", "suites"]
