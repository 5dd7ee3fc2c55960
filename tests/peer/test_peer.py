"""What two peers say to each other, what each finds wrong with the other, and what is kept."""

import pytest
from peers import ALICE, BOB, Pair, config, entropy, pair

from ipc_gauntlet.peer import (
    Autopilot,
    HandshakeQuirks,
    Heard,
    HeardMessage,
    Identity,
    Noted,
    Outgoing,
    Peer,
    Quirks,
    RecordQuirks,
    RecordType,
    cbor,
)
from ipc_gauntlet.peer.noise import NoiseError


def noted(talk: Pair, frames: list[Outgoing]) -> list[str]:
    """What the responder finds wrong with frames of the initiator."""
    talk.deliver("initiator", frames)
    return talk.responder.peer.noted


@pytest.mark.parametrize(
    ("suites", "offered", "said"),
    [
        ((1,), (1,), ["offer", "message3", "READY"]),
        ((0x11,), (0x11,), ["offer", "READY"]),
        ((2,), (0x0A0A, 2), ["offer", "choice", "message3", "READY"]),
        ((0x12,), (0x11, 0x12), ["offer", "choice", "READY"]),
        ((2,), (1,), ["offer"]),
    ],
)
def test_what_an_initiator_says(suites: tuple[int, ...], offered: tuple[int, ...], said: list[str]) -> None:
    """Without quirks the steps are those of the page."""
    talk = Pair(
        Autopilot(Peer(config("initiator", suites=offered), entropy(0))),
        Autopilot(Peer(config("responder", suites=suites), entropy(1))),
    ).start()
    assert talk.labels("initiator") == said
    assert talk.initiator.peer.established == (said[-1] == "READY")
    assert talk.initiator.peer.rejected == (said == ["offer"])
    assert talk.noted == []


def test_both_see_the_same() -> None:
    """Channel binding, names, chains and keys."""
    talk = pair(suites=(0x21,)).start()
    ours, theirs = talk.initiator.peer, talk.responder.peer
    assert ours.agreed is not None
    assert theirs.agreed is not None
    assert ours.agreed.binding == theirs.agreed.binding
    assert ours.agreed.mode == "x509+psk"
    assert ours.agreed.chain == (b"leaf of bob",)
    assert ours.sealer is not None
    assert theirs.opener is not None
    assert ours.sealer.state == theirs.opener.state


@pytest.mark.parametrize("size", [1, 7, 64])
def test_any_segmentation(size: int) -> None:
    """Bytes may be cut anywhere."""
    talk = pair()
    waiting = {"initiator": b"".join(one.data for one in talk.initiator.begin()), "responder": b""}
    while any(waiting.values()):
        for role, other in (("initiator", "responder"), ("responder", "initiator")):
            data, waiting[role] = waiting[role], b""
            for at in range(0, len(data), size):
                for one in getattr(talk, other).receive(data[at : at + size]):
                    if isinstance(one, Outgoing):
                        waiting[other] += one.data
    assert talk.initiator.peer.established
    assert talk.responder.peer.established
    assert talk.initiator.waiting == talk.responder.waiting == b""


def test_what_is_heard_is_kept() -> None:
    """Frames, records and messages, with what is in them."""
    talk = pair().start()
    talk.deliver("initiator", talk.initiator.peer.request("app.echo", b"x", {6: b"k" * 16}))
    assert [one.label for who, one in talk.heard if who == "responder"] == [
        "offer",
        "message3",
        "READY",
        "MSG",
        "message",
    ]
    (message,) = talk.responder.peer.messages
    assert isinstance(message, HeardMessage)
    assert message.fields == {0: 1, 1: 0, 2: 0, 4: "app.echo", 6: b"k" * 16, 7: 30000, 14: b"x"}
    assert talk.initiator.peer.responses[0][0].fields[15] == 0
    assert HeardMessage("message", b"", {1: "x"}).kind == -1


BAD_RECORDS = {
    "READY again": (lambda peer: [peer.ready()], "READY: READY comes once, and first"),
    "a map with a key too many": (
        lambda peer: [peer.record(RecordType.CLOSE, cbor.encode({0: 0, 1: 0, 2: 0, 3: 0}))],
        "CLOSE: keys [0, 1, 2, 3] instead of [0, 1, 2]",
    ),
    "no map": (lambda peer: [peer.record(RecordType.CLOSE, b"\x01")], "CLOSE: no map with numbers as keys"),
    "no CBOR": (
        lambda peer: [peer.record(RecordType.ERROR, b"\xff")],
        "ERROR: an indefinite length, or a reserved head",
    ),
    "a flag": (
        lambda peer: [peer.record(RecordType.CLOSE, cbor.encode({0: 0, 1: 0, 2: 0}), 1)],
        "CLOSE: an undefined flag",
    ),
    "a flag of MSG": (
        lambda peer: [peer.record(RecordType.MSG, b"x", 7)],
        "MSG: MSG with an undefined flag, or without a byte",
    ),
    "an empty fragment": (
        lambda peer: [peer.record(RecordType.MSG, b"", 3)],
        "MSG: MSG with an undefined flag, or without a byte",
    ),
    "no first fragment": (
        lambda peer: [peer.record(RecordType.MSG, b"x", 2)],
        "MSG: MSG out of turn: FIRST inside of a message, or none at its start",
    ),
    "a message that is no CBOR": (
        lambda peer: peer.payload(b"\xff"),
        "MSG: a message that is no deterministic CBOR: an indefinite length, or a reserved head",
    ),
    "a message without a number": (
        lambda peer: peer.payload(b"\xa0"),
        "MSG: a message that is no map, or has no number",
    ),
    "a wrong number": (
        lambda peer: peer.message({1: 2, 2: 9, 4: "app.message"}),
        "message: message number 9 instead of 0",
    ),
    "a body beyond its frame": (lambda peer: [peer.sealed(b"\xff\xff")], "the body is longer than its frame"),
    "a body of one byte": (lambda peer: [peer.sealed(b"\0\1\3")], "a body of less than 2 bytes"),
    "a nonce that is not the next": (
        lambda peer: [peer.sealed(bytes(64), n=77)],
        "a record that does not authenticate",
    ),
    "an error code of 0": (
        lambda peer: [peer.record(RecordType.ERROR, cbor.encode({0: 0, 1: bytes(8)}))],
        "ERROR: key 0 is 0, not from 1 to 255",
    ),
    "an error without a reference": (
        lambda peer: [peer.record(RecordType.ERROR, cbor.encode({0: 1, 1: b"short"}))],
        "ERROR: no reference of 8 bytes",
    ),
    "a short PING": (lambda peer: [peer.ping(b"short")], "PING: an undefined flag, or not 8 bytes"),
    "a PONG nobody asked for": (
        lambda peer: [peer.pong(bytes(8))],
        "PONG: not the bytes of the oldest PING that is not yet answered",
    ),
    "a message without a kind": (lambda peer: peer.message({}), "message: no kind of message"),
    "a record behind CLOSE": (lambda peer: [peer.close(), peer.ping()], "PING behind CLOSE"),
}


@pytest.mark.parametrize("what", BAD_RECORDS)
def test_a_breach_is_noted(what: str) -> None:
    """What the other side does wrong is kept in words."""
    make, text = BAD_RECORDS[what]
    talk = pair().start()
    assert noted(talk, make(talk.initiator.peer)) == [text]  # type: ignore[no-untyped-call]
    assert any(isinstance(one, Noted) for _, one in talk.heard)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({0: 1023}, "READY: key 0 is 1023, not from 1024 to 16777216"),
        ({1: 0}, "READY: key 1 is 0, not from 1 to 65535"),
        ({2: True}, "READY: key 2 is True, not from 2 to 4294967296"),
        ({3: 86_400_001}, "READY: key 3 is 86400001, not from 1 to 86400000"),
        ({4: None}, "READY: no list of up to 64 features"),
        ({4: [1 << 16]}, "READY: a feature that is no u16"),
        ({4: [2, 1]}, "READY: features that are not strictly ascending"),
    ],
)
def test_values_of_ready_have_ranges(fields: dict[int, object], text: str) -> None:
    """Each value out of its range is noted."""
    usual = config("initiator").ready.fields()
    body = cbor.encode({**usual, **fields})
    assert pair(Quirks(record=RecordQuirks(ready=body))).start().responder.peer.noted == [text]


def test_a_breach_in_the_handshake_is_noted() -> None:
    """A message that does not authenticate, and bytes that are no frame at all."""
    talk = pair(Quirks(handshake=HandshakeQuirks(tag_flip=1))).start()
    assert talk.responder.peer.noted[0] == "handshake frame: it does not authenticate"
    lost = Autopilot(Peer(config("responder"), entropy(1)))
    assert [one.label for one in lost.receive(b"GET / HTTP/1.1\r\n\r\n")] == ["garbage"]
    assert [one.label for one in lost.receive(b"more")] == ["garbage"]
    malformed = Autopilot(Peer(config("responder"), entropy(1)))
    malformed.receive(b"\0\x05SIPC\0\0\0")
    assert malformed.peer.noted == ["handshake frame: the structure ends too early"]


def test_a_record_before_there_are_keys() -> None:
    """Early records are sealed with what Split would give, and who has no keys cannot read them."""
    talk = pair()
    early = [talk.initiator.peer.offer(), talk.initiator.peer.ping()]
    assert early[1].label == "PING"
    responder = talk.responder
    responder.disengage()
    responder.receive(early[0].data)
    first, _ = responder.peer.negotiating.early()
    assert first.key != b""
    assert len(early[1].data) == 2 + 64 + 16


def test_what_was_not_answered_is_answered_later() -> None:
    """A responder that is engaged late answers what came before, unless that was answered by hand."""
    talk = pair()
    (offer,) = talk.initiator.begin()
    talk.responder.disengage()
    talk.responder.receive(offer.data)
    talk.responder.answered()
    assert talk.responder.engage() == []
    again = pair()
    again.responder.disengage()
    again.responder.receive(again.initiator.begin()[0].data)
    assert [one.label for one in again.responder.engage()] == ["accept"]


def test_a_responder_that_cannot_go_on_says_why() -> None:
    """Message 1 under another key is noted, not raised, when the autopilot meets it; by hand it is raised."""
    talk = pair(Quirks(handshake=HandshakeQuirks(psk=b"q" * 32)), suites=(0x11,)).start()
    assert talk.responder.peer.noted == ["offer: it does not authenticate"]
    fresh = Peer(config("initiator"), entropy(0))
    with pytest.raises(NoiseError):
        fresh.message3()
    with pytest.raises(NoiseError, match="initiator's"):
        Peer(config("responder"), entropy(0)).message3()


def test_rekey_follows_the_count() -> None:
    """No key protects more records than the smaller announcement, the REKEY included, and no message is cut by one."""
    from ipc_gauntlet.peer import ReadyValues

    talk = pair(Quirks(record=RecordQuirks(fragment=10)), ready=ReadyValues(rekey_after_records=6)).start()
    for size in (5, 30, 5, 5, 40, 5, 5, 5):
        talk.deliver("initiator", talk.initiator.peer.event(b"x" * size))
    labels = talk.labels("initiator")[2:]
    runs = " ".join(labels).split("REKEY")
    assert len(runs) > 3
    assert len(talk.responder.peer.messages) == 8
    assert talk.noted == []


@pytest.mark.parametrize("shift", [4, 6])
def test_profile_d_with_losses_and_disorder(shift: int) -> None:
    """Records arrive in any order or not at all, over several epochs."""
    talk = pair(datagram=True, epoch_bits=shift).start()
    assert talk.initiator.peer.established
    frames = [talk.initiator.peer.event(number)[0] for number in range(40)]
    order = [*frames[1:10:2], *frames[0:10:2], *frames[12:]]
    for one in order:
        talk.responder.receive(one.data)
    bodies = [one.fields[14] for one in talk.responder.peer.messages]
    assert bodies == [1, 3, 5, 7, 9, 0, 2, 4, 6, 8, *range(12, 40)]
    talk.deliver("initiator", talk.initiator.peer.rekey())
    talk.deliver("initiator", talk.initiator.peer.event("next epoch"))
    assert talk.responder.peer.messages[-1].fields[14] == "next epoch"
    assert talk.noted == []
    talk.deliver("initiator", [talk.initiator.peer.close()])
    assert talk.responder.peer.noted == []


def test_profile_d_refuses_a_number_far_away() -> None:
    """A number beyond the next epoch is not even tried."""
    talk = pair(datagram=True, epoch_bits=4).start()
    assert noted(talk, [talk.initiator.peer.sealed(bytes(64), n=1000)]) == [
        "a record that does not authenticate"
    ]


def test_identities_come_from_credentials() -> None:
    """Credentials as the driver protocol has them; a kind that SIPC/1 does not have is refused."""
    psk = {"kind": "psk", "id": "k", "key": "a2V5", "self": ALICE, "other": BOB}
    assert Identity.of(psk) == Identity(ALICE, BOB, None, (), "k", b"key")
    with pytest.raises(ValueError, match="raw-key"):
        Identity.of({"kind": "raw-key"})


def test_heard_are_values() -> None:
    """They compare and print."""
    assert Heard("x", b"y") == Heard("x", b"y")
