"""The one place that writes to stdout."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import BinaryIO

from ipc_gauntlet.sdk import wire

_EXIT_GRACE_S = 0.2


class Output:
    """Writes whole lines under one lock, so that what several threads tell never mixes.

    Args:
        stream: Where the harness reads.
        on_broken: Called when the harness no longer reads; must not return to a useful state.
        clock: Monotonic seconds.
    """

    def __init__(
        self, stream: BinaryIO, on_broken: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._on_broken = on_broken
        self._clock = clock
        self.lock = threading.Lock()

    def write(self, message: wire.JsonObject) -> None:
        """Write one message and flush it."""
        line = wire.encode(message)
        with self.lock:
            self._put(line)

    def notify(self, wanted: Callable[[], bool], method: str, params: Mapping[str, object]) -> None:
        """Write a notification, unless nobody wants it any more.

        Args:
            wanted: Asked under the lock, so that nothing can slip out after a `reset` was answered.
            method: The notification's name.
            params: Its members; `t` is added, None is left out, bytes become base64.
        """
        with self.lock:
            if wanted():
                stamped = {"t": round(self._clock(), 6), **params}
                self._put(wire.encode(wire.notification(method, stamped)))

    def settle(self) -> None:
        """Wait, shortly, for a line that is being written."""
        if self.lock.acquire(timeout=_EXIT_GRACE_S):
            self.lock.release()

    def _put(self, line: bytes) -> None:
        try:
            self._stream.write(line)
            self._stream.flush()
        except OSError:
            self._on_broken()
