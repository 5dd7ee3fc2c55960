"""Signed messages are for one recipient, for a time, and for once."""

import base64
import time

import pytest

from ipc_gauntlet import Lab, MessageSigner, Session, case
from ipc_gauntlet_suites.replay.courier import AUTHOR, BODY, ONCE, Courier
from ipc_gauntlet_suites.scripts import open_or_stop, other_principal

MINUTE_S = 60
HOURS_MS = 2 * 3600 * 1000
#: More than fits a counter of 8 bits.
MANY = 260


def _soon() -> int:
    return int(time.time()) + MINUTE_S


@case("REPL-08", wire="sipc/1", needs=("claims",), role="server", axes="each")
def test_signed_again(lab: Lab) -> None:
    """A captured signed event comes again: in the same session, in a new one, in two at once, with what may change on the
    way changed, and as another message under the same id. It has had its effect; none of these may have one."""
    courier = Courier(lab)
    first = courier.peer()
    payload = lab.payload("signed")
    message = courier.event(_soon(), payload)
    courier.accept(first, message)
    courier.refuse(first, message, "the message again in the same session")
    courier.refuse(courier.peer(), message, "the message again in another session of the same peer")
    courier.refuse(courier.peer(), {**message, 13: bytes(25)}, "the message again with another trace")
    renewed = courier.event(_soon(), lab.payload("other"), ident=message[ONCE][0])
    courier.refuse(courier.peer(), renewed, "another message under the same id")
    later = courier.event(_soon() + 1000, payload, ident=message[ONCE][0])
    courier.refuse(courier.peer(), later, "the message signed anew under the same id, for longer")
    first.close()
    courier.refuse(courier.peer(), message, "the message again after its session has ended")
    courier.accept(courier.peer(), courier.event(_soon(), lab.payload("fresh")))


@case("REPL-08", wire="sipc/1", needs=("claims",), role="server", axes="each")
def test_signed_at_the_same_time(lab: Lab) -> None:
    """Several sessions bring the same signed event at the same moment, round after round. It may have its effect once."""
    courier = Courier(lab)
    peers = [courier.peer() for _ in range(4)]
    courier.accept(peers[0], courier.event(_soon(), lab.payload("fresh")))
    for _ in range(5):
        payload = lab.payload("signed")
        message = courier.event(_soon(), payload)
        for peer in peers:
            peer.message(dict(message))
        lab.settle(lambda: False)
        got = courier.count(payload)
        lab.require_that(got == 1, "one effect", f"{got}", "replayed" if got else "none")
        peers = [peer if peer.ended is None else courier.peer() for peer in peers]
    lab.did("brought 5 messages in 4 sessions at once")


@case("REPL-08", wire="sipc/1", needs=("claims",), role="server", axes="each")
def test_signed_for_somebody_else(lab: Lab) -> None:
    """A signed event that one recipient has taken is brought to another one, which believes the same author, and one for the
    other recipient is brought to the first. Neither may have an effect there."""
    courier = Courier(lab)
    peer = courier.peer()
    message = courier.event(_soon(), lab.payload("signed"))
    courier.accept(peer, message)
    for name in (
        "spiffe://test.example/elsewhere",
        courier.pair.client.name,
        courier.pair.server.name + "/x",
    ):
        stray = courier.event(_soon(), lab.payload("stray"), to=name)
        courier.refuse(courier.peer(), stray, f"a message for {name}", "audience")


@case("REPL-08", wire="sipc/1", needs=("claims",), role="server", axes="each")
def test_signed_through_another_broker(lab: Lab) -> None:
    """Two peers may pass on the author's messages. What came through the one must not have an effect through the other."""
    both, second = other_principal(lab)
    courier = Courier(lab, deployment=both.deployment, via=(second.client.name,))
    message = courier.event(_soon(), lab.payload("signed"))
    courier.accept(courier.peer(), message)
    broker = courier.peer(deployment=second)
    courier.refuse(broker, message, "the message through another broker")
    courier.accept(broker, courier.event(_soon(), lab.payload("fresh")))


@case("REPL-08", wire="sipc/1", needs=("claims", "virtual-clock"), role="server", axes="each")
@pytest.mark.parametrize("used", [True, False], ids=["used", "unused"])
def test_signed_after_its_time(lab: Lab, used: bool) -> None:
    """The time of a signed event passes. It must be refused at the moment when it ends and long after, also when the clock is
    set back to a time at which it was still good and its id may have been forgotten."""
    courier = Courier(lab, {"clock": "virtual"})
    start = int(time.time())  # the server's wall time starts with the real one
    message = courier.event(start + MINUTE_S, lab.payload("signed"))
    if used:
        courier.accept(courier.peer(), message)
    else:
        courier.accept(courier.peer(), courier.event(start + MINUTE_S, lab.payload("fresh")))
    lab.step_wall(2 * MINUTE_S * 1000, "server")
    courier.refuse(courier.peer(), message, "the message after its end", "expired")
    if not used:
        return
    lab.step_wall(HOURS_MS, "server")
    courier.accept(
        courier.peer(), courier.event(start + HOURS_MS // 1000 + 4 * MINUTE_S, lab.payload("later"))
    )
    lab.step_wall(-HOURS_MS - 2 * MINUTE_S * 1000, "server")
    courier.refuse(courier.peer(), message, "the message after the clock was set back")


@case("REPL-08", wire="sipc/1", needs=("claims",), role="server", axes="each")
def test_signed_very_often(lab: Lab) -> None:
    """A signed event comes more often than a small counter of its uses could count. It has its effect once."""
    courier = Courier(lab)
    peer = courier.peer()
    message = courier.event(_soon(), lab.payload("signed"))
    courier.accept(peer, message)
    with peer.together():
        for _ in range(MANY):
            peer.message(dict(message))
    lab.settle(lambda: peer.ended is not None or courier.count(message[BODY]) > 1)
    courier.refuse(courier.peer(), message, f"the message for the {MANY + 2}th time")
    got = courier.count(message[BODY])
    lab.require_that(got == 1, "one effect", f"{got}", "replayed")


@case("REPL-08", needs=("claims",), role="server", axes="each")
def test_signed_again_by_the_implementation(lab: Lab) -> None:
    """The client under test brings a signed event twice, in one session and in the next one, and one for somebody else or
    that has ended. Each has its effect at most once, and these none."""
    pair = lab.issuer.good()
    author = lab.signer(AUTHOR)
    served = lab.listen(options={"signers": [author.option(pair.client.name)]})
    payload, ident = lab.payload("signed"), lab.key()
    first = lab.session(served=served, patient=True)
    open_or_stop(first)
    _bring(first, author, payload, ident, pair.server.name, _soon())
    lab.require_control_that(_count(lab, payload) == 1, "a good signed event was not delivered once")
    lab.stage("established")
    _bring(first, author, payload, ident, pair.server.name, _soon())
    second = lab.session(served=served, patient=True)
    open_or_stop(second)
    _bring(second, author, payload, ident, pair.server.name, _soon())
    lab.did("brought the same signed event three times, in two sessions")
    got = _count(lab, payload)
    lab.require_that(got == 1, "one effect", f"{got}", "replayed")
    stray = lab.payload("stray")
    _bring(second, author, stray, lab.key(), "spiffe://test.example/elsewhere", _soon())
    lab.require_that(not _count(lab, stray), "a message for somebody else refused", "delivered", "audience")
    _bring(second, author, stray, lab.key(), pair.server.name, _soon() - 2 * MINUTE_S)
    lab.require_that(not _count(lab, stray), "a message that has ended refused", "delivered", "expired")


def _count(lab: Lab, payload: bytes) -> int:
    lab.settle(lambda: False)
    told = lab.server.observations
    return sum(one.method == "delivered" and one.payload == payload for one in told)


def _bring(
    session: Session, author: MessageSigner, payload: bytes, ident: bytes, to: str, expires_s: int
) -> None:
    """Have the client send a signed event."""
    signed = {"from": author.name, "to": to, "key": _text(author.pkcs8), "id": _text(ident)}
    call = session.submit("client", "send", payload=_text(payload), signed={**signed, "expires_s": expires_s})
    session.lab.wait(lambda: call.done)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
