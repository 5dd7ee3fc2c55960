"""Where a case runs: the combinations of transport and credential that it is generated for, and why it may not apply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ipc_gauntlet.declaration import CaseSpec
from ipc_gauntlet.engine.naming import slug
from ipc_gauntlet.events import Implementation
from ipc_gauntlet.requirements import Requirement
from ipc_gauntlet.verdict import covers

NONE = "none"
"""Label of an axis on which the case has nothing to run on."""


@dataclass(frozen=True, slots=True)
class Place:
    """One combination of transport and credential.

    Args:
        transport: `unix`, `tcp`, `pipe`, or `none`.
        credential: The credential's kind, or `none`.
        declaration: The statement's entry for it.
    """

    transport: str
    credential: str
    declaration: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """`unix-x509`."""
        return f"{slug(self.transport)}-{slug(self.credential)}"


def places(
    spec: CaseSpec, transports: Sequence[str], credentials: Sequence[Mapping[str, Any]]
) -> list[Place]:
    """Where a case runs.

    Args:
        spec: The case.
        transports: The transports the implementation offers, as far as the tester can use them.
        credentials: The statement's credential declarations.

    Returns:
        At least one place; one with a `none` that the case cannot do without means that it does not apply.
    """
    if not spec.roles:
        return [Place(NONE, NONE)]  # nothing is connected, so it makes no difference where
    lanes = [name for name in transports if not spec.transports or name in spec.transports] or [NONE]
    kinds = _declarations(spec, credentials) or [(NONE, {})]
    if spec.combination == "product":
        pairs = [(lane, kind) for lane in lanes for kind in kinds]
    else:
        count = max(len(lanes), len(kinds))
        pairs = [(lanes[turn % len(lanes)], kinds[turn % len(kinds)]) for turn in range(count)]
    return [Place(lane, label, declaration) for lane, (label, declaration) in pairs]


@dataclass(frozen=True, slots=True)
class Gate:
    """Why a case is not run.

    Args:
        why: One clause for people.
        untestable: The implementation may well have to meet the requirement, but gives no means to see whether it
            does. The opposite is an implementation that does not have what the requirement is about.
    """

    why: str
    untestable: bool = False


# Three kinds of features. These every implementation of the profile has in some form, and a driver that does not offer
# them hides what has to be seen: a MUST of which nothing can be seen for that reason counts as failed.
_MEANS = frozenset(("timeouts", "parse", "channel-binding", "request", "idempotency"))
# These reach into an implementation, and only a test build has them: without them a case does not apply, and nobody is
# blamed.
_AIDS = frozenset(("metrics", "faults", "debug", "virtual-clock", "gate", "work"))
# All others are things that an implementation may do without, and then requirements about them are not about it.


def gate(
    spec: CaseSpec, requirement: Requirement, place: Place, implementation: Implementation
) -> Gate | None:
    """Say why a case does not apply to an implementation; None when it does.

    What lies above the claimed profile comes first: then nothing else matters.
    """
    facts = implementation
    if not covers(facts.profile, requirement.profile):
        return Gate(
            f"{requirement.id} is for profile {requirement.profile} and above, not for {facts.profile}"
        )
    if missing := _missing(spec.roles, facts.roles):
        return Gate(f"needs the role {missing}, which the implementation does not play")
    if place.transport == NONE and spec.roles:
        return Gate(f"is about {' and '.join(spec.transports)}, which the implementation does not offer")
    if place.credential == NONE and spec.credentials:
        return Gate(f"is about credentials of kind {' or '.join(spec.credentials)}, which are not declared")
    if spec.wire and not speaks(facts.wire, spec.wire):
        spoken = facts.wire or "something that the statement does not name"
        return Gate(f"works on the messages of {spec.wire}; the implementation speaks {spoken}")
    absent = [name for name in spec.needs if name not in facts.features]
    if missing := ", ".join(name for name in absent if name not in _MEANS | _AIDS):
        return Gate(f"needs the feature {missing}, which is not declared")
    if missing := ", ".join(name for name in absent if name in _AIDS):
        return Gate(f"can only be seen with the help of {missing}, which the driver does not offer")
    if missing := _missing(spec.needs, facts.features):
        return Gate(f"cannot be tested without the feature {missing}, which is not declared", untestable=True)
    if missing := _missing(spec.observes, facts.observes):
        return Gate(
            f"cannot be tested without the notification {missing}, which is not declared", untestable=True
        )
    return None


def speaks(declared: str, wanted: str) -> bool:
    """Whether a statement's `wire.protocol` is a protocol or a form of it: `SIPC/1 over pipes` is `sipc/1`."""
    declared, wanted = declared.casefold(), wanted.casefold()
    return declared.startswith(wanted) and not declared[len(wanted) : len(wanted) + 1].isalnum()


def _missing(wanted: Sequence[str], declared: Sequence[str]) -> str:
    return ", ".join(name for name in wanted if name not in declared)


def _declarations(
    spec: CaseSpec, credentials: Sequence[Mapping[str, Any]]
) -> list[tuple[str, Mapping[str, Any]]]:
    """The usable declarations with a label each; a kind that is declared twice gets a number."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    seen: dict[str, int] = {}
    for declaration in credentials:
        kind = str(declaration.get("kind", NONE))
        if spec.credentials is not None and kind not in spec.credentials:
            continue
        seen[kind] = seen.get(kind, 0) + 1
        found.append((kind if seen[kind] == 1 else f"{kind}.{seen[kind]}", declaration))
    return found
