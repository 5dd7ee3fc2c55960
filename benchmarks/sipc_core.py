"""The protocol of the reference alone: both ends in one process, no sockets, threads or other processes.

This is no stack that anybody could use. It shows what of `sipc-chacha` and `sipc-aesgcm` is the protocol, and so the
most that a faster runtime could gain.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.sipc import AesGcm, ChaCha, Sipc, name
from benchmarks.stack import CLIENT, SERVICE, Channel
from sipc.connection import Connection, Context
from sipc.events import RequestReceived, ResponseReceived
from sipc.exchange import Answer
from sipc.handshake import Initiator, Responder
from sipc.handshake_config import InitiatorConfig, ResponderConfig
from sipc.rpc import Call, Message
from sipc.settings import Settings
from sipc_runtime.entropy import SYSTEM_ENTROPY


def _uncounted(_name: str) -> None:
    """Nobody asks for metrics here."""


class CoreChannel:
    """Two connections, and the bytes between them."""

    def __init__(self, client: InitiatorConfig, server: ResponderConfig) -> None:
        wall, now, settings = time.time(), time.monotonic(), Settings()
        random = SYSTEM_ENTROPY.random
        self._client = Connection(
            Initiator(client, SYSTEM_ENTROPY, wall), settings, Context(True, wall, random, _uncounted), now
        )
        self._server = Connection(
            Responder(server, SYSTEM_ENTROPY, wall), settings, Context(False, wall, random, _uncounted), now
        )
        self._answers: list[object] = []
        self._move()
        if not (self._client.established and self._server.established):
            raise ConnectionError("no session")

    def _move(self) -> None:
        """Pass bytes on and handle events until nothing moves any more."""
        moved = True
        while moved:
            moved = self._pass(self._client, self._server) | self._pass(self._server, self._client)

    def _pass(self, sender: Connection, receiver: Connection) -> bool:
        data = sender.data_to_send()
        if not data:
            return False
        receiver.receive_data(data, time.monotonic())
        while receiver.events:
            event = receiver.events.popleft()
            if isinstance(event, RequestReceived):
                receiver.respond(event.envelope.mid, Answer(body=event.envelope.body))
            elif isinstance(event, ResponseReceived):
                self._answers.append(event.envelope.body)
        return True

    def echo(self, payload: bytes) -> bytes:
        """Send a request and return the answer's body."""
        self._client.request(Call("bench.echo", payload), time.monotonic())
        self._move()
        answer = self._answers.pop() if self._answers else None
        if not isinstance(answer, bytes):
            raise ConnectionError("no answer")
        return answer

    def push(self, payload: bytes) -> None:
        """Send an event."""
        self._client.send_event(Message("bench.event", payload))
        self._move()

    def flush(self) -> None:
        """Nothing ever waits here."""

    def close(self) -> None:
        """Close in order."""
        self._client.close(time.monotonic())
        self._move()


class Core(Sipc):
    """Both configurations, and nothing to connect to."""

    def serve(self, folder: Path, ready: Callable[[], None]) -> None:
        """Wait: the client's process plays both ends."""
        del folder
        ready()
        threading.Event().wait()

    def connect(self, folder: Path) -> Channel:
        """Handshake in memory."""
        if not hasattr(self, "_configs"):
            trust = self._trust(folder)
            self._configs = (
                InitiatorConfig(name(SERVICE), self._credential(folder, CLIENT), trust, (self.suite,)),
                ResponderConfig(name(SERVICE), self._credential(folder, SERVICE), trust, (self.suite,)),
            )
        return CoreChannel(*self._configs)


class CoreChaCha(Core, ChaCha):
    """With ChaCha20-Poly1305."""

    name = "core-chacha"


class CoreAesGcm(Core, AesGcm):
    """With AES-256-GCM."""

    name = "core-aesgcm"
