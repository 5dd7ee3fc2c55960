"""What fuzzing found once stays fixed: every packaged regression case is replayed, and the accessors say what is in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files

import pytest

from ipc_gauntlet.fuzz.target import LAYERS
from ipc_gauntlet.fuzz.triage.case import case_name, holds
from ipc_gauntlet.fuzz.triage.packaged import Packaged, packaged
from ipc_gauntlet.fuzz.triage.replaying import replay_in
from ipc_gauntlet.fuzz.triage.targets import Children, Settings, Targets
from ipc_gauntlet_corpora import Regression, regressions, regressions_for

CASES = list(packaged())


@pytest.fixture(name="targets", scope="module")
def make_targets() -> Targets:
    # Whether it still hangs is asked with patience: this machine may be doing other things.
    return Targets((), Settings(hang_seconds=5.0))


@pytest.fixture(name="children", scope="module")
def make_children(targets: Targets) -> Iterator[Children]:
    with Children(targets) as children:
        yield children


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.name)
def test_a_regression_stays_fixed(one: Packaged, targets: Targets, children: Children) -> None:
    outcome = replay_in(children.get(one.case.target), one.case, targets)
    assert outcome.good, (
        f"{outcome.word}: {outcome.now}\nwas: {one.case.message}\ninput: {one.case.data.hex()}"
    )


def test_there_is_a_case_for_each_file() -> None:
    folder = files("ipc_gauntlet_corpora") / "regressions"
    names = sorted(entry.name for entry in folder.iterdir())
    assert names == [f"{case.name}.json" for case in regressions()]
    assert names
    assert {one.name for one in CASES} >= {case.name for case in regressions()}


@pytest.mark.parametrize("case", regressions(), ids=lambda case: case.name)
def test_the_accessor_tells_what_the_file_says(case: Regression) -> None:
    text = (files("ipc_gauntlet_corpora") / "regressions" / f"{case.name}.json").read_bytes()
    document = json.loads(text)
    assert (case.target, case.signature, case.input_b64) == (
        document["target"],
        document["signature"],
        document["input_b64"],
    )
    packed = next(one.case for one in CASES if one.name == case.name)
    assert packed.data == case.data
    assert packed.expect == case.expect
    assert packed.parser == case.parser
    # The name says what it is, so that a list of failing tests can be read.
    assert case.name == case_name(packed)


def test_cases_for_anybody_say_what_is_expected(targets: Targets) -> None:
    parsers = {case.parser for case in regressions() if case.parser}
    known = {targets.get(name).reference_parser for name in targets.names()}
    assert parsers <= known
    for parser in sorted(parsers):
        for case in regressions_for(parser):
            assert case.accepted is not None
            assert case.accepted or case.expect in ("rejected", f"rejected:{case.reason}")
    assert regressions_for("no such parser") == ()


def test_what_a_pair_of_implementations_showed_is_a_case_for_anybody(targets: Targets) -> None:
    """Where the pair's verdicts are those of the parser, which those on messages that are not supported are not."""
    assert targets.get("differential.control.ready").case_parser == "ready"
    assert targets.get("differential.envelope").case_parser == ""
    assert any(case.target == "differential.control.ready" for case in regressions_for("ready"))


def test_every_layer_of_a_case_is_known(targets: Targets) -> None:
    assert {targets.get(case.target).layer for case in regressions()} <= set(LAYERS)


def test_a_case_that_is_broken_again_is_noticed(targets: Targets, children: Children) -> None:
    """The test above is one that can fail: with another expectation it does."""
    one = next(one for one in CASES if one.case.expect.startswith("rejected:"))
    answer = children.get(one.case.target).one(one.case.data)
    assert holds(one.case.expect, answer)
    assert not holds("accepted", answer)
    assert not holds("rejected:something else", answer)
