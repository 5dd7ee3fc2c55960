"""What a message says about its sender is no authority: it is a claim, and holds only with a valid signature."""

import base64
import time
from typing import Any

import pytest

from ipc_gauntlet import Lab, MessageSigner, Session, WirePeer, case
from ipc_gauntlet_suites.authentication.desk import Desk, refusals
from ipc_gauntlet_suites.scripts import open_or_stop

_MINUTE_S = 60
_BODY, _KIND, _METHOD, _EVENT = 14, 1, 4, 2
_FROM, _TO, _SIG, _ONCE = 18, 19, 20, 21
_ADDED = 70  # keys from 64 on mean nothing and are signed as well


@case("AUTH-09", wire="sipc/1", needs=("claims",), role="server", stage="established")
def test_signature_broken(lab: Lab) -> None:
    """A peer that may pass on another's messages does so, and changes them: the signature, any field that it covers, one
    that was added behind it. What the signer did not sign must be refused; what changes from hop to hop may change."""
    desk = Desk(lab)
    lab.stage("established")
    author = desk.signer.name
    desk.accepts("as it was signed", desk.signed(), author)
    desk.accepts("with a trace put in on the way", {**desk.signed(), 13: bytes(25)}, author)
    good = desk.signed()
    signature = good[_SIG]
    for at in (0, 31, 32, 63):
        flipped = bytes(byte ^ (at == index) for index, byte in enumerate(signature))
        desk.refuses(f"with byte {at} of its signature changed", {**desk.signed(), _SIG: flipped})
    desk.refuses("with a signature of zeros", {**desk.signed(), _SIG: bytes(64)})
    desk.refuses("with another message's signature", {**desk.signed(), _SIG: signature})
    changes: dict[str, dict[int, Any]] = {
        "another body": {_BODY: b"another"},
        "a body that is no more bytes": {_BODY: "text"},
        "a label added": {8: 0},
        "a purpose added": {9: "marketing"},
        "an ordering key added": {12: b"lane"},
        "a key from 64 on added": {_ADDED: b"uid=0"},
        "a schema added": {5: 1},
        "another recipient": {_TO: "spiffe://test.example/elsewhere"},
        "another sender": {_FROM: desk.pair.client.name},
        "another id": {_ONCE: [bytes(16), desk.soon]},
        "a later end": {_ONCE: [good[_ONCE][0], desk.soon + 1000]},
    }
    for what, change in changes.items():
        desk.refuses(f"with {what} after it was signed", {**desk.signed(), **change})
    with_key = desk.signed(fields={_ADDED: b"role=guest"})
    desk.refuses("with a key from 64 on changed after it was signed", {**with_key, _ADDED: b"role=admin"})
    without = {key: value for key, value in desk.signed(fields={_ADDED: b"x"}).items() if key != _ADDED}
    desk.refuses("with a signed key left out", without)
    desk.refuses("signed for another protocol", desk.signed(context=b"SIPC/2 msg"))
    stranger = lab.signer(author, "another key")
    desk.refuses("signed with another key", desk.signed(signer=stranger))
    desk.accepts("with an unknown key that is signed", desk.signed(fields={_ADDED: b"x"}), author)


@case("AUTH-09", wire="sipc/1", needs=("claims",), role="server", stage="established")
def test_signature_for_nobody_here(lab: Lab) -> None:
    """Messages whose signature is valid, and which are not for this recipient, not for now, from nobody whom it believes,
    or brought by somebody who may not speak for the signer."""
    desk = Desk(lab)
    lab.stage("established")
    desk.accepts("as it was signed", desk.signed(), desk.signer.name)
    desk.accepts("signed by its carrier", desk.signed(signer=desk.own), desk.own.name)
    for name in (desk.pair.client.name, "spiffe://test.example/elsewhere", desk.pair.server.name + "/", "x"):
        desk.refuses(f"for {name}", desk.signed(to=name))
    desk.refuses("that ended a minute ago", desk.signed(expires_s=int(time.time()) - _MINUTE_S))
    nobody = lab.signer("spiffe://test.example/nobody")
    desk.refuses("of an unknown signer", desk.signed(signer=nobody))
    desk.refuses(
        "of an unknown signer under the author's name", desk.signed(signer=nobody, name=desk.signer.name)
    )
    desk.refuses("of the author under the carrier's name", desk.signed(name=desk.own.name))
    direct = Desk(lab, via=False)
    direct.accepts("signed by its carrier", direct.signed(signer=direct.own), direct.own.name)
    direct.refuses("through somebody who may not pass it on", direct.signed())


@case("AUTH-09", wire="sipc/1", role="server", stage="established")
@pytest.mark.parametrize("signers", ["none", "some"])
def test_bare_claims(lab: Lab, signers: str) -> None:
    """A client says in its message that it is somebody else: a name alone, without or with parts of a signature, and keys
    that mean nothing. It is refused, or taken for a message of the client; and nothing is done in another's name."""
    believed = lab.has("claims") and signers == "some"
    author = lab.signer("spiffe://test.example/author")
    options = {"signers": [author.option(lab.issuer.good().client.name)]} if believed else {}
    served = lab.listen(options=options)
    client = lab.issuer.good().client.name
    control = lab.wire_client(served)
    lab.require_control_that(control.handshake(), f"no session ({control.ended})")
    control.event(lab.payload("plain"))
    heard = lab.settle(lambda: bool(lab.iut_view(control).delivered))
    lab.require_control_that(heard, "an event without claims was not delivered")
    lab.stage("established")
    once = [lab.key(), int(time.time()) + _MINUTE_S]
    claims: dict[str, dict[int, Any]] = {
        "a sender alone": {_FROM: author.name},
        "a sender and a recipient": {_FROM: author.name, _TO: lab.issuer.good().server.name},
        "a sender and an id": {_FROM: author.name, _ONCE: once},
        "all but a signature": {_FROM: author.name, _TO: lab.issuer.good().server.name, _ONCE: once},
        "a signature alone": {_SIG: bytes(64)},
        "a signature that is none": {_FROM: author.name, _TO: "x", _ONCE: once, _SIG: bytes(64)},
        "a short signature": {_FROM: author.name, _TO: "x", _ONCE: once, _SIG: bytes(63)},
        "an empty signature": {_FROM: author.name, _TO: "x", _ONCE: once, _SIG: b""},
        "its own name without a signature": {_FROM: client},
        "keys that mean nothing": {64: author.name, 65: 0, 66: "admin"},
    }
    peer = lab.wire_client(served)
    for what, fields in claims.items():
        for kind in ("event", "request"):
            if not peer.established or peer.ended is not None:
                peer = lab.wire_client(served)
                lab.require_control_that(peer.handshake(), f"no session ({peer.ended})")
            before = len(_doings(lab, peer))
            _send_claim(lab, peer, kind, fields)
            told = _doings(lab, peer)[before:]
            names = {one.params.get("peer", client) for one in told}
            lab.require_that(names <= {client}, f"{what}: nobody believed", f"believed {names}", "peer")
            may = what == "keys that mean nothing"
            lab.require_that(
                may or not told, f"an {kind} with {what} to be refused", "it was not", "delivered"
            )
    if lab.has("request"):
        names = {one.peer for one in lab.ledger()}
        lab.require_that(
            names <= {client, None}, "only the client's name in the ledger", f"{names}", "authority"
        )


def _doings(lab: Lab, peer: WirePeer) -> list[Any]:
    """What was delivered or executed for a wire peer."""
    return [one for one in lab.iut_told(peer) if one.method in ("delivered", "executed")]


def _send_claim(lab: Lab, peer: WirePeer, kind: str, fields: dict[int, Any]) -> None:
    """Send a message with claims in it, and wait until it was refused, or something came of it."""
    refused, done = len(refusals(lab, peer)), len(_doings(lab, peer))
    if kind == "event":
        peer.event(lab.payload("claim"), extra=fields)
        lab.settle(
            lambda: (
                peer.ended is not None or len(_doings(lab, peer)) > done or len(refusals(lab, peer)) > refused
            )
        )
        return
    mid = peer.request("append", lab.payload("claim"), idem=lab.key(), extra=fields)
    lab.settle(lambda: peer.ended is not None or mid in peer.responses)


@case("AUTH-09", wire="sipc/1", needs=("claims", "authorization"), role="server", stage="established")
def test_signature_gives_no_rights(lab: Lab) -> None:
    """A client passes on a validly signed request of somebody who may write; it may not write itself. What counts is the
    authenticated client, so nothing is written, and the answer is the same as without the signature. When the client is
    given the right, the same request is executed, as the client's."""
    pair = lab.issuer.good()
    client = pair.client.name
    author = lab.signer("spiffe://test.example/author")
    served = lab.listen(options={"signers": [author.option(client)], "roles": {"append": "writer"}})
    lab.configure("server", "grant", listener=served.listener, name=author.name, role="writer")
    peer = lab.wire_client(served)
    lab.require_control_that(peer.handshake(), f"no session ({peer.ended})")
    lab.stage("established")

    def ask() -> tuple[int, int]:
        request = {1: 0, _METHOD: "app.append", 6: lab.key(), _BODY: lab.payload("written")}
        signed = author.sign(request, pair.server.name, lab.key(), int(time.time()) + _MINUTE_S)
        before = len(lab.ledger())
        answer = peer.response_to(peer.message({**signed, 7: 5000}))
        return (-1 if answer is None else int(answer.fields[15])), len(lab.ledger()) - before

    status, written = ask()
    lab.did("passed on a request that is signed by somebody with the right to write")
    told = f"answered with {status}, {written} written"
    lab.require_that(not written and status != 0, "no right to come from a signature", told, "authority")
    lab.configure("server", "grant", listener=served.listener, name=client, role="writer")
    status, written = ask()
    lab.require_control_that(
        status == 0 and written == 1, f"with the right: status {status}, {written} written"
    )
    names = {one.peer for one in lab.ledger()}
    lab.require_that(names == {client}, f"the effect to be {client}'s", f"{names}", "authority")


@case("AUTH-09", needs=("claims",), role="server", stage="established")
def test_signed_by_the_implementation(lab: Lab) -> None:
    """The client under test signs messages itself: as itself, and as somebody else whose key it was given. The server
    believes the first, and the second only where it was told that this client may speak for that signer, for this server,
    in time and with the right key."""
    pair = lab.issuer.good()
    author, own = lab.signer("spiffe://test.example/author"), lab.signer(pair.client.name)
    stranger = lab.signer(author.name, "another key")
    later = int(time.time()) + _MINUTE_S
    lab.stage("established")
    for via in (True, False):
        known = [author.option(pair.client.name) if via else author.option(), own.option()]
        session = lab.session(served=lab.listen(options={"signers": known}), patient=True)
        open_or_stop(session)
        lab.require_control_that(_delivered_as(lab, session, own, pair.server.name, later) == own.name, "own")
        if via:
            heard = _delivered_as(lab, session, author, pair.server.name, later)
            lab.require_control_that(heard == author.name, f"passed on: delivered as {heard}")
        for what, signer, to, end in (
            ("with another key", stranger, pair.server.name, later),
            ("for somebody else", author, "spiffe://test.example/elsewhere", later),
            ("too late", author, pair.server.name, later - 2 * _MINUTE_S),
            *(() if via else (("without being a broker", author, pair.server.name, later),)),
        ):
            got = _delivered_as(lab, session, signer, to, end)
            lab.did(f"the client signed {what}")
            lab.require_that(
                got == "", f"a message signed {what} to be refused", f"delivered as {got}", "delivered"
            )
        session.close()


def _delivered_as(lab: Lab, session: Session, signer: MessageSigner, to: str, expires_s: int) -> str:
    """Have the client send a signed event; as whose it was delivered, empty if it was not."""
    payload = lab.payload("signed")
    signed = {
        "from": signer.name,
        "to": to,
        "key": _text(signer.pkcs8),
        "id": _text(lab.key()),
        "expires_s": expires_s,
    }
    call = session.submit("client", "send", payload=_text(payload), signed=signed)
    lab.wait(lambda: call.done)

    def found() -> list[str]:
        told = lab.server.observations
        return [
            str(one.params.get("peer"))
            for one in told
            if one.method == "delivered" and one.payload == payload
        ]

    lab.settle(lambda: bool(found()))
    return next(iter(found()), "")


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
