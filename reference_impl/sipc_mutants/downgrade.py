"""Defects in negotiation."""

from sipc_mutants.model import Mutant, Patch

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        id="DOWN-01.m1",
        defect="empty prologue",
        patches=(
            Patch(
                module="sipc.negotiation",
                old='_blocks(b"NoiseSocketInit1", (negotiation,))',
                new='b""',
            ),
        ),
    ),
)
