"""Changes of state have a place in the sequence: everything before it goes by the old state, everything behind by the new."""

import pytest

from ipc_gauntlet import Call, Lab, Quirks, RecordQuirks, RecordType, Role, Session, case
from ipc_gauntlet_suites.ordering.wired import require_refused, wired
from ipc_gauntlet_suites.scripts import BOTH_ROLES, open_or_stop

REKEYS = 25
#: What an implementation sends between two changes of its key.
BETWEEN = 3
FLIPS = 10
QUEUED = 6


@case("ORD-10", wire="sipc/1", needs=("rekey",), axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_own_rekeys(lab: Lab, role: Role) -> None:
    """The implementation under test sends messages and changes its key many times, without waiting in between; as a server
    it also answers requests meanwhile. Whoever
    follows each REKEY must be able to decrypt every record: none may come under the old key behind it, or under the new
    one before it, and no message may be lost."""
    control = wired(lab, role)
    lab.call(role, "send", {"conn": lab.iut_conn(control), "payload": "aGVsbG8="})
    lab.require_control_that(
        control.wait_for("message") is not None, "a message without a new key did not come"
    )
    control.hang_up()
    peer = wired(lab, role)
    conn = lab.iut_conn(peer)
    calls: list[Call] = []
    asked = range(REKEYS if role == "server" and lab.has("request") else 0)
    with peer.together():
        for turn in asked:
            peer.request("wait", b"0", okey=b"%d" % turn)
    for _ in range(REKEYS):
        calls += [lab.submit(role, "send", {"conn": conn, "payload": "aGVsbG8="}) for _ in range(BETWEEN)]
        calls.append(lab.submit(role, "configure", {"action": "rekey", "conn": conn}))
    lab.wait(lambda: all(call.done for call in calls))
    peer.settle()
    lab.did(f"had {REKEYS * BETWEEN} messages sent and the key changed {REKEYS} times")
    sealed = peer.labels().count("sealed")
    lab.require_that(sealed == 0, "every record decrypted", f"{sealed} records under another key", "old-key")
    changes = peer.labels().count("REKEY")
    lab.require_that(changes >= REKEYS, f"{REKEYS} times REKEY", f"{changes} times", "no-rekey")
    lab.require_that(
        len(peer.messages) == REKEYS * BETWEEN + len(asked),
        f"{REKEYS * BETWEEN + len(asked)} messages",
        f"{len(peer.messages)} came",
        "message-lost",
    )


@case("ORD-10", wire="sipc/1", axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
@pytest.mark.parametrize("after", [0, 2], ids=["first-record", "later-record"])
def test_old_key_behind_rekey(lab: Lab, role: Role, after: int) -> None:
    """A record comes under the old key behind REKEY: at once, or after good ones under the new key. It must not be
    delivered, and the session must end: there is no grace."""
    control = wired(lab, role)
    control.rekey()
    control.event(b"under the new key")
    lab.wait(lambda: bool(lab.iut_view(control).delivered))
    lab.require_control_that(
        bool(lab.iut_view(control).delivered) and control.goes_on(),
        "a record under the new key was not delivered",
    )
    control.hang_up()
    peer = wired(lab, role)
    keys = peer.known_keys
    lab.require_control_that(keys is not None, "there are no keys")
    peer.rekey()
    payloads = tuple(lab.payload() for _ in range(after))
    for payload in payloads:
        peer.event(payload)
    lab.wait(lambda: len(lab.iut_view(peer).delivered) == after)
    if keys is not None and peer.peer.sealer is not None:
        peer.peer.sealer.state.key = keys.send
    peer.event(lab.payload())
    lab.did("sent a record under the old key behind REKEY")
    require_refused(lab, peer, payloads)


@case("ORD-10", wire="sipc/1", axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_rekey_twice(lab: Lab, role: Role) -> None:
    """REKEY comes twice in a row, the second one still under the old key, and what follows is under the new key. Nothing
    may be delivered: each REKEY is the last record under its key."""
    control = wired(lab, role)
    control.rekey()
    control.rekey()
    control.event(b"under the second key")
    lab.wait(lambda: bool(lab.iut_view(control).delivered))
    lab.require_control_that(bool(lab.iut_view(control).delivered), "two good changes of the key")
    control.hang_up()
    peer = wired(lab, role, Quirks(record=RecordQuirks(ratchet=False)))
    peer.record(RecordType.REKEY, b"")
    peer.record(RecordType.REKEY, b"")
    if peer.peer.sealer is not None:
        peer.peer.sealer.state.rekey()
    peer.event(lab.payload())
    require_refused(lab, peer)


@case("ORD-10", wire="sipc/1", axes="each")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_new_key_before_rekey(lab: Lab, role: Role) -> None:
    """A record comes under the next key though no REKEY has announced it. It must not be delivered, and the session must
    end."""
    control = wired(lab, role)
    control.rekey()
    control.event(b"under the new key")
    lab.wait(lambda: bool(lab.iut_view(control).delivered))
    lab.require_control_that(bool(lab.iut_view(control).delivered), "an announced new key")
    control.hang_up()
    peer = wired(lab, role)
    if peer.peer.sealer is not None:
        peer.peer.sealer.rekey()
    peer.event(lab.payload())
    lab.did("sent a record under the next key without REKEY")
    require_refused(lab, peer)


def client_name(lab: Lab) -> str:
    """The principal that the sessions of a case are of."""
    return lab.issuer.good().client.name


@case("ORD-10", role="server", needs=("authorization", "request"), axes="each")
def test_permission_switches_at_once(lab: Lab) -> None:
    """A permission is given and taken away many times, with a request after each change. Every request must be judged by
    the last change before it."""
    session = lab.session()
    open_or_stop(session)
    lab.stage("established")
    served = session.served
    lab.require_control_that(
        served is not None and not session.ask("read").ok, "nobody had a role, and was allowed"
    )
    who = {"listener": served.listener if served else "", "name": client_name(lab), "role": "reader"}
    for turn in range(FLIPS):
        granted = turn % 2 == 0
        lab.configure("server", "grant" if granted else "withdraw", **who)
        answers = [session.answer(call) for call in [session.request("read", b"") for _ in range(3)]]
        lab.did(f"{'gave' if granted else 'took away'} the role, then asked 3 times")
        fitting = sum(answer.ok == granted for answer in answers)
        told = "allowed" if granted else "refused"
        lab.require_that(fitting == 3, f"3 requests {told}", f"{fitting} were", "old-policy")


@case("ORD-10", role="server", needs=("authorization", "request", "gate", "ordering-keys"), axes="each")
@pytest.mark.parametrize("change", ["withdraw", "grant"])
def test_queued_requests_see_the_change(lab: Lab, change: str) -> None:
    """Requests wait in a lane behind one that takes its time. While they wait, their permission is taken away or given.
    Their turn comes after the change, so they must be judged by it."""
    session = lab.session()
    open_or_stop(session)
    lab.stage("established")
    served = session.served
    listener = served.listener if served is not None else ""
    who = {"listener": listener, "name": client_name(lab), "role": "reader"}
    lab.configure("server", "grant", **who)
    lab.require_control_that(session.ask("read", lane="a").ok, "who has the role was refused")
    if change == "grant":
        lab.configure("server", "withdraw", **who)
    first = session.request("gated", b"first", lane="a")
    _executed(lab, session, b"first")
    waiting = [session.request("read", b"", lane="a") for _ in range(QUEUED)]
    passed = session.ask("echo", b"passed", lane="b")
    lab.require_control_that(passed.ok, "a request of another lane was not answered")
    lab.configure("server", change, **who)
    lab.did(f"{change} while {QUEUED} requests waited")
    lab.configure("server", "open-gate", listener=listener)
    lab.require_control_that(session.answer(first).ok, "the gated request was not answered")
    answers = [session.answer(call) for call in waiting]
    fitting = sum(answer.ok == (change == "grant") for answer in answers)
    told = "allowed" if change == "grant" else "refused"
    lab.require_that(fitting == QUEUED, f"all {QUEUED} {told}", f"{fitting} were", "old-policy")


def _executed(lab: Lab, session: Session, payload: bytes) -> None:
    """Wait until a request has begun."""
    begun = lab.wait(lambda: any(one.payload == payload for one in lab.executed("server")))
    lab.require_control_that(begun and not session.is_over("client"), "the gated request did not begin")


@case("ORD-10", role="server", needs=("reload",), axes="each")
def test_trust_switches_at_once(lab: Lab) -> None:
    """A listener's trust is replaced many times, with a connection after each change. Every connection must be judged by
    the last change before it."""
    good = lab.issuer.good()
    served = lab.listen()
    first = lab.session(served=served)
    open_or_stop(first)
    first.close()
    lab.stage("handshake")
    lab.require_control_that(first.opened, "a good session did not open")
    for turn in range(4):
        trusted = turn % 2 == 1
        trust = good.server.trust if trusted else lab.issuer.empty_trust()
        lab.configure("server", "policy", listener=served.listener, trust=trust)
        session = lab.session(served=served, deployment=good)
        opened = session.open()
        lab.did(f"{'trusted' if trusted else 'distrusted'} the client, then let it connect")
        told = "accepted" if trusted else "refused"
        lab.require_that(opened == trusted, f"the client {told}", "it was not", "old-policy")
        session.close()
