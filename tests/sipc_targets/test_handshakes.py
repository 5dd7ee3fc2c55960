"""Handshakes against a peer that breaks the rules: each breach fires and is refused, and a reference that takes one is caught."""

from collections.abc import Iterator
from typing import Any

import pytest
from structures import chance

import sipc.handshake_initiator
import sipc.handshake_responder
import sipc.noise_handshake
from ipc_gauntlet.fuzz.execute import execute
from sipc.certificates import load
from sipc.errors import AuthenticationError
from sipc.events import Established
from sipc.handshake_payload import encode_certificates, read_certificates
from sipc.identity import PeerIdentity
from sipc_targets import TARGETS, violations
from sipc_targets.chains import OTHER_KEY, other_leaf
from sipc_targets.handshakes import HANDSHAKE, QUIRKS
from sipc_targets.material import golden, material, names
from sipc_targets.noise import MESSAGE

BY_NAME = {target.name: target for target in TARGETS}
ROLES = ("initiator", "responder")
PSK, CERTIFICATES, BOTH = 2, 0, 4
# For each breach: the suites in which it shows, and against which role of the reference.
FATAL: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {
    "psk": ((PSK, BOTH), ROLES),
    "static_private": ((CERTIFICATES, BOTH), ROLES),
    "low_order_static": ((CERTIFICATES, BOTH), ROLES),
    "low_order_ephemeral": ((PSK, CERTIFICATES, BOTH), ROLES),
    "application": ((PSK, CERTIFICATES, BOTH), ROLES),
    "prologue": ((PSK, CERTIFICATES, BOTH), ROLES),
    "tag_bytes": ((CERTIFICATES, BOTH), ROLES),
    "tag_flip": ((CERTIFICATES, BOTH), ROLES),
    "tail": ((CERTIFICATES, BOTH), ROLES),
    "payload1": ((CERTIFICATES, BOTH), ("responder",)),
    "message_negotiation": ((CERTIFICATES, BOTH), ROLES),
    "names": ((CERTIFICATES, BOTH), ROLES),
}


def cases() -> Iterator[tuple[str, int, str]]:
    """Each breach, in each suite and role."""
    for name, (suites, roles) in FATAL.items():
        yield from ((name, suite, role) for suite in suites for role in roles)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("suite", range(5))
def test_without_a_breach_it_is_established(role: str, suite: int) -> None:
    """The positive control of all that follows; also byte by byte, and after a RETRY."""
    target = BY_NAME[f"sipc.handshake.{role}"]
    for steps in ([], [("pieces", b"\0\1")]):
        verdict = target.judge(HANDSHAKE.encode(steps, bytes((suite,))))
        assert verdict.accepted
        assert verdict.value == (Established.__name__,)


@pytest.mark.parametrize(("name", "suite", "role"), list(cases()))
def test_each_breach_is_refused(name: str, suite: int, role: str) -> None:
    """It would be established but for this one thing."""
    target = BY_NAME[f"sipc.handshake.{role}"]
    body = {"application": b"SIPC/9", "message_negotiation": b"SIPC"}.get(name, b"\1\2\3")
    verdict = target.judge(HANDSHAKE.encode([(name, body)], bytes((suite,))))
    assert not verdict.accepted


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("before", [1, 2])
def test_a_handshake_message_that_comes_again_is_refused(role: str, before: int) -> None:
    """Whichever it is."""
    steps = [("deliver", b"")] * before + [("again", b"")]
    for suite in range(5):
        assert not BY_NAME[f"sipc.handshake.{role}"].judge(HANDSHAKE.encode(steps, bytes((suite,)))).accepted


def test_every_breach_has_a_seed() -> None:
    """So that a campaign begins with each of them."""
    seen = {
        call.step.name
        for seed in BY_NAME["sipc.handshake.initiator"].seeds()
        for call in HANDSHAKE.decode(seed)
    }
    assert {step.name for step in QUIRKS} <= seen


# --- a reference with a defect is caught ---


def found(name: str, error: type[Exception]) -> bool:
    """Whether seeds, or a few changes of them, show a violation."""
    target = BY_NAME[name]
    seeds, rng = list(target.seeds()), chance(2)
    assert target.structure is not None
    inputs = [*seeds, *(target.structure.mutate(rng.choice(seeds), rng) for _ in range(150))]
    kinds = {
        execution.finding.error
        for execution in (execute(target, data) for data in inputs)
        if execution.finding
    }
    return error.__name__ in kinds


@pytest.mark.parametrize("role", ROLES)
def test_a_key_that_was_not_proved_is_found(role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate is believed whoever holds the key."""

    def believing(_config: object, payload: bytes, _proven: bytes | None, _wall: float) -> PeerIdentity:
        (leaf, *_) = read_certificates(payload)
        return PeerIdentity(load(leaf).uris[0], "x509", None)

    module: Any = sipc.handshake_initiator if role == "initiator" else sipc.handshake_responder
    monkeypatch.setattr(module, "certified_peer", believing)
    assert found(f"sipc.handshake.{role}", violations.NotAuthenticated)


def test_an_exception_that_nobody_expected_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection refuses whatever happens, which must not hide it."""

    def broken(_config: object, _payload: bytes, _proven: bytes | None, _wall: float) -> PeerIdentity:
        raise KeyError("nobody")

    monkeypatch.setattr(sipc.handshake_responder, "certified_peer", broken)
    assert found("sipc.handshake.responder", violations.InternalFailure)


@pytest.mark.parametrize("suite", [0, 4])
def test_somebody_else_who_is_certified(suite: int) -> None:
    """A server with no list of peers takes it, by its own name; a client, and a key made for a pair of names, do not."""
    claim = b"\0" + encode_certificates([other_leaf()])
    data = HANDSHAKE.encode([("body", claim), ("static_private", OTHER_KEY)], bytes((suite,)))
    assert BY_NAME["sipc.handshake.responder"].judge(data).accepted == (suite == 0)
    assert not BY_NAME["sipc.handshake.initiator"].judge(data).accepted


def test_a_low_order_key_that_is_taken_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret of zeros."""
    usual = sipc.noise_handshake.KeyPair.dh

    def careless(self: sipc.noise_handshake.KeyPair, public: bytes) -> bytes:
        try:
            return usual(self, public)
        except Exception:  # noqa: BLE001 - as if nothing had happened
            return bytes(32)

    monkeypatch.setattr(sipc.noise_handshake.KeyPair, "dh", careless)
    assert found("sipc.handshake.responder", violations.NotAuthenticated)


def test_a_changed_message_that_is_taken_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A payload whose tag is not looked at."""
    usual = sipc.noise_handshake.SymmetricState.decrypt_and_hash

    def careless(self: sipc.noise_handshake.SymmetricState, ciphertext: bytes) -> bytes:
        try:
            return usual(self, ciphertext)
        except Exception:  # noqa: BLE001 - as if nothing had happened
            return ciphertext[:-16]

    monkeypatch.setattr(sipc.noise_handshake.SymmetricState, "decrypt_and_hash", careless)
    assert found("sipc.handshake.noise", violations.ForgedAccepted)


def test_identities_are_those_of_the_golden_sessions() -> None:
    """Which are valid at the time that they name."""
    made, (one, other, *_) = material(), names()
    assert load(made.initiator).uris == (one,)
    assert load(made.responder).uris == (other,)
    assert made.wall == golden()["wall"]
    assert MESSAGE.fields
    with pytest.raises(AuthenticationError):
        load(b"")
