"""A small client for driver programs, pairs of them, and a relay that can cut a stream."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from driver_credentials import SERVICE, Certificates, Side, psk_sides, raw_key_sides, x509_sides
from systems import STACK_TRANSPORT, STACK_TRANSPORTS, connected_to, listening_in

PATIENCE_S = 30.0
ADDRESS_FAMILIES = STACK_TRANSPORTS


class RpcError(Exception):
    """A driver answered with a JSON-RPC error."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.code = error["code"]
        self.data = error.get("data")


class DriverClient:
    """Starts a driver program and talks to it; every wait has a deadline."""

    def __init__(self, argv: list[str], env: dict[str, str] | None = None) -> None:
        self.stderr = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.stderr,
            env={**os.environ, **(env or {})},
        )
        self.notifications: list[dict[str, Any]] = []
        self.unreadable: list[bytes] = []
        self._answers: dict[Any, dict[str, Any]] = {}
        self._changed = threading.Condition()
        self._next_id = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def write(self, data: bytes) -> None:
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def submit(self, method: str, **params: object) -> int:
        self._next_id += 1
        request = {"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": params}
        self.write(json.dumps(request).encode() + b"\n")
        return self._next_id

    def result(self, request_id: object) -> dict[str, Any]:
        with self._changed:
            assert self._changed.wait_for(lambda: request_id in self._answers, PATIENCE_S), self.told()
            answer = self._answers.pop(request_id)
        if "error" in answer:
            raise RpcError(answer["error"])
        return answer["result"]

    def answered(self, request_id: object) -> bool:
        with self._changed:
            return request_id in self._answers

    def call(self, method: str, **params: object) -> dict[str, Any]:
        return self.result(self.submit(method, **params))

    def wait(self, method: str, count: int = 1, **members: object) -> dict[str, Any]:
        """Wait for the `count`-th notification with these members."""

        def found() -> list[dict[str, Any]]:
            return [
                one["params"]
                for one in self.notifications
                if one["method"] == method and members.items() <= one["params"].items()
            ]

        with self._changed:
            assert self._changed.wait_for(lambda: len(found()) >= count, PATIENCE_S), (
                f"no {method} {members}: {self.told()}"
            )
            return found()[count - 1]

    def wait_end(self, conn: str) -> dict[str, Any]:
        """Wait until an attempt or a connection has ended, whichever it was."""

        def ends() -> list[dict[str, Any]]:
            told = [one for one in self.notifications if one["method"] in ("closed", "rejected")]
            return [one["params"] for one in told if one["params"].get("conn") == conn]

        with self._changed:
            assert self._changed.wait_for(ends, PATIENCE_S), self.told()
            return ends()[0]

    def seen(self, method: str) -> list[dict[str, Any]]:
        with self._changed:
            return [one["params"] for one in self.notifications if one["method"] == method]

    def payloads(self, conn: str) -> list[bytes]:
        return [base64.b64decode(one["payload"]) for one in self.seen("delivered") if one["conn"] == conn]

    def told(self) -> str:
        self.stderr.seek(0)
        return f"{self.notifications[-8:]} stderr: {self.stderr.read()[-2000:].decode()}"

    def leave(self) -> int:
        """End stdin and return the exit status."""
        self.process.stdin.close()
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(2)
        self.process.kill()
        self.process.wait()
        self._reader.join()
        self.process.stdout.close()
        self.stderr.close()

    def _read(self) -> None:
        for line in self.process.stdout:
            with self._changed:
                try:
                    message = json.loads(line)
                except ValueError:
                    self.unreadable.append(line)
                else:
                    if "method" in message:
                        self.notifications.append(message)
                    else:
                        self._answers[message["id"]] = message
                self._changed.notify_all()


@dataclass(frozen=True)
class Stack:
    """One bundled driver and what its library is known to tell.

    Args:
        module: What `python -m` runs.
        sides: Makes the credentials.
        regular_end: `(how, reason)` that a side reports when the other closes gracefully; None if it cannot tell.
        dropped: The same when the other drops the transport.
    """

    module: str
    sides: Callable[[], dict[str, Side]]
    regular_end: dict[str, tuple[str, str] | None] = field(default_factory=dict)
    dropped: dict[str, tuple[str, str] | None] = field(default_factory=dict)


CLEAN = ("clean", "unspecified")
CUT = ("truncated", "truncated")
STACKS = {
    "python-ssl": Stack(
        "python_ssl", x509_sides, {"client": CLEAN, "server": CLEAN}, {"client": CLEAN, "server": CLEAN}
    ),
    "python-ssl-strict": Stack(
        "python_ssl_strict", x509_sides, {"client": CLEAN, "server": CLEAN}, {"client": CUT, "server": CUT}
    ),
    "python-multiprocessing": Stack(
        "python_multiprocessing",
        psk_sides,
        {"client": CLEAN, "server": CLEAN},
        {"client": CLEAN, "server": CLEAN},
    ),
    "curvezmq": Stack(
        "curvezmq", raw_key_sides, {"client": CLEAN, "server": None}, {"client": CLEAN, "server": None}
    ),
    "noise-xx": Stack(
        "noise_xx", raw_key_sides, {"client": CLEAN, "server": CLEAN}, {"client": CLEAN, "server": CLEAN}
    ),
}


class Pair:
    """Two processes of one driver, which play client and server."""

    def __init__(self, client: DriverClient, server: DriverClient, stack: Stack, directory: str) -> None:
        self.client = client
        self.server = server
        self.stack = stack
        self.directory = directory
        self._count = 0

    def name(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    def listen(
        self, side: Side, transport: str = STACK_TRANSPORT, **more: object
    ) -> tuple[str, dict[str, Any]]:
        listener = self.name("l")
        answer = self.server.call(
            "listen",
            listener=listener,
            transport=transport,
            directory=self.directory,
            service=SERVICE,
            **side.params(),
            **more,
        )
        return listener, answer["address"]

    def connect(self, address: dict[str, Any], side: Side, **more: object) -> str:
        conn = self.name("c")
        params = {"service": SERVICE, **side.params(), **more}
        self.client.call("connect", conn=conn, address=address, **params)
        return conn

    def session(
        self, transport: str = STACK_TRANSPORT, sides: dict[str, Side] | None = None
    ) -> tuple[str, str]:
        """Make a session and return the ids of both ends."""
        sides = sides or self.stack.sides()
        listener, address = self.listen(sides["server"], transport)
        conn = self.connect(address, sides["client"])
        self.client.wait("established", conn=conn)
        return conn, self.server.wait("established", listener=listener)["conn"]

    def role(self, name: str) -> DriverClient:
        return self.client if name == "client" else self.server


class Relay:
    """Stands between a client and a server and stops forwarding, with an end, after so many bytes of one direction."""

    def __init__(self, upstream: dict[str, Any], directory: str) -> None:
        self.budget = {"c2s": 1 << 40, "s2c": 1 << 40}
        self.passed = {"c2s": 0, "s2c": 0}
        self.held: set[str] = set()
        self.flipping: set[str] = set()
        self.closed = threading.Event()
        self._upstream = upstream
        self._listening, self.address = listening_in(directory)
        self._sockets: list[socket.socket] = [self._listening]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def cut_after(self, direction: str, more: int) -> None:
        self.budget[direction] = self.passed[direction] + more

    def flip(self, direction: str) -> None:
        """Change the last bit of the next bytes in one direction."""
        self.flipping.add(direction)

    def hold(self, direction: str) -> None:
        """Stop reading in one direction, without an end."""
        self.held.add(direction)

    def close(self) -> None:
        self.closed.set()
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for one in self._sockets:
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            near, _ = self._listening.accept()
            far = connected_to(self._upstream)
            self._sockets += [near, far]
            for pump in (("c2s", near, far), ("s2c", far, near)):
                self._threads.append(threading.Thread(target=self._pump, args=pump))
                self._threads[-1].start()

    def _pump(self, direction: str, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if direction in self.held:
                    self.closed.wait()
                if direction in self.flipping:
                    self.flipping.discard(direction)
                    data = data[:-1] + bytes([data[-1] ^ 1])
                left = self.budget[direction] - self.passed[direction]
                sink.sendall(data[:left])
                self.passed[direction] += len(data[:left])
                if len(data) >= left:
                    break
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def directory() -> Iterator[str]:
    """A short private folder: Unix socket names are limited to about a hundred bytes."""
    with tempfile.TemporaryDirectory(prefix="ig") as folder:
        yield folder


@pytest.fixture
def start() -> Iterator[Callable[..., DriverClient]]:
    """Start driver programs that are gone when the test ends."""
    started: list[DriverClient] = []

    def launch(argv: list[str], env: dict[str, str] | None = None) -> DriverClient:
        started.append(DriverClient(argv, env))
        return started[-1]

    yield launch
    for one in started:
        one.close()


@pytest.fixture
def make_pair(start: Callable[..., DriverClient], directory: str) -> Callable[[str], Pair]:
    """Make a pair of a named stack."""

    def make(name: str) -> Pair:
        argv = [sys.executable, "-m", f"ipc_gauntlet_drivers.{STACKS[name].module}"]
        return Pair(start(argv), start(argv), STACKS[name], directory)

    return make


@pytest.fixture
def x509_kit() -> type[Certificates]:
    """Make authorities; `side` joins a credential and a trust."""
    return Certificates


@pytest.fixture
def make_relay(directory: str) -> Iterator[Callable[[dict[str, Any]], Relay]]:
    """Make relays that are gone when the test ends."""
    made: list[Relay] = []

    def make(upstream: dict[str, Any]) -> Relay:
        made.append(Relay(upstream, directory))
        return made[-1]

    yield make
    for one in made:
        one.close()
