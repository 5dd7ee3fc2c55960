"""Virtual time: moved by the case, exact to the millisecond."""

import pytest

from ipc_gauntlet.errors import RequirementViolated
from ipc_gauntlet.lab import Fired, Lab

LIFETIME_MS = 300  # of a connection of the equipped driver


def test_something_that_is_due(lab: Lab) -> None:
    """One tick before its time nothing has happened, with that tick it has."""
    session = lab.session(virtual=True)
    assert session.open()
    assert lab.virtual
    fired = lab.fires_between(session, lambda: session.is_over("client"), LIFETIME_MS)
    assert fired == Fired(early=False, late=False)
    assert fired.on_time


@pytest.mark.parametrize(("wrong_by", "reason"), [(50, "early"), (-50, "late")])
def test_the_wrong_time(lab: Lab, wrong_by: int, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too early and too late are told apart."""
    monkeypatch.setattr("ipc_gauntlet.lab.clocks.PATIENCE_S", 0.2)
    session = lab.session(virtual=True)
    assert session.open()
    with pytest.raises(RequirementViolated) as caught:
        lab.require_fires(
            session, lambda: session.is_over("client"), LIFETIME_MS + wrong_by, "client", what="the end"
        )
    assert caught.value.reason == reason


def test_clocks_are_moved_one_by_one(lab: Lab) -> None:
    """Each driver has a clock of its own, and its wall time can be stepped without time passing."""
    lab.advance(7, "client")
    lab.advance(5)
    lab.step_wall(-100, "server")
    assert lab.metrics("client")["now"] == 12
    assert lab.metrics("server")["now"] == 5
    assert lab.metrics("server")["wall"] == -100
    assert lab.metrics("client")["wall"] == 0
