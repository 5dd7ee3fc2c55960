"""Seeds and dictionaries of the corpora: those of the targets, found the way that other packages' are."""

from collections.abc import Callable
from importlib.metadata import EntryPoint
from types import ModuleType, SimpleNamespace

import pytest

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz import packaged
from ipc_gauntlet_corpora import dictionary, seed_targets, seeds
from sipc_targets import TARGETS

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def test_they_are_those_of_the_targets(script: Callable[[str], ModuleType]) -> None:
    """`python ci/make_fuzz_seeds.py` brings them up to date."""
    assert script("make_fuzz_seeds").differences() == []


def test_each_says_what_becomes_of_it() -> None:
    """With the layer, and with the name of the driver's parser."""
    assert set(seed_targets()) == {target.name for target in TARGETS if target.name.startswith("sipc.")}
    found = seeds("sipc.cbor")
    assert (found.layer, found.parser) == ("cbor", "cbor")
    assert {seed.verdict for seed in found.seeds} == {"accepted", "rejected:malformed", "rejected:limit"}
    assert b"app.echo" in dictionary("sipc.envelope")


@pytest.mark.parametrize("ask", [seeds, dictionary])
@pytest.mark.parametrize("name", ["", "sipc.nothing", "../sets/sipc-2026.1"])
def test_there_are_none_for_other_targets(ask: Callable[[str], object], name: str) -> None:
    """Whatever the name looks like."""
    with pytest.raises(KeyError):
        ask(name)


def test_the_harness_finds_them() -> None:
    """By entry point, not by name."""
    assert packaged.packaged_seeds("sipc.cbor") == [seed.data for seed in seeds("sipc.cbor").seeds]
    assert packaged.packaged_dictionary("sipc.cbor") == list(dictionary("sipc.cbor"))
    assert packaged.packaged_seeds("mine.parser") == []
    assert packaged.packaged_dictionary("mine.parser") == []


def test_packages_of_users_are_asked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """One has seeds, one has other things, and one cannot be imported."""
    mine = SimpleNamespace(
        seeds=lambda target: SimpleNamespace(seeds=[SimpleNamespace(data=b"a"), SimpleNamespace(data=b"a")]),
        dictionary=lambda target: [b"word"],
    )
    given = {"mine": mine, "other": SimpleNamespace()}
    points = [EntryPoint(name, name, "g") for name in given]
    monkeypatch.setattr(packaged, "entry_points", lambda group: points)
    monkeypatch.setattr(EntryPoint, "load", lambda self: given[self.name])
    assert packaged.packaged_seeds("x") == [b"a"]
    assert packaged.packaged_dictionary("x") == [b"word"]

    def fails(_self: EntryPoint) -> None:
        raise ImportError("no module named mine")

    monkeypatch.setattr(EntryPoint, "load", fails)
    with pytest.raises(UsageError, match="cannot import the corpora mine: ImportError"):
        packaged.packaged_seeds("x")
