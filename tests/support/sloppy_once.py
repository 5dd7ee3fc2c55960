"""A toy responder with a record of keys that is careful unless it is told which mistake to make."""

import itertools
from collections.abc import Collection
from dataclasses import dataclass

from ipc_gauntlet_suites.machines.once import Reply

MISTAKES = {
    "no-dedup": "nothing is remembered",
    "effect-then-record": "the record is written only after the effect: a crash between them forgets it",
    "volatile": "the records are in memory only",
    "no-in-progress": "a request is remembered only once it is answered",
    "short-horizon": "records are forgotten a little too early",
    "global-scope": "a key belongs to nobody",
    "no-fingerprint": "another request under the same key gets the first one's answer",
    "executes-another": "another request under the same key is executed",
    "burns-refused": "a refused request uses its key up",
    "record-before-permission": "the stored answer is given before permission is looked at",
    "evicts": "the oldest record makes room for a third one",
    "new-answer": "a duplicate is not executed, but answered anew",
    "bare-duplicate": "a duplicate is told that it is one",
    "record-then-effect": "the record is written before the effect and taken for the answer after a crash",
}


@dataclass
class Record:
    """What is known under a key."""

    body: bytes
    answer: bytes
    seen: float
    ready: bool = True


class SloppyOnce:
    """The back end of `OnceMachine` for the toy; see `OnceBackend`.

    Args:
        mistakes: Names from `MISTAKES`.
    """

    def __init__(self, *mistakes: str) -> None:
        self._wrong: Collection[str] = mistakes
        self._records: dict[tuple[str, int], Record] = {}
        self._effects: list[bytes] = []
        self._forbidden: set[str] = set()
        self._now = 0.0
        self._numbers = itertools.count()

    def request(self, who: str, key: int, body: bytes) -> Reply:
        """See `OnceBackend`."""
        scope = ("" if "global-scope" in self._wrong else who, key)
        self._forget()
        record = self._records.get(scope)
        if who in self._forbidden and not (record and "record-before-permission" in self._wrong):
            if "burns-refused" in self._wrong:
                self._records.setdefault(scope, Record(body, b"", self._now, ready=False))
            return Reply(False, code="denied")
        if record is None:
            return self._execute(scope, body)
        if record.body != body and "no-fingerprint" not in self._wrong:
            return self._other(body)
        if not record.ready:
            return Reply(False, code="outcome_unknown")
        if "bare-duplicate" in self._wrong:
            return Reply(False, code="duplicate")
        return Reply(True, self._fresh() if "new-answer" in self._wrong else record.answer)

    def _other(self, body: bytes) -> Reply:
        if "executes-another" in self._wrong:
            self._effects.append(body)
            return Reply(True, self._fresh())
        return Reply(False, code="mismatch")

    def _execute(self, scope: tuple[str, int], body: bytes) -> Reply:
        self._effects.append(body)
        answer = self._fresh()
        if "no-dedup" not in self._wrong:
            self._records[scope] = Record(body, answer, self._now)
        if "evicts" in self._wrong and len(self._records) > 2:
            del self._records[min(self._records, key=lambda one: self._records[one].seen)]
        return Reply(True, answer)

    def _fresh(self) -> bytes:
        return b"answer %d" % next(self._numbers)

    def _forget(self) -> None:
        horizon = 90.0 if "short-horizon" in self._wrong else 100.0
        self._records = {
            one: record for one, record in self._records.items() if self._now < record.seen + horizon
        }

    def lose(self, who: str, key: int, body: bytes) -> bool:
        """See `OnceBackend`."""
        self.request(who, key, body)
        return True

    def together(self, who: str, key: int, body: bytes, count: int) -> list[Reply]:
        """See `OnceBackend`."""
        if "no-in-progress" in self._wrong and (who, key) not in self._records and who not in self._forbidden:
            return [self._execute((who, key), body) for _ in range(count)]
        return [self.request(who, key, body) for _ in range(count)]

    def crash(self, who: str, key: int, body: bytes, point: str) -> bool:
        """See `OnceBackend`: effect and record are made together, or not at all, unless that is the mistake."""
        fresh = (who, key) not in self._records
        if point not in ("before-effect", "after-effect") or not fresh:
            self.request(who, key, body)
        elif "effect-then-record" in self._wrong and point == "after-effect":
            self._effects.append(body)
        elif "record-then-effect" in self._wrong and point == "before-effect":
            self._records[who, key] = Record(body, self._fresh(), self._now)
        return self.restart()

    def restart(self) -> bool:
        """See `OnceBackend`."""
        if "volatile" in self._wrong:
            self._records.clear()
        return True

    def forbid(self, who: str, *, forbidden: bool) -> bool:
        """See `OnceBackend`."""
        (self._forbidden.add if forbidden else self._forbidden.discard)(who)
        return True

    def pass_horizon(self, *, over: bool) -> bool:
        """See `OnceBackend`."""
        self._now += 100.0 if over else 99.0
        return True

    def ledger(self) -> list[bytes]:
        """See `OnceBackend`."""
        return self._effects

    def close_all(self) -> None:
        """See `OnceBackend`."""
