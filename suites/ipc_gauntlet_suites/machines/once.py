"""Keyed requests: one effect and one answer for one principal, whatever is lost, repeated, crashes or is forbidden."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from hypothesis import strategies as st

from ipc_gauntlet import Finding
from ipc_gauntlet_suites.machines.running import Machine, always, step

PRINCIPALS = ("first", "second")
WHO = st.sampled_from(PRINCIPALS)
KEY = st.integers(0, 2)
VARIANT = st.sampled_from([0, 0, 0, 1])
POINTS = st.sampled_from(["before-effect", "after-effect", "after-record", "before-reply"])


class Reply(NamedTuple):
    """What a caller was told.

    Attributes:
        ok: Whether the request succeeded.
        payload: Its result: fresh random bytes of each execution.
        code: Otherwise the implementation's own name for why not.
    """

    ok: bool
    payload: bytes = b""
    code: str = ""


class OnceBackend(Protocol):
    """A responder with callers. Each execution adds the request's body to a ledger and answers with random bytes."""

    def request(self, who: str, key: int, body: bytes) -> Reply:
        """A principal makes a keyed request and waits for what comes of it."""

    def lose(self, who: str, key: int, body: bytes) -> bool:
        """The request arrives, its answer does not; False if that cannot be done."""

    def together(self, who: str, key: int, body: bytes, count: int) -> list[Reply]:
        """The same request several times at once; empty if that cannot be done."""

    def crash(self, who: str, key: int, body: bytes, point: str) -> bool:
        """The responder dies at a point of the request and comes back; False if that cannot be done."""

    def restart(self) -> bool:
        """The responder is stopped and comes back; False if that cannot be done."""

    def forbid(self, who: str, *, forbidden: bool) -> bool:
        """Take a principal's permission, or give it back; False if that cannot be done."""

    def pass_horizon(self, *, over: bool) -> bool:
        """Let time pass, as long as records are kept or almost; False if that cannot be done."""

    def ledger(self) -> list[bytes]:
        """The bodies of all executions so far."""

    def close_all(self) -> None:
        """Give everything back."""


@dataclass(slots=True)
class Known:
    """What the model knows about one key of one principal.

    Attributes:
        tried: The bodies that arrived with it and may have been executed.
        body: The one that was; None while nobody can know.
        answer: What it was answered.
        overdue: Whether its horizon has passed. It was remembered all the same, and may be forgotten at any moment.
    """

    tried: set[bytes] = field(default_factory=set)
    body: bytes | None = None
    answer: bytes | None = None
    overdue: bool = False


class OnceMachine(Machine):
    """See the module.

    Args:
        backend: The responder.
        judged: The reasons of findings that count; all of them without it.
    """

    def __init__(self, backend: OnceBackend, judged: Collection[str] | None = None) -> None:
        super().__init__()
        self.backend = backend
        self._judged = judged
        self.known: dict[tuple[str, int], Known] = {}
        self.past: list[dict[tuple[str, int], Known]] = []
        self.forbidden: set[str] = set()
        self._aged = False

    @step(who=WHO, key=KEY, variant=VARIANT)
    def request(self, who: str, key: int, variant: int) -> None:
        """A request is made and answered."""
        body = _body(key, variant)
        self.did(f"{who}: request {body.decode()}")
        self._answered(who, key, body, self.backend.request(who, key, body), certain=True)

    @step(who=WHO, key=KEY, variant=VARIANT)
    def lose(self, who: str, key: int, variant: int) -> None:
        """A request is made and its answer is lost."""
        body = _body(key, variant)
        if self.backend.lose(who, key, body):
            self.did(f"{who}: request {body.decode()}, its answer is lost")
            if who not in self.forbidden:
                self._entry(who, key).tried.add(body)

    @step(who=WHO, key=KEY, count=st.integers(2, 4))
    def together(self, who: str, key: int, count: int) -> None:
        """The same request comes several times at once."""
        body = _body(key, 0)
        replies = self.backend.together(who, key, body, count)
        if replies:
            self.did(f"{who}: request {body.decode()} {count} times at once")
        for reply in replies:
            self._answered(who, key, body, reply, certain=False)

    @step(who=WHO, key=KEY, point=POINTS)
    def crash(self, who: str, key: int, point: str) -> None:
        """The responder dies in the middle of a request and comes back."""
        body = _body(key, 0)
        if who not in self.forbidden and self.backend.crash(who, key, body, point):
            self.did(f"{who}: request {body.decode()}, the responder dies at {point} and comes back")
            self._entry(who, key).tried.add(body)

    @step()
    def restart(self) -> None:
        """The responder is stopped and comes back."""
        if self.backend.restart():
            self.did("the responder is stopped and comes back")

    @step(who=WHO)
    def forbid(self, who: str) -> None:
        """A principal loses its permission, or gets it back."""
        forbidden = who not in self.forbidden
        if self.backend.forbid(who, forbidden=forbidden):
            self.did(f"{who} may not call any more" if forbidden else f"{who} may call again")
            self.forbidden ^= {who}

    @step(who=WHO, key=KEY)
    def request_while_forbidden(self, who: str, key: int) -> None:
        """A principal makes a request while it has no permission, and gets it back afterwards."""
        if who not in self.forbidden:
            self.forbid(who)
        if who in self.forbidden:
            self.request(who, key, 0)
            self.forbid(who)

    @step(over=st.booleans())
    def pass_horizon(self, over: bool) -> None:
        """Time passes: records must still be there shortly before their horizon, and may be gone after it."""
        if not over and self._aged:
            return
        if self.backend.pass_horizon(over=over):
            self.did("the horizon passes" if over else "almost the whole horizon passes")
            self._aged = not over
            if over:
                self.past.append(self.known)
                self.known = {}

    @always
    def one_effect(self) -> None:
        """No key has had more than one effect within its horizon."""
        ledger = self.backend.ledger()
        for key in range(3):
            mine = sum(1 for body in ledger if body.startswith(b"key-%d" % key))
            callers = self._callers(key)
            self._expect(mine <= callers, f"at most {callers} effects under key {key}", f"{mine}", "executed")
            certain = sum(1 for known in self._of(key) if known.answer is not None)
            self._expect(mine >= certain, f"{certain} effects under key {key}", f"{mine}", "no-effect")

    def finish(self) -> None:
        """Every request is made again, so that a second effect shows, or an answer that is lost."""
        for (who, key), known in tuple(self.known.items()):
            if known.tried and who not in self.forbidden:
                body = known.body or min(known.tried)
                self.did(f"{who}: request {body.decode()}, at the end")
                self._answered(
                    who, key, body, self.backend.request(who, key, body), certain=known.body is not None
                )
        self.one_effect()

    def release(self) -> None:
        """Close everything."""
        self.backend.close_all()

    def _answered(self, who: str, key: int, body: bytes, reply: Reply, *, certain: bool) -> None:
        if who in self.forbidden:
            self._expect(not reply.ok, f"{who}, who may not call, refused", "it was answered", "disclosed")
            return
        known = self._entry(who, key)
        if not reply.ok:
            free = certain and not any((who, key) in epoch for epoch in self.past)
            self._refused(known, body, reply, free=free, certain=certain)
            return
        self._remembered(who, key, reply.payload)
        known = self._entry(who, key)
        if known.overdue and known.answer not in (None, reply.payload):
            known = self._forgotten(who, key)
        others = {one.answer for one in self._all() if one is not known}
        self._expect(reply.payload not in others, "an answer of its own", "another request's", "disclosed")
        same = known.body in (None, body)
        self._expect(same, f"another request under key {key} refused", "it was answered", "accepted")
        repeated = known.answer in (None, reply.payload)
        self._expect(repeated, "the same answer as before", "another one", "other-outcome")
        known.tried.add(body)
        known.body, known.answer = body, reply.payload

    def _refused(self, known: Known, body: bytes, reply: Reply, *, free: bool, certain: bool) -> None:
        """A request was refused; it must not be if nothing stands against it."""
        if not certain:
            known.tried.add(body)
            return
        told = f"it was refused ({reply.code})"
        self._expect(
            not free or bool(known.tried), "a request under an unused key answered", told, "key-consumed"
        )
        stored = known.body == body and not known.overdue
        self._expect(not stored, "the stored answer given again", told, "no-outcome")
        known.tried.add(body)

    def _remembered(self, who: str, key: int, answer: bytes) -> None:
        """A record may be kept for longer than its horizon: then the key never was free again."""
        now = self._entry(who, key)
        for epoch in self.past:
            kept = epoch.get((who, key))
            if kept is not None and kept.answer == answer:
                del epoch[who, key]
                kept.tried |= now.tried
                kept.overdue = True
                self.known[who, key] = kept
            elif kept is not None and kept.answer is None and now.answer is None:
                now.overdue = True  # it may be the answer that was lost before the horizon

    def _forgotten(self, who: str, key: int) -> Known:
        """A record beyond its horizon is gone, and the key was free: what is known of it now is about the new request."""
        self.past.append({(who, key): self.known.pop((who, key))})
        return self._entry(who, key)

    def _entry(self, who: str, key: int) -> Known:
        return self.known.setdefault((who, key), Known())

    def _all(self) -> list[Known]:
        return [known for epoch in (*self.past, self.known) for known in epoch.values()]

    def _of(self, key: int) -> list[Known]:
        return [
            known for epoch in (*self.past, self.known) for (_, one), known in epoch.items() if one == key
        ]

    def _callers(self, key: int) -> int:
        return sum(1 for known in self._of(key) if known.tried)

    def _expect(self, holds: bool, expected: str, seen: str, reason: str) -> None:
        counts = self._judged is None or reason in self._judged
        self.require(Finding(expected, seen, reason) if counts and not holds else None)


def _body(key: int, variant: int) -> bytes:
    return b"key-%d variant-%d" % (key, variant)
