"""The requirement catalogue: complete, consistent, and free of references a reader cannot follow."""

import re

import pytest

import ipc_gauntlet_corpora
from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.requirements import Catalogue, load_catalogue

LEAST = {
    "AUTH": "channel",
    "DOWN": "channel",
    "REPL": "channel",
    "ORD": "channel",
    "IDEM": "messaging",
    "INTG": "channel",
    "CONF": "channel",
    "KEY": "channel",
    "AUTHZ": "governed",
    "RETRY": "messaging",
    "ERR": "local",
    "AUD": "governed",
    "OBS": "governed",
    "DOS": "local",
    "XPT": "local",
    "SCH": "local",
    "DATA": "governed",
    "CFG": "governed",
}
TIMES = {
    "TIME-05": "messaging",
    "TIME-06": "messaging",
    "TIME-13": "messaging",
    "TIME-07": "channel",
    "TIME-08": "channel",
}


def test_it_is_complete() -> None:
    """All suites and requirements are there, and the harness sees what the corpora hold."""
    assert len(ipc_gauntlet_corpora.suites()) == 19
    assert len(ipc_gauntlet_corpora.requirements()) == 160
    assert [item.id for item in load_catalogue().requirements] == [
        item.id for item in ipc_gauntlet_corpora.requirements()
    ]


def test_ids_are_unique_and_belong_to_their_suite() -> None:
    """An id is the suite's code and a number; numbers count up from 1."""
    for suite in ipc_gauntlet_corpora.suites():
        expected = [f"{suite.code}-{number:02}" for number in range(1, len(suite.requirements) + 1)]
        assert [item.id for item in suite.requirements] == expected
        assert {item.suite for item in suite.requirements} == {suite.name}


@pytest.mark.parametrize("item", ipc_gauntlet_corpora.requirements(), ids=lambda item: item.id)
def test_each_requirement(item: ipc_gauntlet_corpora.Requirement) -> None:
    """Each one says what, why, how it shows and what violates it, without references to papers nobody has."""
    assert item.profile == (LEAST.get(item.id.partition("-")[0]) or TIMES.get(item.id, "local"))
    assert item.level in ("MUST", "SHOULD")
    assert item.statement.endswith(".")
    assert item.source
    assert item.observation
    assert item.modes
    assert set(item.modes) <= set(ipc_gauntlet_corpora.MODES)
    assert [mutant.id for mutant in item.mutants] == [
        f"{item.id}.m{number}" for number in range(1, len(item.mutants) + 1)
    ]
    assert item.mutants
    assert all(re.fullmatch(r"CVE-\d{4}-\d{4,}", name) for name in item.cves)
    assert not re.search(r"\bS[12]\.\d\d", repr(item))


def test_lookup() -> None:
    """A requirement is found by its id; an unknown id is a KeyError."""
    assert ipc_gauntlet_corpora.requirement("ORD-02").suite == "ordering"
    with pytest.raises(KeyError):
        ipc_gauntlet_corpora.requirement("ORD-99")


def test_two_corpora_cannot_define_the_same_requirement() -> None:
    """A user's own corpora cannot silently replace a requirement."""
    suite = load_catalogue().suites[0]
    with pytest.raises(HarnessError, match="two requirements"):
        Catalogue([suite, suite])
