"""A well-behaved driver: calls, observations, resets, restarts, and a small cost."""

import time
from collections.abc import Callable

import pytest
from systems import KILLED, NOWHERE, STACK_TRANSPORT, WINDOWS

from ipc_gauntlet.driver import Call, Driver
from ipc_gauntlet.errors import (
    CallFailed,
    DriverDied,
    DriverProtocolError,
    DriverTimeout,
    HarnessError,
    Unsupported,
)
from ipc_gauntlet.reactor import Reactor

MakeDriver = Callable[..., Driver]
KEY = {"kind": "psk", "id": "k", "key": bytes(32), "self": "spiffe://t/a", "other": "spiffe://t/b"}


def connected(make_driver: MakeDriver, directory: str) -> tuple[Driver, Driver]:
    """Start two plain drivers that are connected as c1."""
    server, client = make_driver("plain"), make_driver("plain", label="client")
    server.start()
    client.start()
    answer = server.call(
        "listen",
        {
            "listener": "l1",
            "transport": STACK_TRANSPORT,
            "directory": directory,
            "trust": {"kind": "psk", "keys": [KEY]},
        },
    )
    client.submit("connect", {"conn": "c1", "address": answer["address"], "credential": KEY})
    assert client.wait_until(lambda: bool(client.observations), 5)
    assert server.wait_until(lambda: bool(server.observations), 5)
    return client, server


def test_a_message_travels_from_driver_to_driver(
    make_driver: MakeDriver, reactor: Reactor, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Bytes given to `send` come back as the payload of `delivered`, with the times of both clocks."""
    client, server = connected(make_driver, str(tmp_path_factory.mktemp("s")))
    before = reactor.now()
    client.call("send", {"conn": "c1", "payload": b"\0hello\xff"})
    assert server.wait_until(lambda: len(server.observations) == 2, 5)
    established, delivered = server.observations
    assert (established.method, established.listener, established.peer) == (
        "established",
        "l1",
        "spiffe://t/b",
    )
    assert (delivered.method, delivered.payload) == ("delivered", b"\0hello\xff")
    assert delivered.conn == established.conn
    assert delivered.seq == established.seq + 1
    assert delivered.t is not None
    assert before <= delivered.arrived <= reactor.now()


def test_reset_begins_a_new_list_of_observations(
    make_driver: MakeDriver, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Evidence of the last case stays with whoever holds it."""
    client, server = connected(make_driver, str(tmp_path_factory.mktemp("s")))
    kept = server.observations
    server.reset()
    client.reset()
    assert server.observations == []
    assert [seen.method for seen in kept] == ["established"]
    assert (server.restarts, client.restarts) == (0, 0)


def test_calls_may_be_in_flight_together(make_driver: MakeDriver, reactor: Reactor) -> None:
    """Each call gets its own answer and knows when it was sent and answered."""
    driver = make_driver("plain")
    driver.start()
    methods = ["describe", "reset", "no_such_method", "send"]
    calls = [driver.submit(method) for method in methods]
    assert not any(call.done for call in calls)
    with pytest.raises(DriverTimeout, match="has not answered `describe` yet"):
        calls[0].result()
    assert reactor.run_until(lambda: all(call.done for call in calls), 5)
    assert calls[0].result()["name"] == "plain"
    assert calls[1].result() == {}
    assert isinstance(calls[2].error, Unsupported)
    assert isinstance(calls[3].error, DriverProtocolError)
    assert all(call.finished_at is not None and call.finished_at >= call.sent_at for call in calls)


def test_errors_of_the_operation_are_told_apart(make_driver: MakeDriver) -> None:
    """Unknown methods and options are Unsupported, failures carry their reason class, and the driver lives on."""
    driver = make_driver("plain")
    driver.start()
    with pytest.raises(Unsupported, match=r"driver server .* does not support this use of `mystery`"):
        driver.call("mystery", None)
    with pytest.raises(Unsupported, match="options x"):
        driver.call("close", {"conn": "c1", "options": {"x": 1}})
    with pytest.raises(CallFailed, match="peer-closed: not connected") as caught:
        driver.call("send", {"conn": "c1", "payload": b""})
    assert caught.value.reason == "peer-closed"
    with pytest.raises(DriverProtocolError, match="error -32602"):
        driver.call("send")
    assert driver.failure is None
    assert driver.alive


def test_a_driver_that_was_never_started_says_so(make_driver: MakeDriver) -> None:
    """No call is lost silently, and there is no statement to believe."""
    driver = make_driver("plain")
    assert not driver.alive
    assert (driver.pid, driver.exit_status, driver.stderr_tail, driver.observations) == (None, None, "", [])
    with pytest.raises(DriverDied, match="is not running; start it first"):
        driver.call("reset")
    with pytest.raises(HarnessError, match="before it was started"):
        _ = driver.statement
    driver.kill()
    driver.close()


def test_starting_twice_is_the_same_as_once(make_driver: MakeDriver) -> None:
    """A running driver is left alone; ensure_alive and reset start one that is not."""
    driver = make_driver("plain")
    driver.ensure_alive()
    first = driver.start()
    pid = driver.pid
    assert driver.start() is first
    driver.ensure_alive()
    assert driver.pid == pid
    driver.kill()
    driver.reset()
    assert driver.alive
    assert driver.pid != pid
    assert driver.restarts == 1


def test_two_drivers_start_at_the_same_time(make_driver: MakeDriver) -> None:
    """Both processes run before either has described itself; a start that nobody waited for is done again."""
    first, second = make_driver("plain", "client"), make_driver("plain")
    ends = [driver.begin_start() for driver in (first, second)]
    assert first.pid is not None
    assert second.pid is not None
    ends[0]()
    assert first.statement.name == "plain"
    second.begin_start()()
    assert second.statement == first.statement
    pids = first.pid, second.pid
    first.begin_start()()
    assert (first.pid, second.pid) == pids


def test_a_new_life_keeps_what_was_told(make_driver: MakeDriver) -> None:
    """The process is another one, its notifications say so, and it counts as no failure."""
    driver = make_driver("plain")
    driver.start()
    driver.call("connect", {"conn": "c1", "address": NOWHERE, "service": "s"})
    assert driver.wait_until(lambda: len(driver.observations) == 1, 5)
    pid = driver.pid
    driver.renew()
    assert driver.pid != pid
    driver.call("connect", {"conn": "c1", "address": NOWHERE, "service": "s"})
    assert driver.wait_until(lambda: len(driver.observations) == 2, 5)
    assert [(one.conn, one.life, one.seq) for one in driver.observations] == [("c1", 0, 0), ("c1", 1, 1)]
    assert driver.restarts == 0


def test_close_lets_the_driver_leave_by_itself(make_driver: MakeDriver) -> None:
    """A polite driver ends with its own exit status, and afterwards calls say that it is gone."""
    driver = make_driver("plain")
    driver.start()
    driver.close()
    assert driver.exit_status == 0
    assert driver.failure is None
    with pytest.raises(DriverDied, match="ended by the harness"):
        driver.call("reset")


def test_kill_ends_the_calls_in_flight(make_driver: MakeDriver) -> None:
    """Whoever waits for an answer learns that there will be none."""
    driver = make_driver("hangs_in_the_middle")
    driver.start()
    call = driver.submit("send", {"conn": "c1", "payload": b""})
    ended: list[bool] = []
    call.on_done = lambda: ended.append(call.done)
    driver.kill()
    assert ended == [True]
    assert isinstance(call.error, DriverDied)
    assert driver.exit_status == KILLED


def test_only_the_first_end_of_a_call_counts() -> None:
    """An answer that comes after the failure does not undo it."""
    call = Call("x", "reset", None, 1.0)
    call.finish(2.0, DriverDied("x", "gone"))
    call.finish(3.0, {"late": True})
    assert call.finished_at == 2.0
    with pytest.raises(DriverDied):
        call.result()


def test_waiting_ends_when_the_driver_breaks(make_driver: MakeDriver) -> None:
    """A wait for something that a dead driver cannot bring about any more does not last until its timeout."""
    driver = make_driver("dies_in_the_middle")
    driver.start()
    driver.submit("close", {"conn": "c1"})
    before = time.monotonic()
    with pytest.raises(DriverDied, match="access violation" if WINDOWS else "SIGSEGV"):
        driver.wait_until(lambda: False, 60)
    assert time.monotonic() - before < 30
    assert not make_driver("plain").wait_until(lambda: False, 0)


def test_a_large_message_passes_through_pipes_that_are_smaller(
    make_driver: MakeDriver, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Requests and notifications larger than a pipe are written and read in parts."""
    client, server = connected(make_driver, str(tmp_path_factory.mktemp("s")))
    payload = bytes(range(256)) * 256
    calls = [client.submit("send", {"conn": "c1", "payload": payload}) for _ in range(20)]
    assert server.wait_until(lambda: len(server.observations) == 21, 20)
    assert all(call.result() == {} for call in calls)
    assert all(seen.payload == payload for seen in server.observations[1:])


def test_the_round_trip_of_a_call_is_cheap(make_driver: MakeDriver) -> None:
    """Hundreds of cases a second need calls that cost the harness far less than a millisecond."""
    driver = make_driver("plain")
    driver.start()
    best = min(_cost_of_calls(driver, 200) for _ in range(5))
    assert best < 0.001


def _cost_of_calls(driver: Driver, count: int) -> float:
    before = time.process_time()
    for _ in range(count):
        driver.call("reset")
    return (time.process_time() - before) / count
