"""The end of a session in order (docs/sipc1.md, section 12): CLOSE counts the messages, and nothing comes after it."""

import pytest

from ipc_gauntlet import Lab, RecordType, Role, WirePeer, case, cbor
from ipc_gauntlet_suites.ordering.wired import over, require_refused, wired
from ipc_gauntlet_suites.scripts import BOTH_ROLES


def closed_well(lab: Lab, role: Role, count: int = 2) -> None:
    """The positive control: so many messages and a CLOSE with the right counts are a clean end."""
    peer = wired(lab, role)
    payloads = _events(lab, peer, count)
    peer.close_record()
    view = over(lab, peer)
    how = view.ending.how if view.ending is not None else "open"
    lab.require_control_that(
        how == "clean" and view.delivered == payloads and peer.ended == "closed",
        f"a right CLOSE: {how}, {len(view.delivered)} delivered, stream {peer.ended}",
    )


def _events(lab: Lab, peer: WirePeer, count: int) -> tuple[bytes, ...]:
    payloads = tuple(lab.payload() for _ in range(count))
    for payload in payloads:
        peer.event(payload)
    return payloads


@case("ORD-08", wire="sipc/1", axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize(
    ("messages", "sent", "processed"),
    [
        (2, 1, 0),
        (2, 3, 0),
        (2, 0, 0),
        (2, 2**64 - 1, 0),
        (0, 1, 0),
        (1, 0, 0),
        (256, 0, 0),
        (2, 2, 1),
        (2, 2, 2**32),
    ],
    ids=[
        "one-less",
        "one-more",
        "none",
        "greatest",
        "none-came",
        "one-came",
        "256-less",
        "processed-one",
        "processed-many",
    ],
)
def test_wrong_counts(lab: Lab, role: Role, messages: int, sent: int, processed: int) -> None:
    """CLOSE counts one message less than arrived, one more, or says something else that is not so; or it says that
    messages were processed that were never sent. The end must be an error, not a clean one: messages may be missing."""
    closed_well(lab, role, 1)
    peer = wired(lab, role)
    payloads = _events(lab, peer, messages)
    peer.close_record(sent=sent, processed=processed)
    lab.did(f"sent {messages} messages and a CLOSE that counts {sent} sent, {processed} processed")
    require_refused(lab, peer, payloads)


@case("ORD-08", wire="sipc/1", axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("missing", [0, 1, 2])
def test_close_without_a_count(lab: Lab, role: Role, missing: int) -> None:
    """A CLOSE leaves its reason or one of its counts out. The end must be an error."""
    closed_well(lab, role)
    peer = wired(lab, role)
    payloads = _events(lab, peer, 2)
    fields = {0: 0, 1: 2, 2: 0}
    del fields[missing]
    peer.record(RecordType.CLOSE, cbor.encode(fields))
    lab.did(f"sent a CLOSE without key {missing}")
    require_refused(lab, peer, payloads)


@case("ORD-08", wire="sipc/1", axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize(
    ("what", "how"),
    [
        ("event", "together"),
        ("event", "apart"),
        ("close", "together"),
        ("close-with-other-count", "apart"),
        ("error", "together"),
        ("first-piece", "apart"),
        ("end-of-stream", "apart"),
    ],
)
def test_data_behind_close(lab: Lab, role: Role, what: str, how: str) -> None:
    """More records follow a good CLOSE, in the same read or a later one. Nothing of them may be delivered, and the
    session must have ended once, and cleanly."""
    closed_well(lab, role)
    peer = wired(lab, role)
    payloads = _events(lab, peer, 2)
    peer.by_hand()
    if how == "together":
        with peer.together():
            peer.close_record()
            _more(lab, peer, what)
    else:
        peer.close_record()
        _more(lab, peer, what)
    lab.did(f"sent {what} behind CLOSE")
    view = over(lab, peer)
    lab.require_that(
        view.delivered == payloads,
        "nothing delivered behind CLOSE",
        f"{len(view.delivered)} messages",
        "delivered",
    )
    told = [ending.how for ending in view.endings]
    lab.require_that(told == ["clean"], "one clean end", f"{', '.join(told) or 'none'}", "other-end")


def _more(lab: Lab, peer: WirePeer, what: str) -> None:
    if what == "event":
        peer.event(lab.payload())
    elif what == "close":
        peer.close_record()
    elif what == "close-with-other-count":
        peer.close_record(sent=7)
    elif what == "error":
        peer.error()
    elif what == "first-piece":
        peer.record(RecordType.MSG, lab.payload(), 1)
    else:
        peer.finish()


@case("ORD-08", wire="sipc/1", axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("behind", ["nothing", "ready"])
def test_close_before_ready(lab: Lab, role: Role, behind: str) -> None:
    """CLOSE comes in place of READY, or in front of it. There is no session yet that could be closed: it must never be
    called established, nor its end clean."""
    closed_well(lab, role)
    peer = lab.wire_client(lab.listen()) if role == "server" else lab.wire_server()
    if role == "client":
        lab.attempt_to(peer)
    peer.reach("CONFIRMING")
    with peer.together():
        peer.close_record(sent=0, processed=0)
        if behind == "ready":
            peer.ready()
    lab.did("sent CLOSE before READY")
    view = over(lab, peer)
    lab.require_that(not view.established, "no session called established", "one was", "established")
    clean = any(ending.how == "clean" for ending in view.endings)
    lab.require_that(not clean, "no clean end", "the end was called clean", "clean-end")
    lab.require_that(peer.ended is not None, "the connection ended", "it stayed open", "not-ended")


@case("ORD-08", wire="sipc/1", axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("count", [0, 3])
def test_own_close_counts(lab: Lab, role: Role, count: int) -> None:
    """The implementation under test closes after some messages each way. Its CLOSE, decrypted, must carry how many it has
    sent and how many it has received, and it must be its last record."""
    closed_well(lab, role)
    peer = wired(lab, role)
    _events(lab, peer, count)
    conn = lab.iut_conn(peer)
    lab.wait(lambda: len(lab.iut_view(peer).delivered) == count)
    for _ in range(count + 1):
        lab.call(role, "send", {"conn": conn, "payload": "aGVsbG8="})
    peer.by_hand()
    lab.close_iut(peer)
    peer.expect("CLOSE")
    late = lab.submit(role, "send", {"conn": conn, "payload": "aGVsbG8="})
    lab.wait(lambda: late.done)
    peer.close_record()
    peer.wait_end()
    body = cbor.decode(next(one.payload for one in peer.records if one.type == RecordType.CLOSE))
    counted = (body.get(1), body.get(2)) if isinstance(body, dict) else None
    lab.require_that(
        counted == (count + 1, count), f"CLOSE to count {count + 1} and {count}", f"{counted}", "wrong-count"
    )
    last = peer.records[-1].type
    lab.require_that(
        last == RecordType.CLOSE and len(peer.messages) == count + 1,
        "CLOSE to be its last record",
        f"{len(peer.messages)} messages, the last record is of type {last}",
        "sent-after-close",
    )


@case("ORD-08", wire="sipc/1", axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_close_over_an_unfinished_message(lab: Lab, role: Role) -> None:
    """CLOSE with the right count of whole messages comes in the middle of another one. The end must be an error: the
    sender had more to say."""
    closed_well(lab, role)
    peer = wired(lab, role)
    payloads = _events(lab, peer, 2)
    peer.record(RecordType.MSG, lab.payload(), 1)
    peer.close_record()
    lab.did("sent CLOSE behind the first piece of a message")
    require_refused(lab, peer, payloads)
