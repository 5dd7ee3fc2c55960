"""The keys that a client makes by itself: one for each operation, whatever happens, and not to be guessed."""

from itertools import combinations, pairwise
from typing import Any

import pytest

from ipc_gauntlet import Call, Cut, Inconclusive, Lab, Selector, case
from ipc_gauntlet_suites.idempotency.effects import KEYED, effects, opened, require_effects
from ipc_gauntlet_suites.idempotency.servers import IDEM, MID, RETRY, Servers
from ipc_gauntlet_suites.scripts import other_principal

MAKES = (*KEYED, "retries")
_BITS = 128
_COUNT = 200


def _key_of(fields: dict[int, Any] | None) -> bytes:
    if fields is None:
        raise Inconclusive("the client never sent the request")
    key = fields.get(IDEM)
    return key if isinstance(key, bytes) else b""


def _one_key(lab: Lab, keys: list[bytes], attempts: int) -> None:
    lab.require_control_that(len(keys) == attempts, f"{len(keys)} attempts came, not {attempts}")
    lab.require_that(len(set(keys)) == 1, "one key in every attempt", f"{len(set(keys))} keys", "other-key")
    long_enough = 8 * len(keys[0]) >= _BITS
    lab.require_that(long_enough, f"a key of {_BITS} bits or more", f"{len(keys[0])} bytes", "short-key")


@case("IDEM-11", needs=MAKES, wire="sipc/1", role="client", axes="each")
@pytest.mark.parametrize("made", ["by-the-client", "by-its-caller"])
@pytest.mark.parametrize("how", ["reset", "end-of-stream", "close"])
def test_key_over_connections(lab: Lab, made: str, how: str) -> None:
    """Three servers in a row read a request and fail, the fourth one answers. The key is the same in all attempts, whether the
    client has made it or was given it; the next operation has another one."""
    servers = Servers(lab, 4)
    given = lab.key()

    def start(key: bytes) -> Call:
        payload = lab.payload("append")
        if made == "by-the-client":
            return servers.session.request("append", payload, own_key=True, retry=RETRY)
        return servers.session.request("append", payload, key=key, retry=RETRY)

    call = start(given)
    keys = [_key_of(servers.request(call))]
    for _ in range(3):
        servers.fail(how)
        keys.append(_key_of(servers.next_request(call)))
    lab.did(f"3 servers read the request and failed: {how}")
    _one_key(lab, keys, 4)
    lab.require_that(made == "by-the-client" or keys[0] == given, "the given key", keys[0].hex(), "other-key")
    servers.peer.respond(servers.seen()[-1][MID], 0, b"done")
    servers.session.answer(call)
    following = _key_of(servers.request(start(lab.key()), 1))
    lab.require_that(following not in keys, "another key for another operation", "the same", "same-key")


@case("IDEM-11", needs=MAKES, wire="sipc/1", role="client", axes="each")
@pytest.mark.parametrize("between", ["nothing", "rekey"])
def test_key_over_refusals(lab: Lab, between: str) -> None:
    """A server refuses twice for a moment - it is busy, the first attempt is still running - and then answers; in one variant
    both sides change their keys of the connection in between. The idempotency key stays the same."""
    if between == "rekey":
        lab.need("rekey", "it cannot change the keys of a connection")
    servers = Servers(lab, 1)
    call = servers.session.request("append", lab.payload("append"), own_key=True, retry=RETRY)
    keys = []
    for nth, status in enumerate((3, 11, 0)):
        fields = servers.request(call, nth)
        keys.append(_key_of(fields))
        if between == "rekey":
            servers.peer.rekey()
            lab.configure("client", "rekey", conn=servers.session.conn)
        servers.peer.respond((fields or {})[MID], status, b"done" if status == 0 else ...)
    lab.did("refused the request twice for a moment, then answered")
    _one_key(lab, keys, 3)


@case("IDEM-11", needs=MAKES, role="client", axes="each")
def test_key_over_a_lost_reply(lab: Lab) -> None:
    """The connection is cut before the reply to a request whose key the client has made, and the client tries again. If the
    key stays the same there is one effect, and its outcome for the caller."""
    served = lab.listen()

    def ask(*faults: Cut) -> None:
        session = lab.session(served=served, faults=faults)
        if not session.open():
            raise Inconclusive("a good session did not open")
        payload = lab.payload("append")
        answer = session.ask("append", payload, own_key=True, retry=RETRY)
        if not faults:
            fine = answer.ok and effects(lab, payload) == 1
            lab.require_control_that(fine, f"an undisturbed append was answered {answer}")
            return
        lab.record(session)
        lab.stage("established")
        require_effects(lab, payload, 1, 1)
        lab.require_that(answer.ok, "the outcome of the one effect", f"{answer}", "no-outcome")

    ask()
    ask(Cut(at=Selector(direction="s2c", nth=0), how="fin", link=0))


@case("IDEM-11", needs=MAKES, role="client", axes="each")
def test_keys_cannot_be_guessed(lab: Lab) -> None:
    """200 operations get 200 keys, as the server tells them. Every one of 128 bits or more is as often 0 as 1, none follows
    another, and consecutive keys have nothing in common: no counter, no time, no name of a machine, nothing repeated."""
    session = opened(lab, lab.listen())
    keys = _made(lab, session.conn, _COUNT)
    lab.require_that(len(set(keys)) == _COUNT, f"{_COUNT} different keys", f"{len(set(keys))}", "same-key")
    lengths = {len(key) for key in keys}
    lab.require_that(
        8 * min(lengths) >= _BITS, f"keys of {_BITS} bits or more", f"{lengths} bytes", "short-key"
    )
    size = 8 * min(lengths)
    columns = [sum(_bit(key, bit) << nth for nth, key in enumerate(keys)) for bit in range(size)]
    # Of 200 fair bits fewer than 57 are 1, or more than 143, once in a billion times.
    fair = [bit for bit, column in enumerate(columns) if 57 <= column.bit_count() <= 143]
    lab.require_that(len(fair) >= _BITS, f"{_BITS} bits that are fair", f"{len(fair)} are", "guessable")
    whole = (1 << _COUNT) - 1
    repeated = [
        (one, two)
        for one, two in combinations(fair, 2)
        if columns[one] in (columns[two], columns[two] ^ whole)
    ]
    lab.require_that(
        len({two for _, two in repeated}) <= len(fair) - _BITS,
        "bits that tell nothing of others",
        "they do",
        "guessable",
    )
    # Consecutive keys differ in about half of their bits; the bounds are 7 deviations away.
    apart = [(int.from_bytes(a[:16]) ^ int.from_bytes(b[:16])).bit_count() for a, b in pairwise(keys)]
    lab.require_that(
        min(apart) >= 24 and max(apart) <= 104, "consecutive keys apart", f"{min(apart)} bits", "guessable"
    )


def _bit(key: bytes, bit: int) -> int:
    return key[bit // 8] >> (bit % 8) & 1


def _made(lab: Lab, conn: str, count: int) -> list[bytes]:
    """Have the client make keys, and return those that the server tells."""
    before = len(lab.executed())
    for start in range(0, count, 50):
        calls = [
            lab.submit("client", "send", {"conn": conn, "kind": "request", "operation": "append", **_OWN})
            for _ in range(start, min(start + 50, count))
        ]
        if not lab.wait(lambda c=calls: all(call.done for call in c)):  # type: ignore[misc]
            raise Inconclusive("the outcome of a request never came")
    lab.wait(lambda: len(lab.executed()) - before >= count)
    keys = [one.key or b"" for one in lab.executed()[before:]]
    lab.require_control_that(len(keys) == count, f"{len(keys)} of {count} operations were executed")
    return keys


_OWN: dict[str, object] = {"payload": "YQ==", "own_key": True}


@case("IDEM-11", needs=MAKES, role="client", axes="each")
def test_keys_of_another_life(lab: Lab) -> None:
    """The client is started and makes 20 keys, is started again, and makes 20 more as another principal. All are different:
    its randomness does not begin where it began before, as that of a copied process would."""
    served, second = other_principal(lab)
    keys: list[bytes] = []
    for kill, deployment in ((True, None), (False, second)):
        lab.restart("client", kill=kill)
        keys += _made(lab, opened(lab, served, deployment).conn, 20)
    lab.did("had the client make 20 keys in each of two lives")
    lab.require_that(len(set(keys)) == 40, "40 different keys", f"{len(set(keys))}", "same-key")


@case("IDEM-11", needs=KEYED, role="client", axes="each")
def test_key_over_a_restart_of_the_client(lab: Lab) -> None:
    """The client is killed before it has the answer, and started again, and its program goes on with the key that it has kept.
    The key reaches the server unchanged, so there is one effect, and its outcome."""
    served = lab.listen()
    key, payload = lab.key(), lab.payload("append")
    session = opened(lab, served)
    session.the_link().stall("s2c")
    session.request("append", payload, key=key)
    lab.wait(lambda: any(one.payload == payload for one in lab.executed()))
    lab.restart("client")
    session.close()
    lab.require_control_that(effects(lab, payload) == 1, "the first attempt had no effect")
    again = opened(lab, served).ask("append", payload, key=key)
    require_effects(lab, payload, 1, 1)
    lab.require_that(again.ok, "the outcome of the first attempt", f"{again}", "no-outcome")
    told = {one.key for one in lab.executed() if one.payload == payload}
    lab.require_that(told == {key}, "the key as it was given", f"{told}", "other-key")
