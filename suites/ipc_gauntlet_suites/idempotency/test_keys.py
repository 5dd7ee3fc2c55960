"""What makes two keys the same key, and by which ways a duplicate may come."""

import pytest

from ipc_gauntlet import Answer, Cut, Lab, Selector, Session, case
from ipc_gauntlet_suites.idempotency.effects import (
    KEYED,
    all_answers,
    effects,
    once,
    open_gate,
    opened,
    require_effects,
    same_outcome,
    started,
)
from ipc_gauntlet_suites.scripts import open_or_stop

_BASE = b"AbCdEfGhIjKlMnOp"

#: Pairs of keys that a careless comparison takes for one.
LOOKALIKES: dict[str, tuple[bytes, bytes]] = {
    "case": (_BASE, _BASE.lower()),
    "trailing-space": (_BASE, _BASE + b" "),
    "trailing-newline": (_BASE, _BASE + b"\n"),
    "trailing-zero": (_BASE, _BASE + b"\x00"),
    "leading-space": (b" " + _BASE, _BASE),
    "leading-zero": (b"\x00" + _BASE, _BASE),
    "first-half": (_BASE, _BASE + _BASE[::-1]),
    "last-byte": (bytes(32), bytes(31) + b"\x01"),
    "behind-a-zero": (_BASE[:8] + b"\x00" + _BASE[8:], _BASE[:8] + b"\x00" + _BASE[8:].lower()),
    "not-utf-8": (b"\xff" * 16, b"\xfe" * 16),
    "composed": ("\u00e9".encode() * 8, "e\u0301".encode() * 8),
    "one-bit": (bytes(16), bytes(15) + b"\x01"),
    "top-bit": (bytes(16), b"\x80" + bytes(15)),
    "number-in-text": (b"0000000000000001", b"0000000000000010"),
    "hexadecimal": (b"00ff00ff00ff00ff", b"00FF00FF00FF00FF"),
    "longest": (_BASE + _BASE, _BASE + _BASE[:-1] + b"q"),
}


@case("IDEM-01", needs=KEYED, role="server", axes="each")
def test_keys_that_look_alike(lab: Lab) -> None:
    """Many pairs of keys that differ in a letter's case, in a byte at an end, behind a zero byte, in a single bit, or in
    their length. Each key is a key of its own: its request takes effect, once, however often each of them comes again."""
    session = opened(lab, lab.listen())
    keys = sorted({key for pair in LOOKALIKES.values() for key in pair})
    payload = {key: lab.payload("append") for key in keys}
    once(lab, session, lab.payload("control"), lab.key())
    first = all_answers(lab, session, [session.request("append", payload[key], key=key) for key in keys])
    lab.did(f"sent {len(keys)} requests under keys that look alike, then each of them again")
    again = all_answers(lab, session, [session.request("append", payload[key], key=key) for key in keys])
    for key, one, other in zip(keys, first, again, strict=True):
        require_effects(lab, payload[key], 1, 1, what=f"the request under the key {key.hex()}")
        lab.require_that(one.ok, f"the request under {key.hex()} executed", f"{one}", "executed")
        lab.require_that(
            other.payload == one.payload, "each key to keep its own outcome", "it did not", "executed"
        )


@case("IDEM-01", needs=KEYED, role="server", axes="each")
def test_same_request_under_keys_that_look_alike(lab: Lab) -> None:
    """The same payload under all these keys: nothing but the key tells the requests apart, and each takes effect."""
    session = opened(lab, lab.listen())
    once(lab, session, lab.payload("control"), lab.key())
    keys = sorted({key for pair in LOOKALIKES.values() for key in pair})
    payload = lab.payload("append")
    for _ in range(2):
        all_answers(lab, session, [session.request("append", payload, key=key) for key in keys])
    lab.did(f"sent one and the same request under {len(keys)} keys that look alike, twice each")
    require_effects(lab, payload, len(keys), len(keys))


@case("IDEM-01", needs=KEYED, role="server", axes="each")
def test_very_many_duplicates(lab: Lab) -> None:
    """The same request comes 60 times in a row on three connections, all at once and among other requests."""
    served = lab.listen()
    sessions = [opened(lab, served) for _ in range(3)]
    key, payload = lab.key(), lab.payload("append")
    first = once(lab, sessions[0], payload, key)
    calls = []
    for turn in range(60):
        session = sessions[turn % 3]
        calls.append(session.request("append", payload, key=key))
        if turn % 5 == 0:
            session.request("append", lab.payload("other"), key=lab.key())
    lab.did("sent 60 duplicates on 3 connections among other requests")
    answers = all_answers(lab, sessions[0], calls)
    require_effects(lab, payload, 1, 1)
    wrong = [answer for answer in answers if answer.payload != first.payload]
    lab.require_that(
        not wrong, "every one of them answered as the first", f"{len(wrong)} were not", "executed"
    )


@case("IDEM-01", needs=(*KEYED, "rekey"), role="server", axes="each")
def test_duplicate_after_rekey(lab: Lab) -> None:
    """Both sides change their keys of the connection between a request and its duplicate. It is the same request."""
    session = opened(lab, lab.listen())
    key, payload = lab.key(), lab.payload("append")
    first = once(lab, session, payload, key)
    for role in ("client", "server"):
        session.configure(role, "rekey")
        session.exchange("c2s", 1)
    again = session.ask("append", payload, key=key)
    lab.did("sent it again after both sides had changed their keys")
    require_effects(lab, payload, 1, 1)
    same_outcome(lab, first, again, "the duplicate")


@case("IDEM-01", needs=(*KEYED, "ordering-keys"), role="server", axes="each")
def test_duplicates_in_other_lanes(lab: Lab) -> None:
    """Duplicates come with other ordering keys, so that they may be handled at the same time as the first."""
    session = opened(lab, lab.listen())
    once(lab, session, lab.payload("control"), lab.key())
    key, payload = lab.key(), lab.payload("append")
    calls = [session.request("append", payload, key=key, lane=f"lane {turn}") for turn in range(8)]
    all_answers(lab, session, calls)
    lab.did("sent one keyed request 8 times in 8 lanes")
    require_effects(lab, payload, 1, 1)


@case("IDEM-01", needs=(*KEYED, "gate", "ordering-keys"), role="server", axes="each")
@pytest.mark.parametrize("where", ["same-connection", "new-connection"])
def test_duplicate_of_what_takes_time(lab: Lab, where: str) -> None:
    """The operation takes time: duplicates come while it runs and after it has ended. It starts once."""
    served = lab.listen()
    session = opened(lab, served)
    key, payload = lab.key(), lab.payload("gated")
    call = session.request("gated", payload, key=key)
    started(lab, payload)
    lab.require_control_that(effects(lab, payload, "gated") == 1, "gated did not start once")
    other = session if where == "same-connection" else opened(lab, served)
    during = [other.request("gated", payload, key=key, lane=f"{turn}") for turn in range(3)]
    other.ask("echo", b"", lane="last")
    open_gate(lab, served)
    all_answers(lab, session, [call, *during])
    after = other.ask("gated", payload, key=key)
    lab.did("sent duplicates while it ran, and one after it had ended")
    require_effects(lab, payload, 1, 1, operation="gated")
    lab.require_that(after.ok, "the late duplicate answered", f"{after}", "no-outcome")


#: Where the connection of a client that retries by itself is cut, and how.
CUTS: dict[str, Cut] = {
    "request-arrives": Cut(at=Selector(direction="c2s", nth=0), how="fin", after=True, link=0),
    "request-lost": Cut(at=Selector(direction="c2s", nth=0), how="reset", link=0),
    "inside-request": Cut(at=Selector(direction="c2s", nth=0), how="reset", inside=10, link=0),
    "reply-lost": Cut(at=Selector(direction="s2c", nth=0), how="fin", link=0),
    "inside-reply": Cut(at=Selector(direction="s2c", nth=0), how="reset", inside=10, link=0),
}


@case("IDEM-01", needs=(*KEYED, "retries"), role="both", axes="each")
@pytest.mark.parametrize("where", CUTS)
def test_client_retries_by_itself(lab: Lab, where: str) -> None:
    """The client retries by its own rules when its connection is cut: before, in or behind the request, before or in its
    reply. The request takes effect once, and the caller gets its outcome."""
    served = lab.listen()
    retry = {"attempts": 6, "base_ms": 1, "cap_ms": 5}

    def ask(session: Session) -> tuple[bytes, Answer]:
        payload = lab.payload("append")
        return payload, session.ask("append", payload, key=lab.key(), retry=retry)

    good = opened(lab, served)
    payload, _ = ask(good)
    lab.require_control_that(effects(lab, payload) == 1, "an undisturbed append did not take effect once")
    session = lab.session(served=served, faults=(CUTS[where],))
    open_or_stop(session)
    payload, answer = ask(session)
    lab.record(session)
    lab.stage("established")
    lab.did(f"cut the connection: {where}")
    require_effects(lab, payload, 1, 1)
    lab.require_that(answer.ok, "the caller told the outcome", f"{answer}", "no-outcome")


@case("IDEM-01", needs=KEYED, role="server", credentials=("x509",), axes="each")
def test_duplicate_with_a_new_certificate(lab: Lab) -> None:
    """The client gets a new certificate for a new key, under the name it had: it is the same principal, and a request that it
    repeats is the same request."""
    served = lab.listen()
    key, payload = lab.key(), lab.payload("append")
    first = once(lab, opened(lab, served), payload, key)
    renewed = lab.x509.renamed("client", served.deployment.client.name)
    again = opened(lab, served, renewed).ask("append", payload, key=key)
    lab.did("sent it again under a new certificate for the same name")
    require_effects(lab, payload, 1, 1)
    same_outcome(lab, first, again, "the duplicate")


@case("IDEM-01", needs=(*KEYED, "durable"), role="server", axes="each")
def test_duplicate_at_another_endpoint(lab: Lab) -> None:
    """Two endpoints of the service keep their records in one file. A duplicate that comes to the other endpoint is one."""
    options = {"store": lab.store_path()}
    first_endpoint, second_endpoint = lab.listen(options=options), lab.listen(options=options)
    key, payload = lab.key(), lab.payload("append")
    first = once(lab, opened(lab, first_endpoint), payload, key)
    again = opened(lab, second_endpoint).ask("append", payload, key=key)
    lab.did("sent it again to another endpoint with the same records")
    require_effects(lab, payload, 1, 1)
    same_outcome(lab, first, again, "the duplicate")
