"""Checks that `reset` forgets what a driver with more features has done: what it keeps, a later case takes for its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ipc_gauntlet.driver.client import Driver
from ipc_gauntlet.driver.doctor.exam import Exam, Wrong
from ipc_gauntlet.driver.doctor.talking import connect, listen, pair, reset_honestly
from ipc_gauntlet.driver.statement import CredentialSupport
from ipc_gauntlet.errors import CallFailed, Unsupported

_OLD, _NEW = b"before reset", b"after reset"
# Longer than any credential of an examination is valid, and less than clocks of 32 bits can be moved.
_MONTH_MS = 30 * 86_400_000
_COUNTERS = frozenset(
    {
        "established",
        "rejected",
        "handshake_timeout",
        "legacy_refused",
        "integrity",
        "replayed",
        "late_reply",
        "half_open",
        "running",
    }
)
_COUNTED_BY_NAME = ("suite:", "version:")


@dataclass(frozen=True, slots=True)
class _Stage:
    """Both roles of a driver, to do something with, reset, and do it again."""

    exam: Exam
    client: Driver
    server: Driver

    def session(self, **options: object) -> None:
        """Make listener l1 and connection c1; only the listener gets a store."""
        exam, kind = self.exam, _dated(self.exam)
        mine = {name: value for name, value in options.items() if name != "store"}
        address = listen(exam, self.server, exam.statement.transports[0], kind, options=options)
        connect(exam, (self.client, self.server), address, kind, options=mine)

    def append(self, payload: bytes) -> object:
        """Have something executed, and return what only this execution can have answered."""
        # One key for one payload: another request under a used key would be refused for that.
        keyed = {"key": (2 * payload)[:16]} if "idempotency" in self.exam.statement.features else {}
        asked = {"conn": "c1", "kind": "request", "operation": "append", "payload": payload, **keyed}
        outcome = self.client.call("send", asked)
        if outcome.get("status") != "ok":
            raise Wrong(f"the request `append` ended with {_outcome(outcome)}")
        return outcome.get("payload")

    def reset(self) -> None:
        """Have both forget everything."""
        for driver in (self.client, self.server):
            reset_honestly(driver)


def forgets(exam: Exam) -> str:
    """What was executed, counted, armed and moved before `reset` is neither there nor in force after it."""
    statement = exam.statement
    if len(statement.roles) < 2:
        return f"not checked: it claims only the role {statement.roles[0]}, so it needs a partner"
    wanted = [check for feature, check in _FORGOTTEN if feature in statement.features]
    if not wanted:
        return "not checked: it has no feature that keeps anything"
    seen = []
    with pair(exam) as (client, server):
        stage = _Stage(exam, client, server)
        for check in wanted:
            stage.reset()
            seen.append(check(stage))
    return ", ".join(seen)


def _ledger(stage: _Stage) -> str:
    stage.session()
    stage.append(_OLD)
    before = _inspect(stage.server, "ledger")
    stage.reset()
    stage.session()
    stage.append(_NEW)
    after = _inspect(stage.server, "ledger")
    if before is None or after is None:
        return "the ledger is not told"
    if len(before) != 1:
        raise Wrong(
            f"after one `append` its ledger has {len(before)} entries; tell what was executed, all of it"
        )
    if len(after) != 1:
        raise Wrong(
            f"after `reset` and one `append` its ledger has {len(after)} entries; forget the ledger when reset"
        )
    return "ledger"


def _records(stage: _Stage) -> str:
    _execute_again(stage, {})
    return "idempotency records"


def _file(stage: _Stage) -> str:
    _execute_again(stage, {"store": str(stage.exam.workdir / "store")})
    return "which store was used"


def _execute_again(stage: _Stage, options: Mapping[str, object]) -> None:
    """The same request under the same key is a new one after `reset`, on a listener with no store of its own."""
    stage.session(**options)
    first = stage.append(_OLD)
    stage.reset()
    stage.session()
    try:
        again = stage.append(_OLD)
    except Wrong as error:
        raise Wrong(f"after `reset` a key that was used before it is not new: {error}") from error
    if again == first:
        raise Wrong(
            "after `reset` a request was answered from the idempotency records of before; forget them when reset"
        )


def _counters(stage: _Stage) -> str:
    stage.session()
    counted = [name for driver in (stage.client, stage.server) for name in _nonzero(driver)]
    stage.reset()
    for driver in (stage.client, stage.server):
        if kept := _nonzero(driver):
            raise Wrong(
                f"after `reset` these metrics are not 0: {', '.join(kept)}; they count from the last `reset`"
            )
    return f"{len(counted)} counters"


def _faults(stage: _Stage) -> str:
    armed = [
        point
        for driver in (stage.client, stage.server)
        for point in stage.exam.statement.faults
        if _could_arm(driver, point)
    ]
    stage.reset()
    try:
        stage.session()
        if "request" in stage.exam.statement.features:
            stage.append(_OLD)
    except (Wrong, CallFailed) as error:
        raise Wrong(f"a fault that was armed before `reset` happened after it: {error}") from error
    return f"{len(set(armed))} armed faults"


def _could_arm(driver: Driver, point: str) -> bool:
    try:
        driver.call("configure", {"action": "arm", "point": point, "what": "raise"})
    except Unsupported:
        return False
    return True


def _clock(stage: _Stage) -> str:
    """Good credentials are good again after the clock was moved to where they are not."""
    for driver in (stage.client, stage.server):
        driver.call("configure", {"action": "step-wall", "ms": _MONTH_MS})
        driver.call("advance_clock", {"ms": _MONTH_MS})
    stage.reset()
    try:
        stage.session(clock="virtual")
    except (Wrong, CallFailed) as error:
        raise Wrong(
            f"the virtual clock was moved before `reset`, and after it: {error}; put it back"
        ) from error
    return "the virtual clock"


_FORGOTTEN: tuple[tuple[str, Callable[[_Stage], str]], ...] = (
    ("request", _ledger),
    ("idempotency", _records),
    ("durable", _file),
    ("metrics", _counters),
    ("faults", _faults),
    ("virtual-clock", _clock),
)


def _dated(exam: Exam) -> CredentialSupport | None:
    """The kind of credential to use: one that ends, if there is one, because a clock that was moved is seen by it."""
    kinds = exam.credentials()
    return next((kind for kind in kinds if kind is not None and kind.kind == "x509"), kinds[0])


def _inspect(driver: Driver, topic: str) -> Any:  # noqa: ANN401 - checked where it arrived
    try:
        return driver.call("inspect", {"what": [topic]}).get(topic)
    except Unsupported:
        return None


def _nonzero(driver: Driver) -> list[str]:
    counters = _inspect(driver, "metrics") or {}
    known = (name for name in counters if name in _COUNTERS or name.startswith(_COUNTED_BY_NAME))
    return sorted(name for name in known if counters[name])


def _outcome(outcome: Mapping[str, object]) -> str:
    return ", ".join(str(outcome[name]) for name in ("status", "reason", "code") if outcome.get(name))
