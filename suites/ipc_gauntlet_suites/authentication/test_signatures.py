"""Signatures of messages and tokens: whole, or nothing."""

import time
from collections.abc import Iterator
from functools import partial

from ipc_gauntlet import Lab, TokenIssuer, case
from ipc_gauntlet_suites.authentication.desk import Desk
from ipc_gauntlet_suites.authentication.tags import Edit

_SIGNATURE = 64
_LENGTHS = (0, 1, 8, 16, 31, 32, 33, 48, 62, 63)
_MINUTE_S = 60
_ISSUER = "spiffe://test.example/issuer"
_SIG = 20
_SUB, _AUD, _EXP, _IAT, _CTI, _OPS = 2, 3, 4, 6, 7, -65537


def _spoiled(lab: Lab) -> Iterator[tuple[str, Edit]]:
    """Ways to spoil a signature of 64 bytes."""
    for length in _LENGTHS:
        yield f"cut to {length} bytes", partial(_cut, length=length)
    yield "with a zero behind it", lambda data: data + b"\0"
    yield "sent twice", lambda data: data + data
    yield "all zeros", lambda data: bytes(len(data))
    for at in (0, 31, 32, 63, *lab.rng.sample(range(1, 63), 3)):
        yield f"wrong in byte {at}", partial(_flipped, at=at)


def _cut(data: bytes, length: int) -> bytes:
    return data[:length]


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x40]) + data[at + 1 :]


@case("AUTH-15", wire="sipc/1", needs=("claims",), role="server", stage="established")
def test_message_signature(lab: Lab) -> None:
    """The signature of a signed message is cut to shorter lengths, made longer, sent twice, and wrong in single bytes. Only
    the whole and right one may be believed."""
    desk = Desk(lab)
    lab.stage("established")
    desk.accepts("as it was signed", desk.signed(), desk.signer.name)
    believed = []
    for what, edit in _spoiled(lab):
        signed = desk.signed()
        if desk.carry({**signed, _SIG: edit(signed[_SIG])}):
            believed.append(what)
    told = f"believed a signature {'; '.join(believed)}"
    lab.require_that(not believed, "only whole and right signatures to be believed", told, "delivered")


@case("AUTH-15", wire="sipc/1", needs=("tokens",), role="server", stage="established")
def test_token_signature(lab: Lab) -> None:
    """The same with the signature of a capability token that a request needs: the request is executed with the whole and
    right one, and with no other."""
    pair = lab.issuer.good()
    issuer = TokenIssuer(_ISSUER, lab.signer(_ISSUER).secret)
    served = lab.listen(options={"issuers": [issuer.option()], "require_token": ["append"]})
    peer = lab.wire_client(served)
    lab.require_control_that(peer.handshake(), f"no session ({peer.ended})")
    lab.stage("established")
    now = int(time.time())

    def executed(edit: Edit) -> bool:
        claims = {
            _SUB: pair.client.name,
            _AUD: pair.server.name,
            _EXP: now + _MINUTE_S,
            _IAT: now,
            _CTI: lab.key(),
            _OPS: ["app.append"],
        }
        token = issuer.issue(claims, edit)
        before = len(lab.ledger())
        mid = peer.request("append", lab.payload("with token"), idem=lab.key(), cap=token)
        answer = peer.response_to(mid)
        return len(lab.ledger()) > before or (answer is not None and answer.fields[15] == 0)

    lab.require_control_that(executed(lambda data: data), "a good token was refused")
    believed = [what for what, edit in _spoiled(lab) if executed(edit)]
    told = f"executed with a signature {'; '.join(believed)}"
    lab.require_that(not believed, "only whole and right signatures to be believed", told, "executed")
