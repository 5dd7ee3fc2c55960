"""Why two rules of SIPC/1 are as they are: every run of a small model, with the rule and without it."""

import negotiation_model as negotiation
import once_model as once
import pytest


def test_a_record_made_with_the_effect_allows_one_effect() -> None:
    states, way = once.explore("correct")
    assert way is None
    assert states > 100


@pytest.mark.parametrize("design", sorted(once.DESIGNS.keys() - {"correct"}))
def test_every_weaker_design_has_a_short_way_to_two_effects(design: str) -> None:
    _, way = once.explore(design)
    assert way is not None
    assert len(way) <= 7, way


def test_a_crash_alone_costs_no_record() -> None:
    """The two designs that differ only in a crash need one."""
    for design in ("effect_then_record", "cache_volatile"):
        _, way = once.explore(design)
        assert way is not None
        assert "crash" in way


@pytest.mark.parametrize("binding", ["nothing", "choice"])
def test_binding_the_choice_alone_is_worth_as_little_as_binding_nothing(binding: str) -> None:
    assert negotiation.downgraded(binding) == negotiation.downgraded("nothing")
    assert len(list(negotiation.runs())) == 378
    assert len(negotiation.downgraded(binding)) == 15


def test_binding_offer_and_choice_leaves_no_downgrade() -> None:
    assert negotiation.downgraded("everything") == []


def test_a_broken_suite_needs_a_floor_as_well() -> None:
    """Whoever can forge the proof of the weakest suite is not stopped by a proof; a policy without it stops him."""
    assert len(negotiation.downgraded("everything", broken=negotiation.WEAKEST)) == 9
    assert negotiation.downgraded("everything", broken=negotiation.WEAKEST, floor=2) == []


def test_nobody_agrees_on_what_one_of_them_did_not_allow() -> None:
    for run in negotiation.runs():
        for binding in negotiation.BINDINGS:
            got = negotiation.established(run, binding)
            assert got is None or got in run.offer & run.policy
