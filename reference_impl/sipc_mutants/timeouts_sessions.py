"""Defects in the time-outs of an established session."""

from sipc_mutants.model import Mutant, Patch

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        id="TIME-05.m1",
        defect="no default deadline",
        patches=(
            Patch(
                module="sipc_driver.sending",
                old='params.get("deadline_ms", conn.default_ms)',
                new='params.get("deadline_ms", 600_000)',
            ),
        ),
    ),
)
