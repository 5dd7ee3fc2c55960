"""Cases that pass."""

import pytest

from ipc_gauntlet.case import case


@case("ORD-01")
@pytest.mark.parametrize("number", range(12))
def test_many(lab, number):
    """One of many."""
    lab.judged = True


@case("ORD-02", credentials=("psk",))
def test_psk_only(lab):
    """For pre-shared keys only."""
    lab.judged = True
