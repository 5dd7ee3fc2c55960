"""The reference and the peer read the same: each differential target notices when one of them does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from random import Random
from typing import Any

import pytest

import sipc.envelope
import sipc.tokens
from ipc_gauntlet.driver import DriverCommand
from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.differential.answers import Answer
from ipc_gauntlet.fuzz.differential.compare import compare, refer
from ipc_gauntlet.fuzz.differential.remote import RemoteParser
from ipc_gauntlet.fuzz.execute import execute
from ipc_gauntlet.peer import cbor
from sipc.errors import AuthenticationError
from sipc_targets import TARGETS

PAIRS = {target.name: target for target in TARGETS if target.name.startswith("differential.")}

JUDGE = sipc.tokens.judge


def test_all_that_the_peer_reads_is_compared() -> None:
    """CBOR, negotiation, control records, handshake payloads, messages, and what is signed."""
    assert set(PAIRS) == {
        "differential.cbor",
        "differential.negotiation",
        "differential.control.ready",
        "differential.control.close",
        "differential.control.error",
        "differential.handshake.certificates",
        "differential.handshake.names",
        "differential.envelope",
        "differential.token",
        "differential.token.claims",
        "differential.signing",
        "differential.x509",
    }


@pytest.mark.parametrize("target", PAIRS.values(), ids=PAIRS)
def test_both_agree_on_seeds_and_on_what_the_schema_makes(target: Target) -> None:
    """No finding; some inputs are accepted, some refused."""
    assert target.structure is not None
    rng = Random(1)  # noqa: S311 - reproducible on purpose
    seeds = [bytes(seed) for seed in target.seeds()]
    made = [target.structure.generate(rng) for _ in range(150)]
    changed = [target.structure.mutate(rng.choice(seeds), rng) for _ in range(300)]
    done = [(data, execute(target, data)) for data in (*seeds, *made, *changed)]
    assert [(data.hex(), one.finding.message) for data, one in done if one.finding is not None] == []
    assert {one.verdict.accepted for _, one in done if one.verdict is not None} == {True, False}


@pytest.mark.parametrize("target", PAIRS.values(), ids=PAIRS)
def test_a_second_that_takes_everything_is_noticed(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pair compares: with the second's answer replaced, an accepted input differs in its value or a refused one in
    the verdict."""
    pair = target.parse
    other = type(pair.second)("nobody", lambda _: None, ())  # type: ignore[attr-defined]
    lax = type(pair)(pair.first, other)  # type: ignore[attr-defined, call-arg]
    refused = next(data for data in (b"\xff", b"\x00\x01\xff") if not pair.first.judge(data).accepted)  # type: ignore[attr-defined]
    with pytest.raises(Exception, match="accepts"):
        lax(refused)


def _another_reason(error: AuthenticationError) -> AuthenticationError:
    error.reason = "expired" if error.reason == "unauthorized" else "unauthorized"
    return error


def _judge_with_another_reason(*given: Any) -> None:  # noqa: ANN401
    try:
        JUDGE(*given)
    except AuthenticationError as error:
        raise _another_reason(error) from error


@pytest.mark.parametrize(
    ("name", "attribute", "value"),
    [
        ("differential.token.claims", "sipc.tokens.judge", _judge_with_another_reason),
        ("differential.token", "sipc.tokens.judge", _judge_with_another_reason),
        ("differential.token.claims", "sipc.tokens._judge_time", lambda *_: None),
        ("differential.token.claims", "sipc.tokens.SKEW_S", 32.0),
        ("differential.token.claims", "sipc.tokens.LONGEST_S", (1, 1, 1, 1)),
        ("differential.x509", "sipc.x509._check_authority", lambda *_: None),
        ("differential.x509", "sipc.x509._check_names", lambda *_: None),
        ("differential.x509", "sipc.x509.check_revocation", lambda *_: None),
        ("differential.x509", "sipc.x509._signed_by", lambda *_: True),
        ("differential.x509", "sipc.spiffe.canonical", str),
        ("differential.signing", "sipc.signing.LONGEST_S", 1.0),
        ("differential.signing", "sipc.signing.HOP_BY_HOP", frozenset({2, 7, 11, 13, 14, 20})),
    ],
)
def test_a_flaw_in_judging_is_noticed(
    name: str, attribute: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong reason, too: who reports one class of refusal for another is caught by what the page says."""
    monkeypatch.setattr(attribute, value)
    target = PAIRS[name]
    assert target.structure is not None
    rng = Random(3)  # noqa: S311 - reproducible on purpose
    seeds = [bytes(seed) for seed in target.seeds()]
    inputs = [*seeds, *(target.structure.mutate(rng.choice(seeds), rng) for _ in range(60))]
    kinds = {
        one.finding.kind for one in (execute(target, data) for data in inputs) if one.finding is not None
    }
    assert "disagreement" in kinds


def test_told_values_are_there_for_every_parser_of_the_driver_protocol() -> None:
    """So that another implementation's values are compared."""
    parsers = {target.reference_parser for target in TARGETS if target.told is not None}
    assert parsers == {"offer", "negotiation", "certificate", "cbor", "envelope", "record", "ready", "close"}
    for target in TARGETS:
        if target.told is not None:
            accepted = next(bytes(seed) for seed in target.seeds() if target.judge(bytes(seed)).accepted)
            assert target.told(accepted) is not None


def test_what_crit_lists_must_be_there_in_a_message_of_any_version() -> None:
    """Found by differential.envelope: an unknown version was told first, and a broken rule of the grammar not at all."""
    data = cbor.encode({0: 2, 1: 2, 2: 0, 4: "app.message", 17: [14]})
    with pytest.raises(sipc.envelope.MalformedError, match="crit lists a key"):
        sipc.envelope.decode(data)
    assert execute(PAIRS["differential.envelope"], data).finding is None


@pytest.fixture(scope="module")
def reference_driver() -> Iterator[Callable[[str], RemoteParser]]:
    """The reference behind its own driver, as any implementation would be."""
    with ExitStack() as stack:

        def make(parser: str) -> RemoteParser:
            made = stack.enter_context(RemoteParser(str(DriverCommand.module("sipc_driver")), parser, 30.0))
            made.start()
            return made

        yield make


TOLD = [target for target in TARGETS if target.told is not None]


@pytest.mark.parametrize("target", TOLD, ids=[target.name for target in TOLD])
def test_the_reference_behind_its_driver_agrees_with_itself(
    target: Target, reference_driver: Callable[[str], RemoteParser]
) -> None:
    """No verdict, reason class or value differs: what the engine driver finds is never of its own making."""
    rng = Random(2)  # noqa: S311 - reproducible on purpose
    seeds = [bytes(seed) for seed in target.seeds()]
    assert target.structure is not None
    inputs = [*seeds, *(target.structure.mutate(rng.choice(seeds), rng) for _ in range(100))]
    remote = reference_driver(target.reference_parser)
    outcomes = remote.run(inputs)
    assert all(isinstance(outcome, Answer) for outcome in outcomes)
    found = [
        compare(target, data, refer(target, data), outcome)
        for data, outcome in zip(inputs, outcomes, strict=True)
        if isinstance(outcome, Answer)
    ]
    assert [finding.message for finding in found if finding is not None] == []
    assert any(outcome.word == "accepted" for outcome in outcomes)
    assert any(outcome.word != "accepted" for outcome in outcomes)
