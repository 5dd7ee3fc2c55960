"""All mutants, area by area."""

from collections.abc import Iterable

from sipc_mutants import authentication, downgrade, idempotency, ordering, replay, schema, timeouts, transport
from sipc_mutants.model import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *authentication.MUTANTS,
    *downgrade.MUTANTS,
    *replay.MUTANTS,
    *ordering.MUTANTS,
    *idempotency.MUTANTS,
    *timeouts.MUTANTS,
    *schema.MUTANTS,
    *transport.MUTANTS,
)


def by_id(mutants: Iterable[Mutant] = MUTANTS) -> dict[str, Mutant]:
    """Mutants by their ids.

    Raises:
        ValueError: Two have the same.
    """
    found: dict[str, Mutant] = {}
    for mutant in mutants:
        if mutant.id in found:
            raise ValueError(f"there are two mutants {mutant.id}")
        found[mutant.id] = mutant
    return found
