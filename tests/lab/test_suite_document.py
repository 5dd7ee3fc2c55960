"""The worked examples of docs/writing-suites.md are cases that work, and that can fail."""

import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from systems import STACK_TRANSPORT

import ipc_gauntlet
from ipc_gauntlet.declaration import ATTRIBUTE
from ipc_gauntlet.driver import DriverCommand
from ipc_gauntlet.errors import RequirementViolated
from ipc_gauntlet.lab import Bench, BenchConfig, CaseFacts, Lab
from ipc_gauntlet.peer import quirks
from ipc_gauntlet.peer.conversation import NAMES

X509 = {"kind": "x509", "keys": ["x25519"], "names": ["uri"]}


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """Two drivers of the reference implementation."""
    folder = tempfile.mkdtemp(prefix="ig")
    command = DriverCommand(argv=(sys.executable, "-m", "sipc_driver"), name="reference")
    with Bench(BenchConfig(command, command, folder, seed=3)) as made:
        yield made
    shutil.rmtree(folder)


def document(checkout: Path) -> str:
    return (checkout / "docs" / "writing-suites.md").read_text("utf-8")


def examples(checkout: Path) -> dict[str, Any]:
    """The cases of the page's blocks of code, by name."""
    scope: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", document(checkout), re.DOTALL):
        exec(block, scope)  # noqa: S102 - our own page
    return {name: thing for name, thing in scope.items() if hasattr(thing, ATTRIBUTE)}


def lab_of(bench: Bench, function: Any) -> Lab:  # noqa: ANN401 - a case
    facts = CaseFacts("document/example", bench.config.seed, STACK_TRANSPORT, X509, bench.statement())
    return bench.lab(facts, getattr(function, ATTRIBUTE))


SESSIONS = ("test_close_counts_a_message_that_never_came", "test_a_second_response")
PARSERS = ("test_nothing_is_no_value",)


@pytest.mark.parametrize("name", [*SESSIONS, *PARSERS])
def test_an_example_passes(bench: Bench, checkout: Path, name: str) -> None:
    """Against the reference each example judges something and passes."""
    function = examples(checkout)[name]
    lab = lab_of(bench, function)
    function(lab)
    lab.settle_verdict()
    evidence = lab.finish()
    assert evidence.controls > 0
    assert evidence.checks > 0
    assert bool(evidence.trace) == (name in SESSIONS)


def test_an_example_can_fail(bench: Bench, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first example fails where the implementation sees nothing wrong, here because nothing is."""
    function = examples(checkout)["test_close_counts_a_message_that_never_came"]
    monkeypatch.setitem(function.__globals__, "RecordQuirks", lambda **_: quirks.RecordQuirks())
    lab = lab_of(bench, function)
    with pytest.raises(RequirementViolated):
        function(lab)
    lab.finish()


def test_the_page_has_no_other_examples(checkout: Path) -> None:
    """Each case of the page is run above."""
    assert set(examples(checkout)) == {*SESSIONS, *PARSERS}


def test_names_of_the_page_exist(checkout: Path) -> None:
    """Methods in the tables are methods of a wire peer, of the lab or of `cbor`."""
    text = document(checkout)
    for name in re.findall(r"`(?:peer\.)?([a-z_0-9]+)\(", text):
        homes = (ipc_gauntlet.WirePeer, ipc_gauntlet.cbor, ipc_gauntlet)
        assert any(hasattr(home, name) for home in homes), name
    for name in re.findall(r"`lab\.([a-z_]+)[(`]", text):
        assert hasattr(Lab, name), name
    assert {"idem", "budget", "from"} <= set(NAMES)
