"""Whole sessions between the harness's own peer and the reference, in both roles and under every suite."""

from dataclasses import replace

import parties
import pytest

from cross import START, Meeting, Scene
from ipc_gauntlet.peer import RecordType
from sipc.events import Closed, How, MessageReceived, Rejected, ResponseReceived
from sipc.rpc import Call, Message
from sipc.settings import Settings
from sipc.suites import SUITES

ROLES = ("initiator", "responder")
MODES = ("x509", "psk", "x509+psk")
EVERY_SUITE = [pytest.param(suite.mode.value, number, id=suite.name) for number, suite in SUITES.items()]


def agree(meeting: Meeting) -> None:
    """Both sides are established and see the same."""
    told, seen = meeting.established, meeting.peer.agreed
    assert seen is not None
    assert seen.binding == told.channel_binding
    assert seen.handshake_hash == meeting.handshake.result.handshake_hash  # type: ignore[attr-defined]
    assert (seen.version, seen.suite) == (told.version, told.suite)
    assert told.peer == meeting.peer.config.identity.name
    assert meeting.peer.established
    assert meeting.peer.noted == []


def talk(meeting: Meeting, size: int = 10) -> None:
    """One event and one request each way; each arrives, and each request is answered."""
    meeting.say(meeting.peer.event(b"e" * size))
    (event,) = meeting.of(MessageReceived)
    assert isinstance(event, MessageReceived)
    assert event.envelope.body == b"e" * size
    meeting.say(meeting.peer.request("app.echo", b"q" * size))
    assert meeting.bodies[-1] == b"q" * size
    meeting.reference.send_event(Message("app.message", b"E" * size))
    meeting.say([])
    assert meeting.bodies[-1] == b"E" * size
    meeting.reference.request(Call("app.echo", b"Q" * size), meeting.now)
    meeting.say([])
    (answer,) = meeting.of(ResponseReceived)
    assert isinstance(answer, ResponseReceived)
    assert answer.envelope.body == b"Q" * size
    assert meeting.peer.noted == []


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("mode", "suite"), EVERY_SUITE)
def test_every_suite(mode: str, suite: int, role: str) -> None:
    """A session comes about, and messages go both ways."""
    meeting = Scene(mode, role, suites=(suite,)).meet().run()
    agree(meeting)
    talk(meeting)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("mode", MODES)
def test_byte_by_byte(mode: str, role: str) -> None:
    """The same when every byte comes alone."""
    meeting = Scene(mode, role).meet(lambda data: [data[n : n + 1] for n in range(len(data))]).run()
    agree(meeting)
    talk(meeting)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("mode", ["x509", "psk"])
def test_retry_for_another_suite(mode: str, role: str) -> None:
    """The responder wants the second suite of the offer, and both go on with it."""
    first, second = (1, 2) if mode == "x509" else (0x11, 0x12)
    initiator, responder = (first, second), (second,)
    mine, other = (initiator, responder) if role == "initiator" else (responder, initiator)
    meeting = Scene(mode, role, suites=other, offered=mine).meet().run()
    agree(meeting)
    assert meeting.established.suite == SUITES[second].name
    talk(meeting)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("mode", MODES)
def test_retry_for_another_version(mode: str, role: str) -> None:
    """The offer begins with version 127, the responder knows 1 only."""
    if role == "initiator":
        scene = Scene(mode, role, peer={"highest": 127, "chosen": 127})
    else:
        scene = Scene(mode, role, reference={"versions": (1, 127)})
    meeting = scene.meet().run()
    agree(meeting)
    assert meeting.established.version == 1


@pytest.mark.parametrize("role", ROLES)
def test_version_127(role: str) -> None:
    """Both know version 127, and its prologue is bound."""
    versions = {"lowest": 1, "highest": 127, "chosen": 127}
    meeting = Scene("x509", role, reference={"versions": (1, 127)}, peer=versions).meet().run()
    agree(meeting)
    assert meeting.established.version == 127


def test_a_meaningless_number_first() -> None:
    """The reference asks for the first suite it knows."""
    meeting = Scene("x509", "initiator", offered=(0x0A0A, 2, 1)).meet().run()
    agree(meeting)
    assert [one.label for one in meeting.sent][:2] == ["offer", "choice"]


@pytest.mark.parametrize(
    ("what", "code"), [({"suites": (2,)}, 2), ({"lowest": 2, "highest": 9, "chosen": 2}, 1)]
)
def test_the_reference_refuses(what: dict[str, object], code: int) -> None:
    """Nothing in common is a REJECT with the right code."""
    meeting = Scene("x509", "initiator", suites=(1,), peer=what).meet().run()
    (event,) = meeting.of(Rejected)
    assert isinstance(event, Rejected)
    assert (event.stage, event.reason) == ("negotiation", "downgrade")
    assert [one.data[2 + 8] for one in meeting.heard if one.label == "reject"] == [code]
    assert meeting.peer.rejected


def test_the_peer_refuses() -> None:
    """The reference reports a REJECT as what it is."""
    meeting = Scene("x509", "responder", suites=(1,), offered=(2,)).meet().run()
    (event,) = meeting.of(Rejected)
    assert isinstance(event, Rejected)
    assert (event.stage, event.reason) == ("negotiation", "downgrade")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("size", [65_300, 65_468, 200_000])
def test_fragments(role: str, size: int) -> None:
    """Messages around and beyond what fits into one record."""
    meeting = Scene("x509", role).meet().run()
    talk(meeting, size)
    assert len([one for one in meeting.sent if one.label == "MSG"]) > 3 * (size > 65_468)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("aead", [1, 2])
def test_rekey(role: str, aead: int) -> None:
    """Both directions rekey by hand and by count, and go on."""
    settings = Settings(rekey_after_records=4)
    meeting = Scene("x509", role, suites=(aead,), settings=settings).meet().run()
    meeting.reference.rekey(meeting.now)
    meeting.say(meeting.peer.rekey())
    for number in range(20):
        meeting.say(meeting.peer.event(number))
        meeting.reference.send_event(Message("app.message", number))
        meeting.say([])
    rekeys = [one for one in meeting.sent if one.label == "REKEY"]
    theirs = [one for one in meeting.heard if one.label == "REKEY"]
    assert len(rekeys) > 5
    assert len(theirs) > 5
    assert [event.envelope.body for event in meeting.of(MessageReceived)] == list(range(20))  # type: ignore[union-attr]
    assert meeting.bodies == list(range(20))
    assert meeting.peer.noted == []


@pytest.mark.parametrize("role", ROLES)
def test_ping(role: str) -> None:
    """Each answers the other's PING with its bytes."""
    meeting = Scene("psk", role).meet().run()
    meeting.say([meeting.peer.ping(b"12345678")])
    assert [one.payload for one in meeting.peer.records if one.type == RecordType.PONG] == [b"12345678"]
    idle = meeting.reference.next_timer()
    assert idle is not None
    meeting.now = START + Settings().timeouts.idle + 1
    meeting.reference.handle_timer(meeting.now)
    meeting.say([])
    assert "PING" in [one.label for one in meeting.heard]
    assert meeting.sent[-1].label == "PONG"


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("closer", ["peer", "reference"])
def test_close(role: str, closer: str) -> None:
    """Both count the same number of messages, and both ends are clean."""
    meeting = Scene("x509", role).meet().run()
    talk(meeting)
    if closer == "peer":
        meeting.say([meeting.peer.close()])
    else:
        meeting.reference.close(meeting.now)
        meeting.say([])
    (end,) = meeting.of(Closed)
    assert isinstance(end, Closed)
    assert end.how == (How.CLEAN if closer == "peer" else How.LOCAL)
    assert (end.sent, end.received, end.acknowledged) == (3, 3, 3)
    assert meeting.peer.close_heard
    assert meeting.peer.noted == []


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("mode", MODES)
def test_profile_d(mode: str, role: str) -> None:
    """Records that may be lost: a session, messages, and keys that follow the numbers."""
    settings = Settings(datagram=True, epoch_bits=4)
    scene = Scene(
        mode,
        role,
        settings=settings,
        reference={"datagram": True},
        peer={"datagram": True, "epoch_bits": 4},
    )
    meeting = scene.meet().run()
    agree(meeting)
    talk(meeting)
    for number in range(40):
        meeting.say(meeting.peer.event(number))
        meeting.reference.send_event(Message("app.message", number))
        meeting.say([])
    assert len(meeting.of(MessageReceived)) == 41
    assert meeting.bodies[-40:] == list(range(40))
    meeting.say(meeting.peer.rekey())
    meeting.say(meeting.peer.event("behind the epoch"))
    assert len(meeting.of(MessageReceived)) == 42
    assert meeting.peer.noted == []


def test_profiles_do_not_meet() -> None:
    """A stream peer and a datagram reference do not come together."""
    meeting = Scene(
        "x509", "responder", settings=replace(Settings(), datagram=True), reference={"datagram": True}
    )
    joined = meeting.meet().run()
    assert len(joined.of(Rejected)) == 1
    assert not joined.peer.established


def test_names() -> None:
    """The peer reads the names that the reference proves."""
    meeting = Scene("psk", "initiator").meet().run()
    assert meeting.peer.agreed is not None
    assert meeting.peer.agreed.names == (parties.SERVER, parties.CLIENT)
