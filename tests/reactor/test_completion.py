"""The loop for Windows, on any system: sockets through a selector, pipes through what they say of themselves."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.reactor import Completing, CompletionReactor, Reactor


class FakePipe:
    """A pipe that completes what a test says; its descriptor is of no use to a selector."""

    def __init__(self) -> None:
        self.closed = False
        self.watcher: Callable[[], None] | None = None
        self.begun = 0
        self.under_way = False
        self.arrived: list[bytes] = []
        self.writable = False

    def fileno(self) -> int:
        """Pretend to be a handle."""
        return 0x7FFFFFFF

    def watch(self, watcher: Callable[[], None] | None) -> None:
        """Remember who waits."""
        self.watcher = watcher

    def begin_read(self) -> None:
        """Begin a read unless one is under way, and count it."""
        if not self.arrived and not self.under_way:
            self.under_way = True
            self.begun += 1

    def can_read(self) -> bool:
        """Whether something has arrived."""
        return bool(self.arrived)

    def can_write(self) -> bool:
        """Whether a test said so."""
        return self.writable

    def complete(self, data: bytes) -> None:
        """Let bytes arrive, as the port's thread would."""
        self.arrived.append(data)
        self.under_way = False
        if self.watcher is not None:
            self.watcher()


@pytest.fixture
def reactor() -> Iterator[CompletionReactor]:
    """The loop."""
    made = CompletionReactor()
    yield made
    made.close()


@pytest.fixture
def pipe() -> FakePipe:
    """A pipe on which nothing has happened."""
    return FakePipe()


def never() -> bool:
    """A predicate that never holds."""
    return False


def test_the_fake_is_what_the_loop_takes_for_a_pipe(pipe: FakePipe) -> None:
    """And a socket is not."""
    assert isinstance(pipe, Completing)
    with socket.socket() as sock:
        assert not isinstance(sock, Completing)


def test_a_completion_on_another_thread_wakes_the_loop(reactor: CompletionReactor, pipe: FakePipe) -> None:
    """Whatever sleeps in select is woken, and the callback runs on the loop's own thread."""
    seen: list[tuple[bytes, threading.Thread]] = []
    reactor.add_reader(pipe, lambda: seen.append((pipe.arrived.pop(), threading.current_thread())))
    thread = threading.Timer(0.02, pipe.complete, (b"hello",))
    thread.start()
    assert reactor.run_until(lambda: bool(seen), 10)
    thread.join()
    assert seen == [(b"hello", threading.current_thread())]


def test_a_read_is_begun_when_somebody_watches_and_again_after_each(
    reactor: CompletionReactor, pipe: FakePipe
) -> None:
    """So that the next bytes are noticed too."""
    assert pipe.begun == 0
    reactor.add_reader(pipe, lambda: pipe.arrived.clear())
    assert pipe.begun == 1
    pipe.complete(b"one")
    reactor.run_until(never, 0)
    assert pipe.begun == 2


def test_what_is_ready_is_reported_until_it_is_read(reactor: CompletionReactor, pipe: FakePipe) -> None:
    """Once for each pass, as with sockets, and the loop does not sleep meanwhile."""
    count = 0

    def readable() -> None:
        nonlocal count
        count += 1

    pipe.arrived.append(b"waits")
    reactor.add_reader(pipe, readable)
    assert reactor.run_until(lambda: count == 3, 10)


def test_sockets_and_pipes_are_served_in_one_pass(reactor: CompletionReactor, pipe: FakePipe) -> None:
    """Neither kind starves the other."""
    log: list[str] = []
    left, right = socket.socketpair()
    with left, right:
        reactor.add_reader(left, lambda: log.append(f"socket {left.recv(1).decode()}"))
        reactor.add_reader(pipe, lambda: log.append(f"pipe {pipe.arrived.pop().decode()}"))
        right.send(b"s")
        pipe.complete(b"p")
        assert reactor.run_until(lambda: len(log) == 2, 10)
        reactor.remove_reader(left)
    assert sorted(log) == ["pipe p", "socket s"]


def test_a_callback_may_remove_the_callbacks_of_every_pipe(reactor: CompletionReactor) -> None:
    """Of two that are ready and remove each other, one is served; the writer of the same pipe is not called either."""
    log: list[str] = []
    pipes = [FakePipe(), FakePipe()]

    def remove_all() -> None:
        log.append("served")
        for one in pipes:
            reactor.remove_reader(one)
            reactor.remove_writer(one)

    for one in pipes:
        one.arrived.append(b"x")
        one.writable = True
        reactor.add_reader(one, remove_all)
        reactor.add_writer(one, lambda: log.append("written"))
    reactor.run_until(never, 0)
    assert log == ["served"]
    assert [one.watcher for one in pipes] == [None, None]


def test_a_writer_is_called_while_it_can_write(reactor: CompletionReactor, pipe: FakePipe) -> None:
    """And not while a write is under way."""
    log: list[str] = []

    def writable() -> None:
        log.append("w")
        reactor.remove_writer(pipe)

    reactor.add_writer(pipe, writable)
    reactor.run_until(never, 0)
    assert log == []
    pipe.writable = True
    assert reactor.run_until(lambda: bool(log), 10)
    reactor.run_until(never, 0)
    assert log == ["w"]
    assert pipe.watcher is None


def test_removing_what_is_not_watched_is_harmless(reactor: CompletionReactor, pipe: FakePipe) -> None:
    """Clean-up code need not know."""
    reactor.remove_reader(pipe)
    reactor.remove_writer(pipe)
    reactor.add_reader(pipe, lambda: None)
    for _ in range(2):
        reactor.remove_reader(pipe)
    assert pipe.watcher is None


def test_a_closed_pipe_cannot_be_watched(reactor: CompletionReactor, pipe: FakePipe) -> None:
    """It is an error at once, not a silent wait."""
    pipe.closed = True
    with pytest.raises(ValueError, match="closed"):
        reactor.add_reader(pipe, lambda: None)


def test_many_completions_make_one_wake_up(reactor: CompletionReactor, pipe: FakePipe) -> None:
    """A flood of them cannot fill the socket that wakes the loop, which would block the port's thread."""
    passes: list[int] = []
    reactor.add_reader(pipe, lambda: passes.append(len(pipe.arrived)) or pipe.arrived.clear())
    for _ in range(100_000):
        pipe.complete(b"x")
    assert reactor.run_until(lambda: bool(passes), 10)
    assert passes == [100_000]


def test_timers_and_timeouts_work_beside_pipes(reactor: Reactor, pipe: FakePipe) -> None:
    """A pipe on which nothing happens delays nothing."""
    fired: list[str] = []
    reactor.add_reader(pipe, lambda: fired.append("pipe"))
    reactor.call_at(reactor.now() + 0.01, lambda: fired.append("timer"))
    assert not reactor.run_until(never, 0.03)
    assert fired == ["timer"]


def test_a_closed_loop_lets_go_of_its_pipes(pipe: FakePipe) -> None:
    """And a completion that comes afterwards is harmless."""
    reactor = CompletionReactor()
    reactor.add_reader(pipe, lambda: None)
    watcher = pipe.watcher
    reactor.close()
    reactor.close()
    assert pipe.watcher is None
    assert watcher is not None
    watcher()


def test_more_sockets_than_can_be_waited_for_are_refused(
    reactor: CompletionReactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With words, before select fails with others; the one that wakes the loop counts too."""
    monkeypatch.setattr("ipc_gauntlet.reactor.completion._MOST_SOCKETS", 2)
    left, right = socket.socketpair()
    with left, right:
        reactor.add_reader(left, lambda: None)
        with pytest.raises(HarnessError, match="more than 2 sockets"):
            reactor.add_writer(right, lambda: None)
        reactor.remove_reader(left)
        reactor.remove_writer(right)
