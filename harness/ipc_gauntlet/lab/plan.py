"""How a session is set up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

from ipc_gauntlet.adversary import Fault
from ipc_gauntlet.credentials import Deployment

if TYPE_CHECKING:
    from ipc_gauntlet.lab.served import Served


class SetupMembers(TypedDict, total=False):
    """The members of a `SessionPlan` that say who talks, by name."""

    deployment: Deployment | None
    options: Mapping[str, object]
    served: Served | None
    upstream: Mapping[str, object] | None
    patient: bool
    virtual: bool


class PlanMembers(SetupMembers, total=False):
    """All members of a `SessionPlan`, by name."""

    faults: tuple[Fault, ...]


class Place(TypedDict, total=False):
    """Where a server endpoint is to be, for an implementation with the feature `place`.

    Args:
        directory: Instead of the case's own.
        file: Name of the socket in it, or of the pipe.
    """

    directory: str
    file: str


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """How a session is set up.

    Args:
        deployment: Who both sides are; the issuer's good one when None.
        faults: What the adversary does.
        options: Options for both sides.
        served: An endpoint that is already open, instead of a new one.
        upstream: Address the relay leads to, instead of the server's.
        patient: All is expected to go well, so a long silence is needed before the session counts as stuck. Where
            something is expected to go wrong, a short one will do.
        virtual: Whether both ends go by the clock that `lab.advance` moves.
    """

    deployment: Deployment | None = None
    faults: tuple[Fault, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    served: Served | None = None
    upstream: Mapping[str, object] | None = None
    patient: bool = False
    virtual: bool = False

    @property
    def all_options(self) -> Mapping[str, object]:
        """The options for both sides, with the clock."""
        return {**self.options, "clock": "virtual"} if self.virtual else self.options


def connect_params(
    conn: str, address: Mapping[str, object], deployment: Deployment, options: Mapping[str, object]
) -> dict[str, object]:
    """The parameters of `connect` for a client of a deployment."""
    side = deployment.client
    return present(
        {
            "conn": conn,
            "address": dict(address),
            "service": deployment.service,
            "credential": side.credential,
            "trust": side.trust,
            "options": dict(options),
        }
    )


def present(params: dict[str, object]) -> dict[str, object]:
    """Leave out the members that are None."""
    return {name: value for name, value in params.items() if value is not None}
