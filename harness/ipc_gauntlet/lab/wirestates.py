"""Bringing an implementation under test into a state of SIPC/1, and sending it any message there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ipc_gauntlet.errors import Inconclusive
from ipc_gauntlet.peer import Quirks, RecordType
from ipc_gauntlet.peer.cbor import encode
from ipc_gauntlet.peer.handshake import Negotiating
from ipc_gauntlet.peer.negotiation import NO_VERSION, Choice, Offer, Reject, Retry, counted
from ipc_gauntlet.peer.payloads import pack
from ipc_gauntlet.peer.records import FIRST, LAST, close_body, error_body
from ipc_gauntlet.peer.states import MessageKind, State
from ipc_gauntlet.peer.suites import GREASE, SUITES

if TYPE_CHECKING:
    from ipc_gauntlet.lab.wirepeer import WirePeer

CANARY = b"this must never be delivered"
_GARBAGE_TEXT = b"GET / HTTP/1.1\r\n\r\n"
_MESSAGE3 = 128  # bytes that look like a Noise message 2 or 3

# The step that a message really is in the state it belongs to.
_STEPS: dict[tuple[str, str], Callable[[WirePeer], bytes]] = {
    ("LISTENING", "OFFER"): lambda peer: peer.offer(),
    ("RETRYING", "CHOICE"): lambda peer: peer.choice(),
    ("ANSWERED", "MESSAGE3"): lambda peer: peer.message3(),
    ("OFFERED", "ACCEPT"): lambda peer: peer.accept(),
    ("RETRIED", "ACCEPT"): lambda peer: peer.accept(),
    ("OFFERED", "RETRY"): lambda peer: peer.retry(*_other_suite(peer)),
    ("OPEN", "REKEY"): lambda peer: peer.rekey(),
    ("CLOSING", "REKEY"): lambda peer: peer.rekey(),
    ("CONFIRMING", "READY"): lambda peer: peer.ready(),
}


def reach(peer: WirePeer, state: State) -> None:
    """See `WirePeer.reach`."""
    peer.at = state
    if state == "LISTENING":
        return
    if state == "OFFERED":
        peer.expect("offer")
    elif state in ("RETRYING", "RETRIED"):
        _to_retry(peer)
    elif state == "ANSWERED":
        peer.offer()
        peer.expect("accept")
    elif state == "CONFIRMING":
        _to_confirming(peer)
    else:
        if not peer.handshake():
            raise Inconclusive(f"{peer.name}: no session, {peer.ended}")
        peer.by_hand()
        if state == "CLOSING":
            peer.lab.close_iut(peer)
            peer.expect("CLOSE")


def emit(peer: WirePeer, message: MessageKind, *, clear: bool) -> bytes:
    """See `WirePeer.emit`."""
    step = _STEPS.get((peer.at, message))
    if step is not None and not clear:
        return step(peer)
    if peer.at == "ENDING":
        with peer.together():
            peer.close_record()
            return _send(peer, message, clear)
    return _send(peer, message, clear)


def goes_on(peer: WirePeer) -> bool:
    """See `WirePeer.goes_on`."""
    made = peer.peer
    if made.initiator and made.agreed is not None and not made.ready_sent:
        peer.ready()
    if not peer.established and not peer.handshake():
        return False
    if peer.peer.close_heard:
        return peer.close() == "closed"
    before = len(peer.heard)
    peer.ping()
    return peer.wait_for("PONG", after=before) is not None


def _to_retry(peer: WirePeer) -> None:
    if peer.peer.initiator:
        # A number that never means anything stands first, so that the responder has to ask for another one.
        config = peer.peer.config
        peer.peer.negotiating.config = replace(config, suites=(GREASE[0], *config.suites))
        peer.offer()
        peer.expect("retry")
    else:
        peer.expect("offer")
        peer.retry(*_other_suite(peer))
        peer.expect("choice")


def _to_confirming(peer: WirePeer) -> None:
    if peer.peer.initiator:
        peer.offer()
        peer.expect("accept")
        if not peer.peer.negotiating.done:
            peer.message3()
    else:
        peer.expect("offer")
        peer.accept()
        peer.expect("READY")


def _other_suite(peer: WirePeer) -> tuple[int, int]:
    """Something that was offered and is not the offer's beginning."""
    offer = Offer.decode(peer.peer.negotiating.offer_bytes)
    for suite in offer.suites[1:]:
        if suite in SUITES:
            return offer.chosen, suite
    for version in (127, 1):
        if offer.lowest <= version <= offer.highest and version != offer.chosen:
            return version, offer.suites[0]
    raise Inconclusive(
        "nothing was offered beside the beginning of the offer, so there is nothing to ask for"
    )


def _send(peer: WirePeer, message: MessageKind, clear: bool) -> bytes:
    if message in _FRAMES:
        return peer.raw(_FRAMES[message](peer), f"{message.lower()}")
    if message == "GARBAGE":
        noise = peer.lab.rng.randbytes(64)
        return peer.raw(_GARBAGE_TEXT if peer.at in _BEFORE_RECORDS else counted(noise), "garbage")
    record_type = RecordType[message]
    flags = FIRST | LAST if message == "MSG" else 0
    body = _BODIES[message](peer) if message in _BODIES else b""
    if clear:
        return peer.raw(counted(pack(bytes([record_type, flags]) + body)), f"{message} in clear")
    return peer.record(record_type, body, flags)


_BEFORE_RECORDS = ("OFFERED", "RETRIED", "LISTENING", "RETRYING", "ANSWERED")


def _fresh(peer: WirePeer) -> Negotiating:
    """A second attempt's state, so that imitations do not disturb the first one's."""
    config = replace(peer.peer.config, role="initiator")
    return Negotiating(config, peer.lab.rng.randbytes, Quirks())


def _repeated(peer: WirePeer, label: str) -> bytes:
    """A frame that was sent before, once more; bytes of its form if there was none."""
    for one in peer.sent:
        if one.label == label:
            return one.data
    return counted(b"") + counted(peer.lab.rng.randbytes(_MESSAGE3))


def _suite(peer: WirePeer) -> int:
    return peer.peer.config.suites[0]


_FRAMES: dict[str, Callable[[WirePeer], bytes]] = {
    "OFFER": lambda peer: _fresh(peer).offer().data,
    "ACCEPT": lambda peer: _repeated(peer, "accept"),
    "MESSAGE3": lambda peer: _repeated(peer, "message3"),
    "RETRY": lambda peer: counted(Retry(1, _suite(peer)).encode()) + counted(b""),
    "CHOICE": lambda peer: counted(Choice(1, _suite(peer)).encode()) + counted(peer.lab.rng.randbytes(32)),
    "REJECT": lambda peer: counted(Reject(1, NO_VERSION).encode()) + counted(b""),
}
_BODIES: dict[str, Callable[[WirePeer], bytes]] = {
    "READY": lambda peer: encode(peer.peer.config.ready.fields()),
    "MSG": lambda peer: peer.peer.outbound.encode({1: 2, 4: "app.message", 14: CANARY}),
    "PING": lambda _: bytes(8),
    "PONG": lambda _: bytes(8),
    "CLOSE": lambda peer: close_body(0, peer.peer.outbound.sent, peer.peer.inbound.highest + 1),
    "ERROR": lambda _: error_body(1, bytes(8)),
}
