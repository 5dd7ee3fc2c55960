"""How many processes run the cases."""

from collections.abc import Callable

import pytest

from ipc_gauntlet.engine.cases import FoundCase
from ipc_gauntlet.engine.crew import crew_size

Maker = Callable[..., FoundCase]


@pytest.mark.parametrize(
    ("asked", "plain", "timed", "clocks", "workers"),
    [
        (None, 1, 0, 4, 0),
        (None, 100, 0, 4, 2),
        (None, 100, 1, 4, 3),
        (None, 100, 40, 4, 6),
        (None, 100, 40, 1, 3),
        (None, 0, 40, 4, 4),
        (None, 17, 0, 4, 2),
        (3, 100, 40, 4, 3),
        (3, 1, 1, 4, 2),
        (0, 100, 40, 4, 0),
    ],
)
def test_a_worker_for_each_core_and_each_clock(
    make_case: Maker, asked: int | None, plain: int, timed: int, clocks: int, workers: int
) -> None:
    """On two cores; few cases are not worth a process, and what the user asks for counts."""
    cases = [make_case() for _ in range(plain)] + [
        make_case(requirement="TIME-01", timing=True) for _ in range(timed)
    ]
    assert crew_size(asked, cases, clocks, cores=2) == workers
