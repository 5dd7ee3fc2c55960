"""The driver as a program: requests go to its standard input, lines come from its standard output."""

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local_places import LOCAL
from sipc_identities import SERVER, identities, text

Json = dict[str, Any]
WAIT = 30.0


class Program:
    """A running driver.

    Attributes:
        notes: Notifications so far, in order.
    """

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sipc_driver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.notes: list[Json] = []
        self._answers: dict[object, Json] = {}
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._next = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(b"")

    def write(self, data: bytes) -> None:
        """Write raw bytes."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def submit(self, method: str, **params: object) -> int:
        """Send a request and return its id."""
        self._next += 1
        self.write(
            json.dumps({"jsonrpc": "2.0", "id": self._next, "method": method, "params": params}).encode()
            + b"\n"
        )
        return self._next

    def take(self) -> bool:
        """Take one line; False at the end of the output."""
        line = self._lines.get(timeout=WAIT)
        if not line:
            return False
        message = json.loads(line)
        assert message["jsonrpc"] == "2.0"
        if "method" in message:
            self.notes.append(message)
        else:
            self._answers[message["id"]] = message
        return True

    def answer(self, ident: object) -> Json:
        """Wait for the whole answer to a request."""
        while ident not in self._answers:
            assert self.take(), self.stderr()
        return self._answers.pop(ident)

    def call(self, method: str, **params: object) -> Json:
        """Send a request and return its result."""
        answer = self.answer(self.submit(method, **params))
        assert "result" in answer, answer
        result: Json = answer["result"]
        return result

    def error(self, method: str, **params: object) -> Json:
        """Send a request that must fail; return the error."""
        answer = self.answer(self.submit(method, **params))
        assert "error" in answer, answer
        error: Json = answer["error"]
        return error

    def note(self, method: str, where: Callable[[Json], bool] = lambda _params: True) -> Json:
        """Wait for a notification and return its parameters."""
        seen = 0
        while True:
            for note in self.notes[seen:]:
                if note["method"] == method and where(note["params"]):
                    params: Json = note["params"]
                    return params
            seen = len(self.notes)
            assert self.take(), self.stderr()

    def of(self, method: str) -> list[Json]:
        """Parameters of the notifications of one method so far."""
        return [note["params"] for note in self.notes if note["method"] == method]

    def stderr(self) -> str:
        """Everything on the standard error, after the end."""
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()

    def reset(self) -> None:
        """Call `reset` and forget notifications."""
        self.call("reset")
        self.notes.clear()

    def end(self) -> int:
        """End the input and wait for the program."""
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()
        try:
            return self.process.wait(WAIT)
        finally:
            self.process.kill()
            self.process.wait()
            self._reader.join(WAIT)
            for stream in (self.process.stdout, self.process.stderr):
                if stream is not None:
                    stream.close()


class Session:
    """A client and a server in the same driver."""

    def __init__(self, program: Program, directory: Path) -> None:
        self.program = program
        self.directory = directory
        self.server = ""
        self.address: Json = {}

    def listen(
        self, kind: str = "x509", transport: str = LOCAL, listener: str = "l1", **params: object
    ) -> Json:
        """Open a listener and remember its address."""
        server, _ = identities(kind)
        result = self.program.call(
            "listen",
            **{
                "listener": listener,
                "transport": transport,
                "directory": str(self.directory),
                "service": SERVER,
            }
            | server
            | params,
        )
        self.address = result["address"]
        return self.address

    def connect(self, kind: str = "x509", conn: str = "c1", **params: object) -> Json:
        """Connect and wait until both sides are established; return what the client was told."""
        self.attempt(kind, conn, **params)
        before = {note["conn"] for note in self.program.of("established") if "listener" in note} - {
            self.server
        }
        mine = self.program.note("established", lambda note: note["conn"] == conn)
        theirs = self.program.note(
            "established", lambda note: note["binding"] == mine["binding"] and "listener" in note
        )
        assert theirs["conn"] not in before - {theirs["conn"]}
        self.server = theirs["conn"]
        return mine

    def attempt(self, kind: str = "x509", conn: str = "c1", **params: object) -> None:
        """Start a connection."""
        _, client = identities(kind)
        self.program.call(
            "connect", **{"conn": conn, "address": self.address, "service": SERVER} | client | params
        )

    def send(self, payload: bytes, conn: str = "c1") -> None:
        """Send a message."""
        assert self.program.call("send", conn=conn, payload=text(payload)) == {}

    def request(self, operation: str, payload: bytes = b"", conn: str = "c1", **params: object) -> Json:
        """Send a request and return its outcome."""
        return self.program.call(
            "send", conn=conn, kind="request", operation=operation, payload=text(payload), **params
        )
