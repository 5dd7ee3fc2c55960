"""From a driver's notifications to the judge's values."""

from __future__ import annotations

from collections.abc import Iterable

from ipc_gauntlet.driver import Observation
from ipc_gauntlet.judge.outcome import Ending, EndView, Identity


def view_of(observations: Iterable[Observation], send_failures: Iterable[str] = ()) -> EndView:
    """Build one end's view from its driver's notifications about one session.

    Args:
        observations: The notifications that concern the session, in order of arrival.
        send_failures: Reason classes of sending calls that failed.
    """
    established: list[Identity] = []
    delivered: list[bytes] = []
    endings: list[Ending] = []
    refusals: list[tuple[str, str]] = []
    executed: list[tuple[str, bytes]] = []
    for seen in observations:
        if seen.method == "established":
            established.append(
                Identity(
                    seen.peer, named(seen.version), named(seen.suite), seen.binding, text(seen, "credential")
                )
            )
        elif seen.method == "delivered":
            delivered.append(seen.payload or b"")
        elif seen.method == "closed":
            endings.append(Ending(seen.how or "error", seen.reason or "unspecified", seen.detail or ""))
        elif seen.method == "rejected":
            refusals.append((seen.stage or "unknown", seen.reason or "unspecified"))
        elif seen.method == "executed":
            executed.append((text(seen, "operation") or "", seen.payload or b""))
    return EndView(
        tuple(established),
        tuple(delivered),
        tuple(endings),
        tuple(refusals),
        tuple(executed),
        tuple(send_failures),
    )


def text(seen: Observation, member: str) -> str | None:
    """A notification's textual member, None when absent or of another type."""
    value = seen.params.get(member)
    return value if isinstance(value, str) else None


def named(value: str | int | None) -> str | None:
    """A version or suite as text; drivers may report a number."""
    return None if value is None else str(value)
