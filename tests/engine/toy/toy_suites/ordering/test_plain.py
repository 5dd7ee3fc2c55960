"""Cases that pass."""

import pytest

from ipc_gauntlet.declaration import case
from toy_suites.toybench import ToyLab


@case("ORD-01")
@pytest.mark.parametrize("number", range(12))
def test_many(lab: ToyLab, number: int) -> None:
    """One of many."""
    lab.judged = True


@case("ORD-02", credentials=("psk",))
def test_psk_only(lab: ToyLab) -> None:
    """For pre-shared keys only."""
    lab.judged = True
