"""What is old, or was taken out, stays out: other greetings, suites that were removed; and what is used can be counted."""

import pytest

from ipc_gauntlet import Lab, RawPeer, Role, Served, case, checks, negotiation
from ipc_gauntlet_suites.downgrade import offers
from ipc_gauntlet_suites.scripts import BOTH_ROLES

#: First bytes that other protocols begin with.
GREETINGS = {
    "TLS": b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03",
    "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "ZMTP 3": b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(48),
    "ZMTP 2": b"\xff" + bytes(7) + b"\x01\x7f\x01\x00\x00\x05hello",
    "ZMTP 1": b"\x01\x00\x06\x00hello",
    "D-Bus": b"\0AUTH EXTERNAL 31303030\r\nBEGIN\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.6\r\n",
    "JSON": b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n',
    "zeros and text": b"\0\x08welcome!" + bytes(64),
}
MAGICS = (b"SIPB", b"SIPD", b"sipc", b"SIP\0", b"SIPc", b"\0IPC")
KINDS = (0x04, 0x7F, 0xFF)


@case("DOWN-12", wire="sipc/1", role="server", stage="negotiation")
def test_other_greetings(lab: Lab) -> None:
    """A client begins as clients of other protocols do, or with the greeting of another generation of this one, with all
    that follows in order. The server must close at the bytes that show it, answer nothing, deliver nothing, and count it
    where it counts at all. A greeting that ends early is closed as well."""
    lab.stage("negotiation")
    served = lab.listen()
    control = lab.wire_client(served)
    frame = control.offer()
    lab.require_control_that(control.handshake(), f"a good greeting led to no session ({control.ended})")
    control.close()
    before = _legacy(lab, "server")
    foreign = {**GREETINGS, **_older(frame)}
    since = served.since()
    for what, greeting in foreign.items():
        _require_turned_away(lab, _greeted(lab, served.address, greeting, finish=False), what)
    for length in (1, 2, 3, 5, 6, 7, len(frame) // 2, len(frame) - 1):
        raw = _greeted(lab, served.address, frame[:length], finish=True)
        _require_turned_away(lab, raw, f"the first {length} bytes of a greeting")
    lab.require_view(served.view(since), checks.not_established("server"), checks.nothing_delivered())
    _require_counted(lab, "server", before, len(foreign))


@case("DOWN-12", wire="sipc/1", role="client", stage="negotiation")
def test_other_answers(lab: Lab) -> None:
    """What answers a client is a server of another protocol, or of another generation of this one. The client must end it,
    send nothing more, and count it where it counts at all."""
    lab.stage("negotiation")
    first, second = offers.numbers(lab)
    options = {"suites": offers.names(lab, first, second)}
    control = lab.wire_server(options=options)
    lab.attempt_to(control, options=options)
    lab.require_control_that(control.handshake(), f"no session with a good server ({control.ended})")
    control.close()
    retry = offers.framed(negotiation.Retry(offers.VERSION, second).encode())
    before = _legacy(lab, "client")
    foreign = {**GREETINGS, **_older(retry)}
    for what, greeting in foreign.items():
        raw = RawPeer.listen(lab.reactor, lab.transport, lab.directory)
        lab.own(raw.close)
        attempt = lab.begin(raw.address, options)
        lab.wait(lambda r=raw: r.bytes_seen > 0)  # type: ignore[misc]
        heard = len(raw.received)
        raw.write(greeting)
        lab.settle(lambda r=raw, a=attempt: r.ended is not None and a.is_over())  # type: ignore[misc]
        more = len(raw.received) - heard
        lab.require_that(not more, f"{what}: no further byte", f"{more} bytes more", "interpreted")
        lab.require_that(attempt.is_over(), f"{what}: given up", "still waiting", "waited")
        raw.close()
    lab.did(f"answered {len(foreign)} times in another protocol")
    told = [one for one in lab.client.observations if one.method == "established"]
    lab.require_control_that(len(told) == 1, f"{len(told)} sessions instead of the control's one")
    _require_counted(lab, "client", before, len(foreign))


@case("DOWN-12", wire="sipc/1", role="server", needs=("reload", "negotiation"), stage="negotiation")
@pytest.mark.parametrize("what", ["suites", "versions"])
def test_removed_stays_removed(lab: Lab, what: str) -> None:
    """A suite, or a version, is taken from a listener while it runs. The next client that wants just this is refused, also
    after its trust and the other part of the policy have been replaced; everybody else is served."""
    lab.stage("negotiation")
    first, second = offers.numbers(lab)
    kept, removed, rest = (
        (offers.names(lab, first), offers.names(lab, second), {"versions": [1, 127]})
        if what == "suites"
        else ([1, 1], [127, 127], {"suites": offers.names(lab)})
    )
    served = lab.listen(options=offers.wide(lab))
    old, new = ({**offers.wide(lab), what: one} for one in (removed, kept))
    for options in (old, new):
        lab.require_control_that(_comes_about(lab, served, options), f"no session with {options}")
    trust = lab.issuer.good().server.trust
    for change in ({what: kept}, {"trust": trust}, rest, {"trust": trust}):
        lab.configure("server", "policy", listener=served.listener, **change)
        lab.did(f"replaced {', '.join(change)}, then let clients connect")
        found = _comes_about(lab, served, old)
        lab.require_that(not found, f"{removed} refused", "there was a session", "removed")
        lab.require_control_that(_comes_about(lab, served, new), f"{kept} was refused")


@case("DOWN-12", wire="sipc/1", needs=("metrics", "negotiation"), stage="established")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_metrics_tell_what_is_used(lab: Lab, role: Role) -> None:
    """Sessions are established under each suite and version, at once and after the server asked for another one. The
    counters must tell what is used, not what was configured or offered."""
    lab.judge(role)
    lab.stage("established")
    first, second = offers.numbers(lab)
    test, one = offers.TEST_VERSION, offers.VERSION
    both = list(offers.BOTH_VERSIONS)
    for allowed, versions, wanted, suite, version in [
        ((first, second), both, (first, second), first, test),
        ((first, second), both, (second, first), second, test),
        ((second,), [one, one], (first, second), second, one),
        ((first,), [one, one], (second, first), first, one),
    ]:
        served = lab.listen(options={"suites": offers.names(lab, *allowed), "versions": versions})
        before = lab.metrics(role)
        session = lab.session(
            served=served, options={"suites": offers.names(lab, *wanted), "versions": both}, patient=True
        )
        lab.require_control_that(session.open(), f"no session with {allowed} and {wanted}")
        counted = lab.metrics(role) - before
        used = {name for name in counted if name.startswith(("suite:", "version:"))}
        expected = {f"suite:{offers.names(lab, suite)[0]}", f"version:{version}"}
        lab.did(f"the server allows {allowed}, the client wants {wanted}")
        lab.require_that(
            used == expected, f"counted under {sorted(expected)}", f"{sorted(used)}", "uncounted"
        )
        session.close()


def _older(frame: bytes) -> dict[str, bytes]:
    """A frame of a negotiation as another generation could send it."""
    magics = {f"magic {magic!r}": frame[:2] + magic + frame[6:] for magic in MAGICS}
    begun = {f"nothing behind magic {magic!r}": frame[:2] + magic for magic in MAGICS}
    return {**magics, **begun, **{f"kind {kind}": frame[:6] + bytes([kind]) + frame[7:] for kind in KINDS}}


def _greeted(lab: Lab, address: dict[str, object], greeting: bytes, *, finish: bool) -> RawPeer:
    raw = RawPeer.dial(lab.reactor, address)
    lab.own(raw.close)
    raw.write(greeting)
    if finish:
        raw.finish()
    lab.settle(lambda: raw.ended is not None)
    raw.close()
    return raw


def _require_turned_away(lab: Lab, raw: RawPeer, what: str) -> None:
    lab.did(f"began with {what}")
    lab.require_that(not raw.received, f"{what}: no answer", f"{len(raw.received)} bytes", "interpreted")
    lab.require_that(raw.ended is not None, f"{what}: closed", "it was left open", "waited")


def _legacy(lab: Lab, role: Role) -> int:
    return lab.metrics(role)["legacy_refused"] if lab.has("metrics") else 0


def _require_counted(lab: Lab, role: Role, before: int, times: int) -> None:
    if lab.has("metrics"):
        lab.poll(lambda: _legacy(lab, role) - before >= times)
        counted = _legacy(lab, role) - before
        lab.require_that(counted == times, f"{times} refusals counted", f"{counted}", "uncounted")


def _comes_about(lab: Lab, served: Served, options: dict[str, object]) -> bool:
    session = lab.session(served=served, options=options, patient=True)
    opened = session.open()
    if not opened:  # the server's news of it must not be taken for news of the next client
        session.settle(lambda: session.is_over("server"))
    session.close()
    return opened
