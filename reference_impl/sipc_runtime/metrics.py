"""Counters of what happened, for whoever runs the program."""

import threading

from sipc.events import Closed, Established, Event, Rejected


class Metrics:
    """Numbers by name; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers: dict[str, int] = {}

    def count(self, name: str, by: int = 1) -> None:
        """Add to a number."""
        with self._lock:
            self._numbers[name] = self._numbers.get(name, 0) + by

    def observe(self, event: Event) -> None:
        """Count what an event of a connection says."""
        if isinstance(event, Established):
            self.count("established")
            self.count(f"suite:{event.suite}")
            self.count(f"version:{event.version}")
        elif isinstance(event, Rejected):
            self.count("rejected")
            if event.reason == "timeout" and event.stage in {"negotiation", "handshake"}:
                self.count("handshake_timeout")
            elif event.stage == "negotiation" and event.reason == "malformed":
                self.count("legacy_refused")
        if isinstance(event, (Closed, Rejected)) and event.reason == "integrity":
            self.count("integrity")

    def snapshot(self) -> dict[str, int]:
        """All numbers that were ever counted."""
        with self._lock:
            return dict(self._numbers)
