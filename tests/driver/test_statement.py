"""Implementation statements: what is accepted, what is refused, and what a pair can do together."""

import copy
from typing import Any

import msgspec
import pytest

from ipc_gauntlet.driver import CredentialSupport, Limits, Statement, Timeouts, Wire
from ipc_gauntlet.errors import UsageError

# The example in the protocol document, section 3.
EXAMPLE: dict[str, Any] = {
    "protocol": 1,
    "name": "my-ipc",
    "version": "2.1",
    "language": "C",
    "profile": "channel",
    "roles": ["client", "server"],
    "transports": ["unix", "tcp"],
    "credentials": [{"kind": "x509", "keys": ["ed25519"], "names": ["dns"]}],
    "features": ["push", "timeouts"],
    "observes": ["established", "delivered", "closed"],
    "limits": {"max_message": 65536, "max_connections": 16},
    "timeouts": {"handshake_ms": 5000},
    "wire": {"protocol": "my-ipc/2", "framing": "opaque"},
    "parsers": [],
}


def example(**changes: object) -> Statement:
    """Make a statement that differs from the example."""
    return Statement.from_result({**EXAMPLE, **changes})


def test_the_example_of_the_document_is_a_statement() -> None:
    """What the document shows is what the harness accepts."""
    statement = example()
    assert statement.name == "my-ipc"
    assert statement.limits == Limits(max_message=65536, max_connections=16)
    assert statement.timeouts == Timeouts(handshake_ms=5000)
    assert statement.wire == Wire(protocol="my-ipc/2", framing="opaque")
    assert statement.credential("x509") == CredentialSupport(kind="x509", keys=("ed25519",), names=("dns",))
    assert statement.credential("psk") is None
    assert "push" in statement.features
    assert statement.extra == {}


def test_only_what_everybody_has_is_required() -> None:
    """A minimal statement has no limits, timers, features or parsers."""
    minimal = {
        name: EXAMPLE[name] for name in ("protocol", "name", "version", "profile", "roles", "transports")
    }
    statement = Statement.from_result(minimal)
    assert statement.features == ()
    assert statement.wire.framing == "opaque"
    assert statement.timeouts.handshake_ms is None


def test_a_driver_may_have_parsers_only() -> None:
    """Then it has neither roles nor transports; without parsers, or with one of the two, it is no driver."""
    parsers = example(parsers=["frame"], features=["parse"], roles=[], transports=[], coverage="edges/1")
    assert parsers.has_parsers_only
    assert parsers.coverage == "edges/1"
    assert not example().has_parsers_only
    with pytest.raises(ValueError, match='"transports" is empty'):
        example(parsers=["frame"], transports=[])
    with pytest.raises(ValueError, match='"roles" is empty'):
        example(roles=[], transports=[])
    with pytest.raises(ValueError, match="edges/7"):
        example(coverage="edges/7")


def test_coverage_of_a_pair_is_what_both_have() -> None:
    """Two programs that count differently cannot be compared."""
    counting, other = example(parsers=["frame"], coverage="edges/1"), example(parsers=["frame"], version="3")
    assert Statement.merge(counting, counting).coverage == "edges/1"
    assert Statement.merge(counting, other).coverage is None


def test_unknown_members_are_kept_and_do_not_change_the_input() -> None:
    """A newer driver may say more than we know, at the top and inside."""
    result = {
        **copy.deepcopy(EXAMPLE),
        "mascot": "owl",
        "limits": {"max_message": 1, "max_owls": 2},
        "extra": 5,
    }
    before = copy.deepcopy(result)
    statement = Statement.from_result(result)
    assert statement.extra == {"mascot": "owl", "extra": 5}
    assert statement.limits.max_message == 1
    assert result == before


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"protocol": 2}, '"protocol" is 2, and this harness speaks version 1'),
        ({"protocol": True}, '"protocol" is True'),
        ({"protocol": "1"}, "protocol"),
        ({"name": ""}, r"name"),
        ({"version": 2.1}, r"version"),
        ({"profile": "tunnel"}, r"tunnel.*profile"),
        ({"roles": []}, '"roles" is empty'),
        ({"roles": ["peer"]}, r"peer.*roles"),
        ({"transports": []}, r"transports"),
        ({"transports": ["pigeon"]}, r"pigeon.*transports"),
        ({"credentials": [{"kind": "x-509"}]}, r"x-509.*credentials"),
        ({"credentials": [{"kind": "x509", "keys": ["rsa"]}]}, r"rsa.*credentials"),
        ({"features": ["pushh"]}, r"pushh.*features"),
        ({"observes": ["delivred"]}, r"delivred.*observes"),
        ({"limits": {"max_message": 0}}, r"max_message"),
        ({"limits": {"max_message": "64k"}}, r"max_message"),
        ({"timeouts": {"idle_ms": -1}}, r"idle_ms"),
        ({"wire": {"framing": "u24"}}, r"u24.*framing"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(change: dict[str, object], text: str) -> None:
    """A misspelt word would otherwise silently take cases away."""
    with pytest.raises(ValueError, match=text):
        example(**change)


def test_a_program_paired_with_itself_keeps_its_statement() -> None:
    """Both ends from the same driver is the usual case."""
    assert Statement.merge(example(), example()) == example()


def test_a_pair_can_do_what_both_can() -> None:
    """Profiles take the lower, sets the intersection, limits the tighter, timers the longer of both."""
    client = example(
        name="a",
        profile="messaging",
        transports=["tcp", "unix"],
        credentials=[{"kind": "psk"}, {"kind": "x509", "keys": ["ed25519", "x25519"], "names": ["dns"]}],
        limits={"max_message": 100},
        timeouts={"handshake_ms": 1000, "idle_ms": 5},
    )
    server = example(
        name="b",
        features=["push"],
        observes=["delivered"],
        transports=["unix"],
        credentials=[
            {"kind": "x509", "keys": ["x25519"], "names": ["uri", "dns"]},
            {"kind": "psk", "ids": False},
        ],
        limits={"max_message": 200, "max_connections": 3},
        timeouts={"handshake_ms": 3000},
    )
    pair = Statement.merge(client, server)
    assert (pair.name, pair.version, pair.profile) == ("a -> b", "2.1", "channel")
    assert (pair.transports, pair.features, pair.observes) == (("unix",), ("push",), ("delivered",))
    assert pair.credentials == (
        CredentialSupport(kind="psk", ids=False),
        CredentialSupport(kind="x509", keys=("x25519",), names=("dns",)),
    )
    assert pair.limits == Limits(max_message=100, max_connections=3)
    assert pair.timeouts == Timeouts(handshake_ms=3000)
    assert Statement.from_result(msgspec.to_builtins(pair)) == pair


def test_certificates_without_a_common_key_type_are_no_common_credential() -> None:
    """Both know x509, and still cannot authenticate each other."""
    other = example(name="b", credentials=[{"kind": "x509", "keys": ["x25519"], "names": ["dns"]}])
    assert Statement.merge(example(), other).credentials == ()


@pytest.mark.parametrize(
    ("client", "server", "text"),
    [
        ({"roles": ["server"]}, {}, "does not claim the role client"),
        ({}, {"roles": ["client"]}, "does not claim the role server"),
        ({}, {"wire": {"protocol": "other"}}, "speaks 'my-ipc/2' and .* speaks 'other'"),
        ({"transports": ["tcp"]}, {"transports": ["unix"]}, "no transport in common"),
    ],
)
def test_a_pair_that_cannot_talk_is_refused(
    client: dict[str, Any], server: dict[str, Any], text: str
) -> None:
    """Better one clear message than a run in which every case is an error."""
    with pytest.raises(UsageError, match=text):
        Statement.merge(example(**client), example(name="b", **server))
