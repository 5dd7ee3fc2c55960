"""What the peer says to tokens and signed messages: the first check that fails has the reason of docs/sipc1.md."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import pytest

from ipc_gauntlet.peer import TokenIssuer
from ipc_gauntlet.peer.cbor import encode
from ipc_gauntlet.peer.judging import Receiver, Refused, judge_signed, judge_token
from ipc_gauntlet.peer.signing import MessageSigner

NOW = 1000
ISSUER = TokenIssuer("spiffe://test.example/issuer", bytes(range(32)))
CLAIMS: dict[int, Any] = {2: "holder", 3: "service", 4: 1060, 6: 1000, 7: bytes(16), -65537: ["app.append"]}
REQUEST: dict[int, Any] = {0: 1, 1: 0, 2: 0, 4: "app.append", 7: 1000, 9: "test"}
HOLDER = Receiver(
    "service", "holder", b"b" * 32, NOW, {ISSUER.name: base64.b64decode(str(ISSUER.option()["public"]))}
)

AUTHOR = MessageSigner("author", bytes(range(1, 33)))
READER = Receiver("service", "author", b"", NOW, {AUTHOR.name: AUTHOR.public})


def judged(claims: Mapping[int, Any], request: Mapping[int, Any] | None = None) -> str:
    """The reason for which a token with these claims is refused, or `accepted`."""
    try:
        judge_token(ISSUER.issue({**CLAIMS, **claims}), {**REQUEST, **(request or {})}, HOLDER)
    except Refused as refused:
        return refused.reason
    return "accepted"


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({}, "accepted"),
        ({8: {1: b"b" * 32}, 5: 1030, -65539: "test", -65540: 3, -65541: 1 << 32}, "accepted"),
        ({-65537: [f"app.m{number}" for number in range(63)] + ["app.append"]}, "accepted"),
        ({2: ""}, "malformed"),
        ({2: "h" * 256}, "malformed"),
        ({7: bytes(15)}, "malformed"),
        ({8: {1: bytes(31)}}, "malformed"),
        ({8: {1: bytes(32), 2: 0}}, "malformed"),
        ({-65537: []}, "malformed"),
        ({-65537: ["append"]}, "malformed"),
        ({-65537: [f"app.m{number}" for number in range(65)]}, "malformed"),
        ({-65540: 4}, "malformed"),
        ({-65540: True}, "malformed"),
        ({-65541: 0}, "malformed"),
        ({9: 1}, "malformed"),
        ({1: "nobody"}, "authentication"),
        ({4: 1061}, "expired"),
        ({4: 1000, 6: 990}, "expired"),
        ({5: 1031}, "expired"),
        ({4: 1061, 6: 1031}, "expired"),
        ({2: "somebody"}, "unauthorized"),
        ({3: "somebody"}, "unauthorized"),
        ({8: {1: b"c" * 32}}, "unauthorized"),
        ({-65537: ["app.other"]}, "unauthorized"),
        ({-65539: "other"}, "unauthorized"),
        ({-65540: 2}, "unauthorized"),
    ],
)
def test_tokens(claims: Mapping[int, Any], said: str) -> None:
    assert judged(claims) == said


@pytest.mark.parametrize(("label", "life"), [(0, 3600), (1, 900), (2, 300), (3, 60)])
def test_the_life_of_a_token_depends_on_what_it_covers(label: int, life: int) -> None:
    assert judged({-65540: label, 4: NOW + life}, {8: label}) == "accepted"
    assert judged({-65540: label, 4: NOW + life + 1}, {8: label}) == "expired"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(4097),
        encode(1),
        encode([b"", {}, b""]),
        encode([encode({1: -7}), {}, encode(CLAIMS), bytes(64)]),
        encode([encode({1: -8}), {1: 1}, encode(CLAIMS), bytes(64)]),
        encode([encode({1: -8}), [], encode(CLAIMS), bytes(64)]),
        encode([encode({1: -8}), {}, encode(CLAIMS), bytes(63)]),
        encode([encode({1: -8}), {}, encode([]), bytes(64)]),
        encode([encode({1: -8}), {}, encode(CLAIMS), bytes(64)]),  # nobody issued it
    ],
)
def test_what_is_no_token(data: bytes) -> None:
    with pytest.raises(Refused) as caught:
        judge_token(data, REQUEST, HOLDER)
    assert caught.value.reason == "malformed"


def test_a_signature_that_does_not_fit() -> None:
    with pytest.raises(Refused) as caught:
        judge_token(ISSUER.issue(CLAIMS, lambda good: bytes(len(good))), REQUEST, HOLDER)
    assert caught.value.reason == "authentication"


def said_of(fields: Mapping[int, Any]) -> str:
    """The reason for which a message is refused, or `accepted`."""
    try:
        judge_signed(fields, READER)
    except Refused as refused:
        return refused.reason
    return "accepted"


SIGNED = AUTHOR.sign(REQUEST, "service", bytes(16), NOW + 60)


def test_a_signed_message() -> None:
    assert judge_signed(SIGNED, READER) == ("author", "service", bytes(16), NOW + 60)
    assert judge_signed(REQUEST, READER) is None
    assert said_of({**SIGNED, 7: 1, 11: [], 13: bytes(25), 2: 9}) == "accepted"  # these change on the way


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({key: value for key, value in SIGNED.items() if key != 21}, "unauthorized"),
        ({**SIGNED, 18: "somebody"}, "unauthorized"),
        ({**SIGNED, 14: 1}, "authentication"),
        ({**SIGNED, 70: 1}, "authentication"),
        ({**SIGNED, 0: 2}, "protocol"),
        ({**SIGNED, 17: [70], 70: 1}, "protocol"),
        ({**SIGNED, 17: [11], 11: []}, "protocol"),
        ({**SIGNED, 20: bytes(63)}, "malformed"),
        (AUTHOR.sign({**REQUEST, 17: [18, 19, 20, 21]}, "service", bytes(16), NOW + 60), "accepted"),
        (AUTHOR.sign(REQUEST, "somebody", bytes(16), NOW + 60), "unauthorized"),
        (AUTHOR.sign(REQUEST, "service", bytes(16), NOW), "expired"),
        (AUTHOR.sign(REQUEST, "service", bytes(16), NOW + 3600), "accepted"),
        (AUTHOR.sign(REQUEST, "service", bytes(16), NOW + 3601), "expired"),
    ],
)
def test_signed_messages(fields: Mapping[int, Any], said: str) -> None:
    assert said_of(fields) == said


def test_who_may_pass_a_message_on() -> None:
    carried = Receiver("service", "carrier", b"", NOW, READER.keys)
    with pytest.raises(Refused, match="by this peer"):
        judge_signed(SIGNED, carried)
    allowed = Receiver("service", "carrier", b"", NOW, READER.keys, {"author": frozenset({"carrier"})})
    assert judge_signed(SIGNED, allowed) is not None
