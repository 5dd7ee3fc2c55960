"""Records of keyed requests: at most one effect, also over a crash at any point."""

import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sipc.idempotency import Decision, IdempotencyKey, Outcome
from sipc_runtime.clock import VirtualClock
from sipc_runtime.store import Store

TABLE = "CREATE TABLE IF NOT EXISTS effect (id INTEGER PRIMARY KEY, who TEXT NOT NULL);"
KEY = IdempotencyKey("x509", "spiffe://t/a", b"k" * 16)
HORIZON = 600.0
DONE = Outcome(0, b"\x01")


@pytest.fixture
def clock() -> VirtualClock:
    """Time that stands still."""
    return VirtualClock()


@pytest.fixture
def store(clock: VirtualClock) -> Iterator[Store]:
    """A store in memory."""
    made = Store(":memory:", clock, HORIZON, TABLE, capacity=3)
    yield made
    made.close()


def insert(sql: sqlite3.Connection) -> Outcome:
    """An effect that can be counted."""
    cursor = sql.execute("INSERT INTO effect (who) VALUES ('me')")
    return Outcome(0, b"%d" % (cursor.lastrowid or 0))


def effects(store: Store) -> int:
    """How many there are."""
    return len(store.query("SELECT id FROM effect"))


def test_a_duplicate_gets_the_first_outcome(store: Store) -> None:
    """The effect happens once; every duplicate sees the same answer."""
    assert store.execute(KEY, b"f", insert) == (Decision.EXECUTE, Outcome(0, b"1"))
    for _ in range(5):
        assert store.execute(KEY, b"f", insert) == (Decision.REPEAT, Outcome(0, b"1"))
    assert effects(store) == 1


def test_another_request_under_the_key_learns_nothing(store: Store) -> None:
    """A mismatch is refused without effect and without the stored answer."""
    store.execute(KEY, b"f", insert)
    assert store.execute(KEY, b"g", insert) == (Decision.MISMATCH, None)
    assert effects(store) == 1


@pytest.mark.parametrize(
    "other",
    [
        IdempotencyKey("x509", "spiffe://t/b", KEY.key),
        IdempotencyKey("psk", KEY.peer, KEY.key),
        IdempotencyKey("x509", KEY.peer, b"K" * 16),
        IdempotencyKey("x509", KEY.peer, KEY.key + b"\0"),
    ],
    ids=["peer", "credential", "case", "length"],
)
def test_principals_and_keys_are_separate(store: Store, other: IdempotencyKey) -> None:
    """Another principal's identical key, or nearly the same key, is another operation."""
    store.execute(KEY, b"f", insert)
    assert store.execute(other, b"f", insert)[0] is Decision.EXECUTE
    assert effects(store) == 2


def test_a_failed_effect_leaves_no_trace(store: Store) -> None:
    """Neither the effect nor its record happened, and the key is free."""

    def fail(sql: sqlite3.Connection) -> Outcome:
        insert(sql)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.execute(KEY, b"f", fail)
    assert effects(store) == 0
    assert store.execute(KEY, b"f", insert)[0] is Decision.EXECUTE


def test_execution_outside_of_the_store(store: Store) -> None:
    """Reserved, in progress, completed."""
    assert store.begin(KEY, b"f") == (Decision.EXECUTE, None)
    assert store.begin(KEY, b"f") == (Decision.IN_PROGRESS, None)
    assert store.begin(KEY, b"g") == (Decision.MISMATCH, None)
    store.complete(KEY, DONE)
    assert store.begin(KEY, b"f") == (Decision.REPEAT, DONE)


def test_a_released_key_is_free(store: Store) -> None:
    """A refusal is not an outcome, and another request may use the key."""
    store.begin(KEY, b"f")
    store.release(KEY)
    assert store.begin(KEY, b"g") == (Decision.EXECUTE, None)


def test_at_capacity_new_keys_are_refused_and_old_ones_kept(store: Store) -> None:
    """Load never makes the store forget."""
    for number in range(3):
        assert (
            store.execute(IdempotencyKey("x509", "p", bytes([number]) * 16), b"f", insert)[0]
            is Decision.EXECUTE
        )
    assert store.execute(KEY, b"f", insert) == (Decision.BUSY, None)
    assert store.execute(IdempotencyKey("x509", "p", bytes(16)), b"f", insert)[0] is Decision.REPEAT
    store.release(IdempotencyKey("x509", "p", bytes(16)))
    assert store.execute(KEY, b"f", insert)[0] is Decision.EXECUTE


def test_horizon(store: Store, clock: VirtualClock) -> None:
    """A record is kept to the horizon and forgotten at it; a step of the wall clock changes nothing."""
    store.execute(KEY, b"f", insert)
    clock.step_wall(1e6)
    clock.advance(HORIZON - 0.001)
    assert store.execute(KEY, b"f", insert)[0] is Decision.REPEAT
    clock.advance(0.001)
    assert store.execute(KEY, b"f", insert)[0] is Decision.EXECUTE
    assert effects(store) == 2


def test_what_is_running_is_not_forgotten(store: Store, clock: VirtualClock) -> None:
    """An execution that takes longer than the horizon still excludes a second one."""
    store.begin(KEY, b"f")
    clock.advance(2 * HORIZON)
    assert store.begin(KEY, b"f")[0] is Decision.IN_PROGRESS


def test_one_of_many_at_once(store: Store) -> None:
    """Sixteen threads with the same key: one executes."""
    barrier = threading.Barrier(16)
    decisions: list[Decision] = []

    def race() -> None:
        barrier.wait()
        decisions.append(store.execute(KEY, b"f", insert)[0])

    threads = [threading.Thread(target=race) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(decision.name for decision in decisions) == ["EXECUTE"] + ["REPEAT"] * 15
    assert effects(store) == 1


def test_a_file_remembers(private_dir: Path, clock: VirtualClock) -> None:
    """Records, effects and ages go on after a restart."""
    path = str(private_dir / "store")
    first = Store(path, clock, HORIZON, TABLE)
    first.execute(KEY, b"f", insert)
    clock.advance(100.0)
    first.close()
    clock.advance(1e6)
    second = Store(path, clock, HORIZON, TABLE)
    assert second.execute(KEY, b"f", insert)[0] is Decision.REPEAT
    clock.advance(HORIZON - 100.0)
    assert second.execute(KEY, b"f", insert)[0] is Decision.EXECUTE
    second.close()


def test_an_interrupted_execution_is_unknown(private_dir: Path, clock: VirtualClock) -> None:
    """What an earlier run began and never finished is neither repeated nor executed again."""
    path = str(private_dir / "store")
    first = Store(path, clock, HORIZON, TABLE)
    first.begin(KEY, b"f")
    first.close()
    second = Store(path, clock, HORIZON, TABLE)
    assert second.begin(KEY, b"f") == (Decision.UNKNOWN, None)
    assert second.begin(KEY, b"g") == (Decision.MISMATCH, None)
    clock.advance(HORIZON)
    assert second.begin(KEY, b"f")[0] is Decision.EXECUTE
    second.close()


CHILD = """
    import os, sys
    from sipc.idempotency import IdempotencyKey, Outcome
    from sipc_runtime.clock import SYSTEM_CLOCK
    from sipc_runtime.store import Store

    path, point = sys.argv[1:]

    def die(here):
        if here == point:
            print("there", flush=True)
            sys.stdin.readline()

    def effect(sql):
        die("before-effect")
        sql.execute("INSERT INTO effect (who) VALUES ('child')")
        die("after-effect")
        return Outcome(0, b"child")

    store = Store(path, SYSTEM_CLOCK, 600.0, "CREATE TABLE IF NOT EXISTS effect (id INTEGER PRIMARY KEY, who TEXT NOT NULL);")
    store.execute(IdempotencyKey("x509", "spiffe://t/a", b"k" * 16), b"f", effect)
    die("after-record")
"""


@pytest.mark.parametrize(
    ("point", "who"),
    [("before-effect", "me"), ("after-effect", "me"), ("after-record", "child")],
)
def test_killed_at_any_point(private_dir: Path, clock: VirtualClock, point: str, who: str) -> None:
    """After kill -9 and a restart there is exactly one effect, and every duplicate gets its answer."""
    path = str(private_dir / "store")
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CHILD), path, point],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline().strip() == b"there"
        child.kill()
    store = Store(path, clock, HORIZON, TABLE)
    outcomes = [store.execute(KEY, b"f", insert)[1] for _ in range(3)]
    assert [row[0] for row in store.query("SELECT who FROM effect")] == [who]
    assert len(set(outcomes)) == 1
    store.close()
