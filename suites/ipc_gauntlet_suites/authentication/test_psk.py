"""Pre-shared keys: failures that look alike, keys that are no keys, and talking to oneself."""

import time
from functools import partial

import pytest

from ipc_gauntlet import (
    CertificateQuirks,
    Deployment,
    Flip,
    HandshakeQuirks,
    Lab,
    NegotiationQuirks,
    NotApplicable,
    Outcome,
    Quirks,
    RawPeer,
    Role,
    Selector,
    Session,
    case,
    cbor,
    checks,
)
from ipc_gauntlet_suites.authentication.attempts import good, settled
from ipc_gauntlet_suites.authentication.tags import in_handshake, spoiled
from ipc_gauntlet_suites.scripts import BOTH_ROLES, numbered, try_to_talk

RUNS = 3
_DAY_S = 86400


def _shape(session: Session) -> tuple[object, ...]:
    """What the client side of the wire could see of a failure: lengths, readable text, and how it ended."""
    link = session.the_link()
    answers = link.recording("s2c")
    text = tuple(answer if answer.strip(b"\0").isascii() else b"" for answer in answers)
    return (tuple(len(answer) for answer in answers), text, link.ended("s2c") is not None)


@case("AUTH-06", credentials=("psk",), role="server")
def test_failures_look_alike(lab: Lab) -> None:
    """A wrong key, an unknown key identity, an expired key and a malformed proof must be refused with the same outward
    behaviour, or an attacker learns which identities exist."""
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"))
    issuer = lab.psk
    right = issuer.key()
    flip = Flip(at=Selector(direction="c2s", nth=0, since_mark=False), offset=-1, mask=0x01)
    wrong = issuer.key("somebody", "else")
    variants: dict[str, tuple[Deployment, tuple[Flip, ...]]] = {
        "wrong key": (issuer.untrusted("client"), ()),
        "unknown identity and wrong key": (issuer.with_keys(wrong, right, client_id="psk-nobody"), ()),
        "malformed proof": (issuer.good(), (flip,)),
    }
    if lab.facts.credential.get("ids", True):
        variants["unknown identity"] = (issuer.with_keys(right, right, client_id="psk-nobody-knows"), ())
    if lab.facts.credential.get("expiry", False):
        variants["expired key"] = (issuer.ending("server", int(time.time()) - _DAY_S), ())
    seen: dict[tuple[object, ...], list[str]] = {}
    for _ in range(RUNS):
        for name, (deployment, faults) in variants.items():
            session = lab.session(deployment=deployment, faults=faults)
            try_to_talk(session)
            session.settle_wire_end("s2c")
            outcome = session.finish()
            lab.record(session, f"connected with: {name}")
            lab.require(outcome, checks.not_established("server"), checks.nothing_delivered())
            names = seen.setdefault(_shape(session), [])
            if name not in names:
                names.append(name)
    told = "; ".join(f"{', '.join(names)} -> {shape[0]} bytes" for shape, names in seen.items())
    lab.require_that(len(seen) == 1, "one outward behaviour for every cause", told, "distinguishable")


@case("AUTH-06", credentials=("psk",), role="server", wire="sipc/1", stage="handshake")
def test_every_failure_looks_alike(lab: Lab) -> None:
    """A client fails to prove a pre-shared key in every way there is: the key, its identity, its end, the proof itself, the
    names in it. To whoever reads the wire, all of these must end in the same way."""
    good(lab, "server")
    expired = lab.psk.ending("server", int(time.time()) - _DAY_S)
    served, ended = lab.listen(), lab.listen(expired)
    wrong = lab.rng.randbytes(32)
    peer_names = CertificateQuirks(own_name="spiffe://test.example/else")
    turned = CertificateQuirks(
        own_name=served.deployment.server.name, other_name=served.deployment.client.name
    )
    identity = str((served.deployment.client.credential or {})["id"]).encode()
    attempts = {
        "wrong key": Quirks(handshake=HandshakeQuirks(psk=wrong)),
        "unknown identity": Quirks(negotiation=NegotiationQuirks(psk_id=b"psk-nobody")),
        "unknown identity and wrong key": Quirks(
            negotiation=NegotiationQuirks(psk_id=b"psk-nobody"), handshake=HandshakeQuirks(psk=wrong)
        ),
        "identity cut short": Quirks(negotiation=NegotiationQuirks(psk_id=identity[:-1])),
        "identity in capitals": Quirks(negotiation=NegotiationQuirks(psk_id=identity.upper())),
        "identity with a zero behind it": Quirks(negotiation=NegotiationQuirks(psk_id=identity + b"\0")),
        "empty identity": Quirks(negotiation=NegotiationQuirks(psk_id=b"")),
        "identity that is no text": Quirks(negotiation=NegotiationQuirks(psk_id=b"\xff\xfe")),
        "expired key": Quirks(),
        "other name": Quirks(certificate=peer_names),
        "names turned around": Quirks(certificate=turned),
        "names missing": Quirks(certificate=CertificateQuirks(body=cbor.encode({}))),
        "no names at all": Quirks(handshake=HandshakeQuirks(payload=b"")),
        "zeros as key": Quirks(handshake=HandshakeQuirks(psk=bytes(32))),
    }
    lab.stage("handshake")
    seen: dict[tuple[object, ...], list[str]] = {}
    edits = {f"tag {what}": partial(in_handshake, edit=edit) for what, edit in spoiled()}
    for what in (*attempts, *list(edits)[::4]):
        peer = lab.wire_client(
            ended if what == "expired key" else served, quirks=attempts.get(what, Quirks())
        )
        peer.offer(edits.get(what))
        settled(lab, peer)
        view = lab.iut_view(peer)
        lab.require_view(view, checks.not_established("server"), checks.nothing_delivered())
        shape = (peer.ended, tuple((one.label, len(one.data)) for one in peer.heard))
        seen.setdefault(shape, []).append(what)
        peer.hang_up()
    told = "; ".join(f"{', '.join(names)} -> {shape}" for shape, names in seen.items())
    lab.require_that(len(seen) == 1, "one outward behaviour for every cause", told, "distinguishable")


@case("AUTH-06", credentials=("psk",))
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_expired_key(lab: Lab, role: Role) -> None:
    """One side's key has an end that has passed, the other side does not know; before that end it works. Nobody may be
    let in with it afterwards."""
    if not lab.facts.credential.get("expiry", False):
        raise NotApplicable("its pre-shared keys have no end")
    lab.judge(role)
    now = int(time.time())
    later = lab.psk.ending(role, now + _DAY_S)
    lab.control(numbered("c2s", 1), checks.delivered_all("c2s"), deployment=later)
    over = lab.psk.ending(role, now - _DAY_S)
    outcome = lab.attack(try_to_talk, deployment=over, what=f"the {role}'s key ended a day ago")
    lab.require(
        outcome,
        checks.not_established("client"),
        checks.not_established("server"),
        checks.nothing_delivered(),
    )


@case("AUTH-06", credentials=("psk",))
@pytest.mark.parametrize("kind", ["short", "long", "zero", "empty", "twice"])
def test_bad_key_refused(lab: Lab, kind: str) -> None:
    """A pre-shared key that is not 32 bytes, or all zero, must be refused when it is provisioned, on both sides."""
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"))
    right = lab.psk.key()
    bad = {"short": right[:16], "long": right + b"!", "zero": bytes(32), "empty": b"", "twice": right + right}
    weak = lab.psk.with_keys(bad[kind], bad[kind])
    outcome = lab.attack(try_to_talk, deployment=weak, what=f"both sides are given the same {kind} key")
    lab.require(
        outcome,
        checks.not_established("client"),
        checks.not_established("server"),
        checks.nothing_delivered(),
    )


@case("AUTH-06", credentials=("psk",))
@pytest.mark.parametrize("change", ["suffix", "zeros-behind", "prefix", "empty"])
def test_similar_keys_differ(lab: Lab, change: str) -> None:
    """The client's key is the server's with something behind it, or only its beginning. These are different keys: either
    side refuses such a key, or the two do not meet."""
    lab.control(numbered("c2s", 1), checks.delivered_all("c2s"))
    right = lab.psk.key()
    similar = {"suffix": right + b"!", "zeros-behind": right + bytes(8), "prefix": right[:31], "empty": b""}
    for one, two in ((similar[change], right), (right, similar[change])):
        unequal = lab.psk.with_keys(one, two)
        outcome = lab.attack(try_to_talk, deployment=unequal, what=f"keys of {len(one)} and {len(two)} bytes")
        lab.require(
            outcome,
            checks.not_established("client"),
            checks.not_established("server"),
            checks.nothing_delivered(),
        )


@case("AUTH-07", role="client")
def test_selfie(lab: Lab) -> None:
    """The adversary connects a client to its own program's listener, which holds the same identity and the same key. No
    session may come of it: the peer it wants is somebody else."""
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"))
    intended = lab.issuer.good()
    itself = lab.psk.selfie() if lab.issuer.kind == "psk" else Deployment(intended.client, intended.client)
    served = lab.listen(itself.intending(intended.service), role="client")
    outcome = lab.attack(
        try_to_talk,
        served=served,
        deployment=intended,
        what="the client was connected to its own program's listener",
    )
    lab.require(
        outcome,
        checks.not_established("client"),
        checks.not_established("server"),
        checks.nothing_delivered(),
    )


@case("AUTH-07", role="client", wire="sipc/1", credentials=("x509",))
def test_selfie_by_name(lab: Lab) -> None:
    """A client that wants a peer of its own name, as the members of a group do that share one identity, meets itself. Even
    then a session with oneself is no session with a peer."""
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"))
    own = lab.issuer.good().client
    itself = Deployment(own, own)
    served = lab.listen(itself, role="client")
    outcome = lab.attack(
        try_to_talk, served=served, deployment=itself, what="the client was led to itself, under its own name"
    )
    lab.require(
        outcome,
        checks.not_established("client"),
        checks.not_established("server"),
        checks.nothing_delivered(),
    )


@case("AUTH-07", role="client")
@pytest.mark.parametrize("what", ["everything", "the-first-bytes", "twice"])
def test_echoed_bytes(lab: Lab, what: str) -> None:
    """The adversary sends the bytes of the client straight back: all of them, only the first flight, each of them twice.
    The client must not mistake its own handshake for its peer's."""
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"))
    mirror = RawPeer.listen(lab.reactor, lab.transport, lab.directory)
    lab.own(mirror.close)

    def answer(data: bytes) -> None:
        if what == "the-first-bytes" and mirror.bytes_seen > len(data):
            return
        mirror.write(data * 2 if what == "twice" else data)

    mirror.on_bytes = answer
    session = lab.session(upstream=mirror.address)
    try_to_talk(session)
    outcome: Outcome = session.finish()
    lab.record(session, f"bytes of the client were sent back to it: {what}")
    lab.require(outcome, checks.not_established("client"), checks.nothing_delivered())


@case("AUTH-07", role="server")
def test_answers_sent_back(lab: Lab) -> None:
    """A client without any key begins like a good one and then sends the server's own answers back to it. The server must
    not take them for a client's."""
    served = lab.listen()
    session = lab.session(served=served, patient=True)
    numbered("c2s", 1)(session)
    lab.require_control(session.outcome(), checks.delivered_all("c2s"))
    first = session.the_link().recording("c2s")
    session.close()
    lab.settle(lambda: session.is_over("server"))
    since = served.since()
    raw = RawPeer.dial(lab.reactor, served.address)
    lab.own(raw.close)
    raw.on_bytes = raw.write
    if first:
        raw.write(first[0])
    lab.did("replayed the first message of a client, then sent every answer of the server back")
    lab.settle(lambda: raw.ended is not None)
    raw.finish()
    lab.settle(lambda: raw.ended is not None)
    lab.stage("handshake")
    lab.require_view(served.view(since), checks.not_established("server"), checks.nothing_delivered())
