"""Keyed requests and what came of them: how often something took effect, in the server's own words and in its ledger."""

from collections.abc import Sequence

from ipc_gauntlet import Answer, Call, Deployment, Inconclusive, Lab, NotApplicable, Served, Session
from ipc_gauntlet_suites.scripts import open_or_stop

#: What every case about idempotency keys needs.
KEYED = ("request", "idempotency")


def effects(lab: Lab, payload: bytes, operation: str = "append") -> int:
    """How often a payload took effect: as the server told, or as its ledger shows, whichever is more.

    Whatever the server told before it answered the question about its ledger has been heard then.

    Args:
        lab: The case's lab.
        payload: Of the request; different in each of a case's requests.
        operation: Which operation.
    """
    try:
        ledger = lab.ledger()
    except NotApplicable:
        ledger = []
        lab.call("server", "describe")
    found = [
        [one.payload for one in entries if one.operation == operation] for entries in (ledger, lab.executed())
    ]
    return max(entries.count(payload) for entries in found)


def require_effects(
    lab: Lab, payload: bytes, least: int, most: int, *, operation: str = "append", what: str = "the request"
) -> None:
    """Demand that a payload took effect so often.

    Raises:
        RequirementViolated: It did not.
    """
    count = effects(lab, payload, operation)
    wanted = f"{least}" if least == most else f"{least} to {most}"
    lab.require_that(
        least <= count <= most,
        f"{what} to take effect {wanted} times",
        f"it took effect {count} times",
        "executed",
    )


def opened(
    lab: Lab,
    served: Served,
    deployment: Deployment | None = None,
    *,
    virtual: bool = False,
) -> Session:
    """A session with an endpoint, which has to come about.

    Raises:
        Inconclusive: It did not.
    """
    session = lab.session(served=served, deployment=deployment, virtual=virtual)
    open_or_stop(session)
    lab.stage("established")
    return session


def once(lab: Lab, session: Session, payload: bytes, key: bytes, operation: str = "append") -> Answer:
    """The positive control, and the original of what follows: a keyed request succeeds and takes effect once.

    Raises:
        Inconclusive: It did not.
    """
    answer = session.ask(operation, payload, key=key)
    count = effects(lab, payload, operation)
    lab.require_control_that(
        answer.ok and count == 1, f"the first {operation} was answered {answer}, with {count} effects"
    )
    return answer


def all_answers(lab: Lab, session: Session, calls: Sequence[Call]) -> list[Answer]:
    """Wait for the outcome of many requests."""
    if not lab.wait(lambda: all(call.done for call in calls)):
        raise Inconclusive("the outcome of a request never came")
    return [session.answer(call) for call in calls]


def started(lab: Lab, payload: bytes, operation: str = "gated") -> None:
    """Wait until an operation that takes time has started.

    Raises:
        Inconclusive: It never did.
    """

    def has() -> bool:
        return any(one.operation == operation and one.payload == payload for one in lab.executed())

    if not lab.wait(lab.when_told(has)):
        raise Inconclusive(f"{operation} never started")


def open_gate(lab: Lab, served: Served) -> None:
    """Let `gated` operations of an endpoint go on."""
    lab.configure("server", "open-gate", listener=served.listener)


def same_outcome(lab: Lab, first: Answer, again: Answer, what: str) -> None:
    """Demand that a duplicate was answered as the original was.

    Raises:
        RequirementViolated: It was not.
    """
    lab.require_that(again.ok, f"{what} to be answered with the stored outcome", f"{again}", "no-outcome")
    lab.require_that(
        again.payload == first.payload,
        f"{what} to be answered with the stored result",
        f"{len(again.payload)} other bytes",
        "other-outcome",
    )
