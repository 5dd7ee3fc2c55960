"""Checks that a driver refuses what it does not declare: a guessed `{}` would be taken for something that was done."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ipc_gauntlet.driver.client import Driver
from ipc_gauntlet.driver.doctor.exam import Exam, Wrong
from ipc_gauntlet.driver.doctor.talking import connect, listen, pair
from ipc_gauntlet.driver.vocabulary import METHOD_NOT_FOUND, UNSUPPORTED, Feature
from ipc_gauntlet.errors import CallFailed, DriverError, Unsupported

_ANSWER = f"answer error {UNSUPPORTED}, or {METHOD_NOT_FOUND} to a method that it does not have"


@dataclass(frozen=True, slots=True)
class _Verb:
    """One use of a method that belongs to a feature.

    Args:
        feature: Without it the driver must refuse; None is no feature of anybody.
        method: What is called.
        params: With what.
        needs: What must be there for the question to make sense.
    """

    feature: Feature | None
    method: str
    params: Mapping[str, object] = field(default_factory=dict)
    needs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """How it is called in messages."""
        word = self.params.get("action") or self.params.get("kind") or ""
        return f"{self.method} {word}".strip()


def _action(feature: Feature | None, action: str, *needs: str, **params: object) -> _Verb:
    named = {"conn": "c1", "listener": "l1"}
    where = {need: named[need] for need in needs}
    return _Verb(feature, "configure", {"action": action, **where, **params}, needs)


_REQUEST = {"conn": "c1", "kind": "request", "operation": "echo", "payload": b"", "deadline_ms": 1000}
_VERBS: tuple[_Verb, ...] = (
    _Verb("request", "send", _REQUEST, ("conn",)),
    _Verb("virtual-clock", "advance_clock", {"ms": 1}),
    _Verb("parse", "parse", {"parser": "no_such_thing", "data": b""}),
    _Verb("metrics", "inspect", {"what": ["metrics"]}),
    _action(None, "no_such_thing"),
    _action("virtual-clock", "step-wall", ms=1),
    _action("faults", "arm", point="verify", what="raise"),
    _action("rekey", "rekey", "conn"),
    _action("cancel", "cancel", "conn", tag="t"),
    _action("debug", "set-counter", "conn", direction="send", value=1),
    _action("revocation", "revoke", "listener", name="nobody"),
    _action("reload", "policy", "listener", peer="nobody"),
    _action("authorization", "grant", "listener", name="nobody", role="reader"),
    _action("authorization", "withdraw", "listener", name="nobody", role="reader"),
    _action("gate", "open-gate", "listener"),
)


def refuses_undeclared(exam: Exam) -> str:
    """Every method, action and kind of message of a feature that is not declared is refused as unsupported."""
    tried = []
    with pair(exam) as (client, server):
        there = dict(_participants(exam, client, server))
        for verb in _VERBS:
            if verb.feature in exam.statement.features or not there.keys() >= set(verb.needs):
                continue
            _expect_refusal(there.get(verb.needs[0], server) if verb.needs else server, verb)
            tried.append(verb.name)
    return f"{len(tried)} were tried: {', '.join(tried)}"


def _participants(exam: Exam, client: Driver, server: Driver) -> Iterator[tuple[str, Driver]]:
    """Make what the driver can make, and tell who has it."""
    statement = exam.statement
    if "server" in statement.roles:
        kind = exam.credentials()[0]
        address = listen(exam, server, statement.transports[0], kind)
        yield "listener", server
        if "client" in statement.roles:
            connect(exam, (client, server), address, kind)
            yield "conn", client


def _expect_refusal(driver: Driver, verb: _Verb) -> None:
    feature = f" without the feature {verb.feature}" if verb.feature else ""
    try:
        driver.call(verb.method, verb.params)
    except Unsupported:
        return
    except (CallFailed, DriverError) as error:
        said = error.detail.splitlines()[0]
        raise Wrong(f"`{verb.name}`{feature} was not refused as unsupported ({said}); {_ANSWER}") from error
    raise Wrong(f"`{verb.name}`{feature} was accepted; {_ANSWER}")
