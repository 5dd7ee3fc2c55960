"""What was made under one suite or version is worth nothing under another; nothing of a session's beginning gets lost."""

from collections.abc import Callable
from typing import Literal

import pytest

from ipc_gauntlet import HandshakeQuirks, Lab, Quirks, RecordQuirks, RecordType, Role, WirePeer, case, cbor
from ipc_gauntlet_suites.downgrade import offers
from ipc_gauntlet_suites.scripts import BOTH_ROLES, try_to_talk

ONE_HASH = "_SHA256"
OTHER_HASHES = ("_BLAKE2s", "_BLAKE2b", "_SHA512")
READY = {0: 1 << 20, 1: 64, 2: 1 << 20, 3: 60_000, 4: []}


@case("DOWN-09", wire="sipc/1", transports=("unix",), stage="handshake")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_handshake_under_another_name(lab: Lab, role: Role) -> None:
    """Both sides agree on a suite and a version, but the peer makes its handshake as if under others: with the other
    suite's name, in its keys, its transcript or both, with its cipher, or for another version or profile of records. A
    side that gets along with that would take for its own what was made for another suite."""
    lab.judge(role)
    lab.stage("handshake")
    for number in offers.numbers(lab):
        name = offers.names(lab, number)[0]
        options: dict[str, object] = {"suites": [name], "versions": list(offers.BOTH_VERSIONS)}
        for what, handshake, mode in _strange(lab, number):
            given = {**options, "mode": mode}
            peer = offers.opposite(lab, role, Quirks(handshake=handshake), given)
            found = offers.came_about(lab, peer)
            lab.require_that(
                not found, f"no session under {name} with {what}", "there was one", "not-separated"
            )
        for mode in ("stream", "datagram"):
            good = offers.opposite(lab, role, options={**options, "mode": mode})
            lab.require_control_that(good.handshake(), f"no session with a good peer ({good.ended})")
            good.close()


def _strange(lab: Lab, number: int) -> list[tuple[str, HandshakeQuirks, str]]:
    """Handshakes that belong somewhere else: what it is, how the peer makes it, the mode of records agreed on."""
    other = next(one for one in offers.numbers(lab) if one != number)
    name = offers.names(lab, other)[0]
    cipher = _cipher(lab, other)
    both = offers.APPLICATION
    stream = {
        "the other suite's name": HandshakeQuirks(hash_name=name, key_name=name),
        "the other suite's keys": HandshakeQuirks(key_name=name),
        "the other suite's transcript": HandshakeQuirks(hash_name=name),
        "the other suite's cipher": HandshakeQuirks(cipher=cipher),
        "all of the other suite": HandshakeQuirks(hash_name=name, key_name=name, cipher=cipher),
        "another version": HandshakeQuirks(application=both[offers.VERSION]),
        "the other profile": HandshakeQuirks(application=both[offers.TEST_VERSION] + b" D"),
        "no version": HandshakeQuirks(application=b""),
    }
    datagram = {
        "the profile of streams": HandshakeQuirks(application=both[offers.TEST_VERSION]),
        "another version, in profile D": HandshakeQuirks(application=both[offers.VERSION] + b" D"),
    }
    found = [(what, quirks, "stream") for what, quirks in stream.items()]
    return found + [(what, quirks, "datagram") for what, quirks in datagram.items()]


def _cipher(lab: Lab, number: int) -> Literal["AESGCM", "ChaChaPoly"]:
    return "AESGCM" if "AESGCM" in offers.names(lab, number)[0] else "ChaChaPoly"


@case("DOWN-09", wire="sipc/1", transports=("unix",), stage="handshake")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_record_of_the_other_cipher(lab: Lab, role: Role) -> None:
    """The handshake is right, but the peer seals its records with the other suite's cipher, under the same key and number.
    None of them may be taken."""
    lab.judge(role)
    lab.stage("handshake")
    for number in offers.numbers(lab):
        other = next(one for one in offers.numbers(lab) if one != number)
        options: dict[str, object] = {"suites": offers.names(lab, number)}
        good = _confirming(lab, role, options)
        good.ready()
        lab.require_control_that(good.handshake(), f"no session with a good peer ({good.ended})")
        good.close()
        peer = _confirming(lab, role, options)
        sealer = peer.peer.sealer
        lab.require_control_that(sealer is not None, "the handshake gave no keys")
        if sealer is not None:
            sealer.state.cipher = _cipher(lab, other)
        peer.ready()
        peer.event(lab.payload("canary"))
        _require_nothing(lab, peer, "records of the other cipher")


@case("DOWN-09", wire="sipc/1", axes="each", stage="handshake")
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("hashed", OTHER_HASHES)
def test_key_under_two_hashes(lab: Lab, role: Role, hashed: str) -> None:
    """A side is configured to use its one key under two hash functions, or under another than it has. It must refuse the
    configuration, not run with a part of it."""
    lab.judge(role)
    names = offers.names(lab)
    served = lab.listen(options={"suites": names})
    control = lab.session(served=served, options={"suites": names}, patient=True)
    lab.require_control_that(control.open(), "no session with one hash function")
    control.close()
    lab.stage("handshake")
    second = names[0].replace(ONE_HASH, hashed)
    plan = {"served": served} if role == "client" else {}
    for suites in ([names[0], second], [second, names[0]]):
        session = lab.session(options={"suites": suites}, **plan)  # type: ignore[arg-type]
        try_to_talk(session)
        outcome = session.finish()
        used = bool(outcome.client.established or outcome.server.established)
        lab.require_that(not used, f"{suites} to be refused", "there was a session", "not-separated")


@case("DOWN-10", wire="sipc/1", axes="each", stage="handshake")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_without_ready(lab: Lab, role: Role) -> None:
    """The record with the peer's parameters is taken away, alone or with what follows it, was never there, comes late, is
    changed, or lacks one of the parameters; and messages follow. The session fails before anything is delivered."""
    lab.judge(role)
    lab.stage("handshake")
    good = _confirming(lab, role)
    good.ready()
    lab.require_control_that(good.handshake(), f"no session with a good peer ({good.ended})")
    good.close()
    for what, act in CUTS.items():
        peer = _confirming(lab, role)
        act(peer)
        _require_nothing(lab, peer, what)
    for key in READY:
        fields = {one: value for one, value in READY.items() if one != key}
        peer = _confirming(lab, role, quirks=Quirks(record=RecordQuirks(ready=cbor.encode(fields))))
        with peer.together():
            peer.ready()
            peer.event(b"behind it")
        _require_nothing(lab, peer, f"READY without its parameter {key}")


@case("DOWN-10", wire="sipc/1", axes="each", stage="established")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_ready_again(lab: Lab, role: Role) -> None:
    """The peer sends its parameters a second time, other ones, in a session that goes on. They are settled once and for
    all: the other side ends the session."""
    lab.judge(role)
    peer = offers.opposite(lab, role)
    lab.require_control_that(peer.handshake(), f"no session with a good peer ({peer.ended})")
    lab.stage("established")
    peer.by_hand()
    peer.record(RecordType.READY, cbor.encode({**READY, 0: 1024}))
    peer.event(b"behind it")
    peer.settle()
    ended, view = peer.ended, lab.iut_view(peer)
    peer.hang_up()
    lab.require_that(ended is not None, "the session to end", "it went on", "went-on")
    lab.require_that(not view.delivered, "nothing delivered behind it", "a message was", "delivered")


def _hide(_frame: bytes) -> bytes:
    return b""


def _vanish(count: int) -> Callable[[WirePeer], None]:
    """So many of the first records are made, but never arrive."""

    def act(peer: WirePeer) -> None:
        peer.ready(_hide)
        for _ in range(count - 1):
            peer.record(RecordType.PING, bytes(8), edit=_hide)
        peer.event(b"behind the gap")
        peer.event(b"another one")

    return act


def _instead(peer: WirePeer) -> None:
    peer.event(b"instead of READY")


def _late(peer: WirePeer) -> None:
    peer.event(b"in front of READY")
    peer.ready()


def _behind_an_unknown_one(peer: WirePeer) -> None:
    peer.record(0x80, b"unknown")
    peer.ready()
    peer.event(b"behind it")


def _changed(peer: WirePeer) -> None:
    peer.ready(lambda frame: frame[:6] + bytes([frame[6] ^ 1]) + frame[7:])
    peer.event(b"behind it")


CUTS: dict[str, Callable[[WirePeer], None]] = {
    "READY taken away": _vanish(1),
    "the first two records taken away": _vanish(2),
    "the first three records taken away": _vanish(3),
    "no READY at all": _instead,
    "READY behind the first message": _late,
    "READY behind an unknown record": _behind_an_unknown_one,
    "READY changed": _changed,
}


def _confirming(
    lab: Lab, role: Role, options: dict[str, object] | None = None, quirks: Quirks = offers.PLAIN
) -> WirePeer:
    """A wire peer whose handshake is over, and who has not sent READY."""
    peer = offers.opposite(lab, role, quirks, options or {})
    peer.reach("CONFIRMING")
    return peer


def _require_nothing(lab: Lab, peer: WirePeer, what: str) -> None:
    """Demand that the other side ended, called nothing a session and delivered nothing."""
    peer.settle()
    view, ended = lab.iut_view(peer), peer.ended
    peer.hang_up()
    lab.require_that(not view.established, f"{what}: no session", "there was one", "established")
    lab.require_that(not view.delivered, f"{what}: nothing delivered", "data was", "delivered")
    lab.require_that(ended is not None, f"{what}: the end", "it went on", "went-on")
