"""A driver that never answers is given up; one that fails to now and then is not."""

import pytest

from ipc_gauntlet.engine.patience import LIMIT, GivenUp, Patience
from ipc_gauntlet.errors import DriverDied, DriverTimeout

SILENT = DriverTimeout("mine", "no answer to listen within 30 s")


def test_a_row_of_silences_is_the_end() -> None:
    """From then on each case says which driver was given up and why, without asking it."""
    patience = Patience()
    for _ in range(LIMIT):
        patience.check()
        patience.note(SILENT)
    for _ in range(2):
        with pytest.raises(GivenUp, match=f"mine: given up: {LIMIT} cases in a row.*no answer to listen"):
            patience.check()


@pytest.mark.parametrize("other", [None, DriverDied("mine", "it ended"), ValueError("x")])
def test_anything_else_between_begins_anew(other: Exception | None) -> None:
    """A driver that dies is started again, and one that answers is there."""
    patience = Patience()
    for _ in range(3):
        for _ in range(LIMIT - 1):
            patience.note(SILENT)
        patience.note(other)
        patience.check()
