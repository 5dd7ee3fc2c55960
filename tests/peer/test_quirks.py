"""Each quirk changes what is sent in the way it says; no other byte of the rules moves."""

import dataclasses
from collections.abc import Callable

import pytest
from peers import ALICE, BOB, Pair, config, entropy, pair

from ipc_gauntlet.peer import (
    CertificateQuirks,
    EnvelopeQuirks,
    HandshakeQuirks,
    NegotiationQuirks,
    Outgoing,
    Peer,
    Quirks,
    ReadyValues,
    RecordQuirks,
    TimingQuirks,
    cbor,
)
from ipc_gauntlet.peer.negotiation import Choice, Offer, Reject, Retry
from ipc_gauntlet.peer.noise import KeyPair, SymmetricState
from ipc_gauntlet.peer.suites import SUITES

GROUPS = {
    "negotiation": NegotiationQuirks,
    "handshake": HandshakeQuirks,
    "certificate": CertificateQuirks,
    "record": RecordQuirks,
    "envelope": EnvelopeQuirks,
    "timing": TimingQuirks,
}


def quirk(name: str, value: object) -> Quirks:
    """A single quirk, by `group.field`."""
    group, field = name.split(".")
    return Quirks(**{group: GROUPS[group](**{field: value})})  # type: ignore[arg-type]


def offer(name: str, value: object) -> Offer:
    """The OFFER of an initiator with a quirk."""
    made = Peer(config("initiator"), entropy(0), quirk(name, value)).offer()
    return Offer.decode(negotiation(made))


def negotiation(made: Outgoing) -> bytes:
    """The negotiation field of a frame."""
    return made.data[2 : 2 + int.from_bytes(made.data[:2])]


def message(made: Outgoing) -> bytes:
    """The Noise message of a frame."""
    at = 2 + int.from_bytes(made.data[:2])
    assert len(made.data) == at + 2 + int.from_bytes(made.data[at : at + 2])
    return made.data[at + 2 :]


def by_initiator(name: str, value: object, **changes: object) -> Pair:
    return pair(quirk(name, value), **changes).start()


def by_responder(name: str, value: object, **changes: object) -> Pair:
    return pair(Quirks(), quirk(name, value), **changes).start()


def said(talk: Pair, who: str, label: str) -> list[Outgoing]:
    return [one for sender, one in talk.said if sender == who and one.label == label]


def established(talk: Pair) -> bool:
    return talk.initiator.peer.established and talk.responder.peer.established


def ready_plaintext(name: str, value: object) -> bytes:
    """The plaintext of READY, padding and all, from an initiator with a quirk."""
    talk = pair(quirk(name, value)).start()
    (ready,) = said(talk, "initiator", "READY")
    opener = talk.responder.peer.opener
    assert opener is not None
    state = opener.state.copy()
    state.n = 0
    return state.open(ready.data[2:])


def event(name: str, value: object, body: object = b"body") -> bytes:
    """The bytes of an event from an initiator with a quirk, before it is cut into records."""
    made = Peer(config("initiator"), entropy(0), quirk(name, value))
    return made.outbound.encode({1: 2, 4: "app.message", 14: body})


def spoken(talk: Pair, frames: list[Outgoing]) -> list[object]:
    """What the responder hears of frames of the initiator."""
    before = len(talk.heard)
    talk.deliver("initiator", frames)
    return [one for who, one in talk.heard[before:] if who == "responder"]


# -- one check for each quirk ---------------------------------------------------------------------------------------------


def negotiation_offer() -> None:
    made = Peer(config("initiator"), entropy(0), quirk("negotiation.offer", b"SIPC\0whatever")).offer()
    assert negotiation(made) == b"SIPC\0whatever"


def negotiation_suites() -> None:
    assert offer("negotiation.suites", (7, 1)).suites == (7, 1)
    made = Peer(config("initiator"), entropy(0), quirk("negotiation.suites", ())).offer()
    assert negotiation(made)[8] == 0


def negotiation_versions() -> None:
    made = offer("negotiation.versions", (1, 9, 4))
    assert (made.lowest, made.highest, made.chosen) == (1, 9, 4)


def negotiation_psk_id() -> None:
    assert offer("negotiation.psk_id", b"other").psk_id == b"other"


def negotiation_service() -> None:
    assert offer("negotiation.service", b"other").service == b"other"


def negotiation_trailing() -> None:
    made = Peer(config("initiator"), entropy(0), quirk("negotiation.trailing", b"more")).offer()
    assert negotiation(made).endswith(BOB.encode() + b"more")


def negotiation_reserved() -> None:
    talk = by_responder("negotiation.reserved", b"\0\0\1", suites=(1, 2))
    made = talk.responder.peer.retry(1, 2)
    assert negotiation(made) == Retry(1, 2, b"\0\0\1").encode()


def negotiation_retry() -> None:
    talk = by_responder("negotiation.retry", (1, 2), suites=(1, 2))
    assert [negotiation(one) for one in said(talk, "responder", "retry")] == [Retry(1, 2).encode()]
    assert established(talk)


def negotiation_retries() -> None:
    quirks = Quirks(negotiation=NegotiationQuirks(retry=(1, 2), retries=2))
    talk = pair(Quirks(), quirks, suites=(1, 2)).start()
    assert len(said(talk, "responder", "retry")) == 2


def negotiation_reject() -> None:
    talk = by_responder("negotiation.reject", (3, 250))
    assert [negotiation(one) for one in said(talk, "responder", "reject")] == [Reject(1, 3, 250).encode()]
    assert talk.initiator.peer.rejected


def negotiation_choice() -> None:
    quirks = Quirks(negotiation=NegotiationQuirks(choice=(9, 9)))
    talk = pair(quirks, Quirks(negotiation=NegotiationQuirks(retry=(1, 2))), suites=(1, 2)).start()
    assert [negotiation(one) for one in said(talk, "initiator", "choice")] == [Choice(9, 9).encode()]


def negotiation_accept_as() -> None:
    talk = by_responder("negotiation.accept_as", (1, 2), suites=(1, 2))
    assert said(talk, "responder", "accept")
    assert not established(talk)


def negotiation_message1() -> None:
    made = Peer(config("initiator"), entropy(0), quirk("negotiation.message1", b"short")).offer()
    assert message(made) == b"short"


def handshake_prologue() -> None:
    talk = by_initiator("handshake.prologue", b"another")
    assert talk.initiator.peer.negotiating.prologue == b"another"
    assert not established(talk)


def handshake_application() -> None:
    talk = by_initiator("handshake.application", b"SIPC/9")
    assert talk.initiator.peer.negotiating.prologue.endswith(BOB.encode() + b"SIPC/9")
    assert not established(talk)


def handshake_hash_name() -> None:
    talk = by_initiator("handshake.hash_name", SUITES[2].name)
    assert not established(talk)
    plain, spoilt = (begun(one) for one in (Quirks(), quirk("handshake.hash_name", SUITES[2].name)))
    assert plain.h != spoilt.h
    assert plain.ck == spoilt.ck


def handshake_key_name() -> None:
    talk = by_initiator("handshake.key_name", SUITES[2].name)
    assert not established(talk)
    plain, spoilt = (begun(one) for one in (Quirks(), quirk("handshake.key_name", SUITES[2].name)))
    assert plain.h == spoilt.h
    assert plain.ck != spoilt.ck


def handshake_cipher() -> None:
    talk = by_initiator("handshake.cipher", "AESGCM")
    assert not established(talk)
    plain, spoilt = (begun(one) for one in (Quirks(), quirk("handshake.cipher", "AESGCM")))
    assert (plain.h, plain.ck) == (spoilt.h, spoilt.ck)
    assert spoilt.cipher.cipher == "AESGCM"


def begun(quirks: Quirks) -> SymmetricState:
    """The Noise state of an initiator that has made its offer."""
    made = Peer(config("initiator"), entropy(0), quirks)
    made.offer()
    assert made.negotiating.noise is not None
    return made.negotiating.noise.symmetric


def handshake_ephemeral() -> None:
    made = Peer(config("initiator"), entropy(0), quirk("handshake.ephemeral", bytes(32))).offer()
    assert message(made) == bytes(32)


def handshake_static() -> None:
    talk = by_initiator("handshake.static", b"\1" + bytes(31))
    assert talk.responder.peer.agreed is not None
    assert talk.responder.peer.agreed.remote_static == b"\1" + bytes(31)


def handshake_static_private() -> None:
    talk = by_initiator("handshake.static_private", b"z" * 32)
    assert talk.responder.peer.agreed is not None
    assert talk.responder.peer.agreed.remote_static == KeyPair.of(b"z" * 32).public
    assert talk.responder.peer.agreed.chain == config("initiator").identity.chain


def handshake_psk() -> None:
    talk = by_initiator("handshake.psk", b"q" * 32, suites=(0x11,))
    assert any("authenticate" in text for text in talk.responder.peer.noted)
    assert not established(talk)


def handshake_payload1() -> None:
    made = Peer(config("initiator"), entropy(0), quirk("handshake.payload1", b"early")).offer()
    assert message(made)[32:] == b"early"


def handshake_payload() -> None:
    talk = by_initiator("handshake.payload", b"\0\1x")
    assert talk.responder.peer.negotiating.remote_payload == b"\0\1x"


def handshake_tag_bytes() -> None:
    usual, short = pair().start(), by_initiator("handshake.tag_bytes", 8)
    (one,), (other,) = said(usual, "initiator", "message3"), said(short, "initiator", "message3")
    assert message(other) == message(one)[:-8]


def handshake_tag_flip() -> None:
    usual, flipped = pair().start(), by_initiator("handshake.tag_flip", 0x80)
    (one,), (other,) = said(usual, "initiator", "message3"), said(flipped, "initiator", "message3")
    assert other.data == one.data[:-1] + bytes([one.data[-1] ^ 0x80])


def handshake_tail() -> None:
    usual, longer = pair().start(), by_initiator("handshake.tail", b"more")
    (one,), (other,) = said(usual, "initiator", "message3"), said(longer, "initiator", "message3")
    assert message(other) == message(one) + b"more"


def handshake_message_negotiation() -> None:
    talk = by_initiator("handshake.message_negotiation", b"SIPC\x09")
    (third,) = said(talk, "initiator", "message3")
    assert negotiation(third) == b"SIPC\x09"


def certificate_chain() -> None:
    talk = by_initiator("certificate.chain", (b"somebody", b"else"))
    assert talk.responder.peer.agreed is not None
    assert talk.responder.peer.agreed.chain == (b"somebody", b"else")


def certificate_own_name() -> None:
    talk = by_initiator("certificate.own_name", "me", suites=(0x11,))
    assert talk.responder.peer.agreed is not None
    assert talk.responder.peer.agreed.names == ("me", BOB)


def certificate_other_name() -> None:
    talk = by_initiator("certificate.other_name", "you", suites=(0x11,))
    assert talk.responder.peer.agreed is not None
    assert talk.responder.peer.agreed.names == (ALICE, "you")


def certificate_body() -> None:
    talk = by_initiator("certificate.body", cbor.encode({1: []}))
    assert talk.responder.peer.negotiating.remote_payload[:5] == b"\0\3" + cbor.encode({1: []})
    assert talk.responder.peer.noted == ["payload of a handshake message: not 1 to 3 certificates"]


def record_ready() -> None:
    assert ready_plaintext("record.ready", b"\xa0")[2:5] == b"\1\0\xa0"


def record_skip_ready() -> None:
    assert said(by_initiator("record.skip_ready", value=True), "initiator", "READY") == []


def record_eager_ready() -> None:
    talk = pair(quirk("record.skip_ready", value=True), quirk("record.eager_ready", value=True)).start()
    assert len(said(talk, "responder", "READY")) == 1


def record_ratchet() -> None:
    talk = by_initiator("record.ratchet", value=False)
    talk.deliver("initiator", talk.initiator.peer.rekey())
    spoken(talk, [talk.initiator.peer.ping()])
    assert talk.noted == ["a record that does not authenticate"]


def record_rekeys() -> None:
    for value, count in ((True, 4), (False, 0)):
        talk = by_initiator("record.rekeys", value=value, ready=ReadyValues(rekey_after_records=3))
        for number in range(8):
            talk.deliver("initiator", talk.initiator.peer.event(number))
        assert len(said(talk, "initiator", "REKEY")) == count


def record_stuck_nonce() -> None:
    talk = by_initiator("record.stuck_nonce", 0)
    first, second = talk.initiator.peer.ping(), talk.initiator.peer.ping()
    assert first == second


def record_tag_bytes() -> None:
    (ready,) = said(by_initiator("record.tag_bytes", 4), "initiator", "READY")
    (usual,) = said(pair().start(), "initiator", "READY")
    assert ready.data[2:] == usual.data[2:-12]
    assert int.from_bytes(ready.data[:2]) == len(ready.data) - 2


def record_block() -> None:
    assert len(ready_plaintext("record.block", 1)) == 2 + int.from_bytes(
        ready_plaintext("record.block", 1)[:2]
    )
    assert len(ready_plaintext("record.block", 256)) == 256


def record_fill() -> None:
    assert ready_plaintext("record.fill", 0xAA).endswith(b"\xaa" * 8)


def record_length_off() -> None:
    usual, longer = ready_plaintext("record.length_off", 0), ready_plaintext("record.length_off", 60)
    assert int.from_bytes(longer[:2]) == int.from_bytes(usual[:2]) + 60


def record_fragment() -> None:
    talk = by_initiator("record.fragment", 10)
    frames = talk.initiator.peer.event(b"x" * 30)
    assert len(frames) == 6
    assert talk.responder.peer.messages == []
    spoken(talk, frames)
    assert talk.responder.peer.messages[0].fields[14] == b"x" * 30


def record_first_flag() -> None:
    talk = by_initiator("record.first_flag", value=False)
    spoken(talk, talk.initiator.peer.event(b"x"))
    assert talk.responder.peer.records[-1].flags == 2


def record_last_flag() -> None:
    talk = by_initiator("record.last_flag", value=False)
    spoken(talk, talk.initiator.peer.event(b"x"))
    assert talk.responder.peer.records[-1].flags == 1
    assert talk.responder.peer.messages == []


def record_sent_off() -> None:
    talk = by_initiator("record.sent_off", 1)
    spoken(talk, [talk.initiator.peer.close()])
    assert talk.responder.peer.noted == ["CLOSE: says that 1 messages were sent, 0 came"]


def record_processed_off() -> None:
    talk = by_initiator("record.processed_off", 3)
    spoken(talk, [talk.initiator.peer.close()])
    assert talk.responder.peer.noted == ["CLOSE: says that 3 messages were processed, 0 were sent"]


def record_pong() -> None:
    talk = by_responder("record.pong", b"wrong---")
    spoken(talk, [talk.initiator.peer.ping()])
    assert talk.initiator.peer.records[-1].payload == b"wrong---"


def envelope_first_mid() -> None:
    assert cbor.decode(event("envelope.first_mid", 5))[2] == 5  # type: ignore[index]


def envelope_mid_step() -> None:
    made = Peer(config("initiator"), entropy(0), quirk("envelope.mid_step", 0))
    numbers = [cbor.decode(made.outbound.encode({1: 2}))[2] for _ in range(3)]  # type: ignore[index]
    assert numbers == [0, 0, 0]


def envelope_corr_off() -> None:
    talk = by_responder("envelope.corr_off", 7)
    talk.deliver("initiator", talk.initiator.peer.request("app.echo", b"x"))
    assert list(talk.initiator.peer.responses) == [7]


def envelope_copies() -> None:
    talk = by_responder("envelope.copies", 3)
    talk.deliver("initiator", talk.initiator.peer.request("app.echo", b"x"))
    assert [one.fields[2] for one in talk.initiator.peer.responses[0]] == [0, 1, 2]


def envelope_descending() -> None:
    made = event("envelope.descending", value=True)
    with pytest.raises(cbor.CborError, match="ascending"):
        cbor.decode(made)
    assert made.startswith(b"\xa5\x0e")


def envelope_wide() -> None:
    with pytest.raises(cbor.CborError, match="longer than it needs"):
        cbor.decode(event("envelope.wide", value=True))


def envelope_without() -> None:
    assert set(cbor.decode(event("envelope.without", (0, 4)))) == {1, 2, 14}  # type: ignore[call-overload]


def timing_stop_after() -> None:
    assert by_initiator("timing.stop_after", "message3").labels("initiator") == ["offer", "message3"]
    assert by_initiator("timing.stop_after", "nothing").labels("initiator") == []


def timing_dribble_s() -> None:
    # The core sends nothing; tests/lab/test_wire.py shows bytes one by one. It is in the evidence, as all others are.
    assert quirk("timing.dribble_s", 0.5).describe() == ["timing.dribble_s = 0.5"]


def timing_pings() -> None:
    talk = by_responder("timing.pings", value=False)
    spoken(talk, [talk.initiator.peer.ping()])
    assert said(talk, "responder", "PONG") == []


def timing_requests() -> None:
    talk = by_responder("timing.requests", value=False)
    talk.deliver("initiator", talk.initiator.peer.request("app.echo", b"x"))
    assert talk.initiator.peer.responses == {}


def timing_closes() -> None:
    talk = by_responder("timing.closes", value=False)
    spoken(talk, [talk.initiator.peer.close()])
    assert said(talk, "responder", "CLOSE") == []


EVERY = [f"{group}.{field.name}" for group, kind in GROUPS.items() for field in dataclasses.fields(kind)]
CHECKS: dict[str, Callable[[], None]] = {
    name: globals()[name.replace(".", "_")] for name in EVERY if name.replace(".", "_") in globals()
}


def test_every_quirk_has_a_check() -> None:
    """A new quirk comes with the proof that it does what it says."""
    assert set(CHECKS) == set(EVERY)


@pytest.mark.parametrize("name", EVERY)
def test_a_quirk_does_what_it_says(name: str) -> None:
    """See the check of the same name."""
    CHECKS[name]()


@pytest.mark.parametrize("suite", [1, 2, 0x11, 0x12, 0x21])
def test_without_quirks_nothing_is_wrong(suite: int) -> None:
    """Two peers without quirks find nothing to say about each other."""
    talk = pair(suites=(suite,)).start()
    talk.deliver("initiator", talk.initiator.peer.request("app.echo", b"x"))
    talk.deliver("responder", [talk.responder.peer.ping()])
    talk.deliver("initiator", [talk.initiator.peer.close()])
    assert established(talk)
    assert talk.noted == []
    assert Quirks().describe() == []


def test_every_quirk_is_described() -> None:
    """The evidence of a case shows every value that is not its default, bytes in short."""
    quirks = Quirks(
        handshake=HandshakeQuirks(payload=bytes(100)), certificate=CertificateQuirks(chain=(b"a",))
    )
    assert quirks.describe() == [
        f"handshake.payload = 100 bytes {bytes(16).hex()}",
        "certificate.chain = 1 byte strings",
    ]
