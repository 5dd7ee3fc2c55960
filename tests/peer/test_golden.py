"""The golden sessions, byte for byte, with the peer in either role."""

import importlib.resources
import json
from typing import Any

import pytest

from ipc_gauntlet.peer import Autopilot, HeardFrame, HeardRecord, Identity, Outgoing, Peer, PeerConfig
from ipc_gauntlet.peer.noise import KeyPair
from ipc_gauntlet.peer.suites import suite_named

FILE = importlib.resources.files("ipc_gauntlet_corpora") / "vectors" / "sipc1.json"
GOLDEN: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
SESSIONS = [one for one in GOLDEN["sessions"] if not one["kind"].startswith("reject")]
REJECTS = [one for one in GOLDEN["sessions"] if one["kind"].startswith("reject")]


def key(name: str) -> bytes:
    return bytes.fromhex(GOLDEN["keys"][name])


def identity(role: str) -> Identity:
    names = GOLDEN["names"]
    initiator = role == "initiator"
    return Identity(
        names["initiator"] if initiator else names["responder"],
        names["responder"] if initiator else names["initiator"],
        KeyPair.of(key("init_static" if initiator else "resp_static")),
        (bytes.fromhex(GOLDEN["leaf_i_der" if initiator else "leaf_r_der"]),),
        names["psk_id"],
        key("psk"),
    )


def offered(session: dict[str, Any]) -> tuple[int, ...]:
    """The suites of the session's offer, read by hand."""
    negotiation = bytes.fromhex(session["frames"][0]["negotiation"])
    return tuple(int.from_bytes(negotiation[9 + 2 * n : 11 + 2 * n]) for n in range(negotiation[8]))


def peer(session: dict[str, Any], role: str) -> Autopilot:
    """A peer that is to say its half of a session."""
    first = offered(session)
    who = identity(role)
    if suite_named(session["suite"]).mode == "x509":
        who = Identity(who.name, who.other, who.static, who.chain)
    keys = {
        "initiator": ["init_eph_before_retry"] * (session["kind"] == "retry") + ["init_eph"],
        "responder": ["resp_eph"],
    }[role]
    fresh = iter([key(name) for name in keys])
    suites = first if role == "initiator" else (suite_named(session["suite"]).number,)
    settings = PeerConfig(
        "initiator" if role == "initiator" else "responder", who, GOLDEN["names"]["service"], suites
    )
    return Autopilot(Peer(settings, lambda _: next(fresh)))


def acted(pilot: Autopilot, frame: dict[str, Any]) -> list[Outgoing]:
    """Do by hand what a session's script did, as far as no answer does it."""
    made, what = pilot.peer, frame["what"]
    if what == "HS1":
        return pilot.begin()
    if what == "MSG request":
        more = {5: 1, 6: b"\x77" * 16, 7: 5000, 8: 2, 9: "test"}
        return made.request("echo.put", {"k": "v", "n": 1}, more)
    if what == "MSG response":
        return made.response(0, 0, {"ok": True}, {8: 2})
    if what == "REKEY":
        return made.rekey()
    if what.startswith("PING"):
        return [made.ping()]
    return [made.close()] if what == "CLOSE" and not made.close_heard else []


@pytest.mark.parametrize("role", ["initiator", "responder"])
@pytest.mark.parametrize("session", SESSIONS, ids=lambda one: one["kind"])
def test_every_frame_is_made_and_understood(session: dict[str, Any], role: str) -> None:
    """The peer says its half of the session and understands the other half."""
    pilot = peer(session, role)
    pilot.serve = lambda _: None
    waiting: list[Outgoing] = []
    for frame in session["frames"]:
        expected = bytes.fromhex(frame["hex"])
        if (frame["from"] == "I") == (role == "initiator"):
            waiting = waiting or acted(pilot, frame)
            assert waiting.pop(0).data.hex() == expected.hex(), frame["what"]
            continue
        happened = pilot.receive(expected)
        waiting += [one for one in happened if isinstance(one, Outgoing)]
        (heard,) = [one for one in happened if isinstance(one, HeardFrame | HeardRecord)]
        if isinstance(heard, HeardRecord):
            assert bytes([heard.type, heard.flags]) + heard.payload == bytes.fromhex(frame["body"])
    agreed = pilot.peer.agreed
    assert agreed is not None
    assert agreed.handshake_hash.hex() == session["handshake_hash"]
    assert agreed.binding.hex() == session["channel_binding"]
    assert pilot.peer.negotiating.prologue.hex() == session["prologue"]
    assert waiting == []
    assert pilot.peer.noted == []


@pytest.mark.parametrize("session", REJECTS, ids=lambda one: one["kind"])
def test_every_refusal_is_made(session: dict[str, Any]) -> None:
    """The responder refuses the offers that the vectors refuse, with the same bytes."""
    settings = PeerConfig("responder", identity("responder"), GOLDEN["names"]["service"], (1,))
    pilot = Autopilot(Peer(settings, lambda size: bytes(size)))
    offer, refusal = (bytes.fromhex(frame["hex"]) for frame in session["frames"])
    (answer,) = [one for one in pilot.receive(offer) if isinstance(one, Outgoing)]
    assert answer.data.hex() == refusal.hex()


@pytest.mark.parametrize("session", REJECTS, ids=lambda one: one["kind"])
def test_every_refusal_is_understood(session: dict[str, Any]) -> None:
    """The initiator takes a REJECT as one."""
    settings = PeerConfig("initiator", identity("initiator"), GOLDEN["names"]["service"], (1,))
    pilot = Autopilot(Peer(settings, lambda size: b"e" * size))
    pilot.begin()
    pilot.receive(bytes.fromhex(session["frames"][1]["hex"]))
    assert pilot.peer.rejected
