"""A published set of requirements means the same for ever."""

import dataclasses
import hashlib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import pytest

import ipc_gauntlet_corpora
from ipc_gauntlet.requirements import load_sets
from ipc_gauntlet_corpora import RequirementSet, requirement_set, requirement_sets
from ipc_gauntlet_corpora.sets import departures, statement_hash

# A new set gets a new line; a line that is here is never changed after its release.
PUBLISHED = {
    "sipc-2026.1": "2b902f9fce9ea7223939e266be9cbaeb37260f6ca9536aab41adf150c50b9d2e",
    "sipc-2026.2": "600a3c90633b2fc6d9038c0de7806a62ea296971b40e5c626bd50e248c016c69",
}
AREAS = ("authentication", "downgrade", "replay", "ordering", "idempotency", "timeouts")


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_set_does_not_change(name: str) -> None:
    """Not one byte of it: whoever passed it passed exactly this."""
    content = (files("ipc_gauntlet_corpora") / "sets" / f"{name}.json").read_bytes()
    assert hashlib.sha256(content).hexdigest() == PUBLISHED[name]


@pytest.mark.parametrize("one", requirement_sets(), ids=lambda one: one.name)
def test_the_catalogue_still_says_what_was_published(one: RequirementSet) -> None:
    """A statement in a set is not reworded and not taken away; a better one belongs to a new requirement."""
    assert departures(one) == {}


def test_the_first_set() -> None:
    """It holds the six attack areas, whole."""
    found = requirement_set("sipc-2026.1")
    expected = [item.id for item in ipc_gauntlet_corpora.requirements() if item.suite in AREAS]
    assert list(found.statements) == expected
    assert len(expected) == 74


def test_the_second_set() -> None:
    """It holds the first one, transport and hardening, and what can be asked of parsers so far."""
    found = requirement_set("sipc-2026.2")
    more = [item.id for item in ipc_gauntlet_corpora.requirements() if item.suite == "transport"]
    assert set(found.statements) == {*requirement_set("sipc-2026.1").statements, *more, "SCH-01", "SCH-05"}
    assert len(more) == 13


def test_sets_are_told_apart() -> None:
    """Names are unique, every set is pinned above, and the order says which is the newest."""
    assert {one.name for one in requirement_sets()} == PUBLISHED.keys()
    orders = [one.order for one in requirement_sets()]
    assert orders == sorted(set(orders))
    with pytest.raises(KeyError):
        requirement_set("sipc-1999.1")


def test_departures_are_noticed() -> None:
    """One changed word is a rewording; an id that is gone is missing."""
    one = requirement_set("sipc-2026.1")
    told = ipc_gauntlet_corpora.requirement("ORD-01").statement
    spoiled = {**one.statements, "ORD-01": statement_hash(told + " "), "ORD-99": statement_hash("x")}
    assert departures(dataclasses.replace(one, statements=spoiled)) == {
        "ORD-01": "reworded",
        "ORD-99": "missing",
    }


def test_the_harness_knows_what_is_left_out() -> None:
    """Requirements of the same catalogue that are not in the set; none of other catalogues."""
    (found,) = [one for one in load_sets() if one.name == "sipc-2026.1"]
    everything = {item.id for item in ipc_gauntlet_corpora.requirements()}
    assert set(found.left_out) | found.statements.keys() == everything
    assert set(found.left_out).isdisjoint(found.statements)


def test_the_script_never_writes_a_published_set(
    script: Callable[[str], ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It makes new ones, in order, and refuses to touch what is there."""
    maker = script("make_requirement_set")
    monkeypatch.setattr(maker, "FOLDER", tmp_path)
    assert maker.main(["sipc-2099.1", "Later", "replay", "ordering"]) == 0
    text = (tmp_path / "sipc-2099.1.json").read_text(encoding="utf-8")
    assert f'"order": {len(PUBLISHED) + 1}' in text
    assert "REPL-01" in text
    assert "AUTH-01" not in text
    assert maker.main(["sipc-2099.1", "Other words", "replay"]) == 1
    assert (tmp_path / "sipc-2099.1.json").read_text(encoding="utf-8") == text
    assert maker.main(["sipc-2099.1", "Other words", "replay", "--unpublished"]) == 0
    assert "Other words" in (tmp_path / "sipc-2099.1.json").read_text(encoding="utf-8")
