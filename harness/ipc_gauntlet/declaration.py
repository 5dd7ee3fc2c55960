"""How a suite declares a case: a plain pytest function with a `@case` decorator and a docstring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, TypeVar, Unpack

Function = TypeVar("Function", bound=Callable[..., Any])

ATTRIBUTE = "__ipc_case__"

STAGES = ("setup", "transport", "negotiation", "handshake", "established", "closing")
"""How far a session can have come."""

REASONS = frozenset(
    [
        "authentication",
        "downgrade",
        "replay",
        "integrity",
        "ordering",
        "protocol",
        "malformed",
        "unauthorized",
        "expired",
        "revoked",
        "limit",
        "timeout",
        "truncated",
        "peer-closed",
        "internal",
        "unspecified",
    ]
)
"""The closed list of reason classes of the driver protocol."""

Axes = Literal["product", "each"]


class CaseOptions(TypedDict, total=False):
    """What `case` takes by name besides the requirement.

    Args:
        title: One line for lists; by default made from the function's name.
        role: The role that is judged: `client`, `server` or `both`.
        roles: Roles the implementation must play for the case to apply; none for a case that connects nothing, such
            as one about parsers: it runs once, whatever the transports and credentials.
        control: Whether a positive control has to pass within the case before its verdict counts.
        timing: The case measures real time; all of these run one after another.
        needs: Features of the statement without which the case does not apply.
        observes: Notifications of the statement without which the case does not apply.
        transports: Transports it is about; all by default.
        credentials: Credential kinds it is about; all by default.
        wire: The wire protocol whose messages the case makes or reads itself, such as `sipc/1`; without one it stays
            on the outside and applies to every implementation.
        axes: `product` runs every transport with every credential kind, `each` only as many combinations as it takes
            for each to occur once. The default is `each` for timing cases, `product` for others.
        stage: How far the attacked session is meant to come.
        reasons: Reason classes that fit the refusal this case provokes.
    """

    title: str
    role: Literal["client", "server", "both"]
    roles: tuple[str, ...]
    control: bool
    timing: bool
    needs: tuple[str, ...]
    observes: tuple[str, ...]
    transports: tuple[str, ...]
    credentials: tuple[str, ...] | None
    wire: str
    axes: Axes
    stage: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSpec:
    """What a case declares about itself; see `CaseOptions` for the members."""

    requirement: str
    title: str = ""
    role: str | None = None
    roles: tuple[str, ...] = ("client", "server")
    control: bool = True
    timing: bool = False
    needs: tuple[str, ...] = ()
    observes: tuple[str, ...] = ()
    transports: tuple[str, ...] = ()
    credentials: tuple[str, ...] | None = None
    wire: str = ""
    axes: Axes | None = None
    stage: str | None = None
    reasons: tuple[str, ...] = ()

    @property
    def combination(self) -> Axes:
        """How transports and credential kinds are combined."""
        return self.axes or ("each" if self.timing else "product")


def case(requirement: str, **options: Unpack[CaseOptions]) -> Callable[[Function], Function]:
    """Make a function a case of a requirement.

    The function takes the fixture `lab` and whatever its own `pytest.mark.parametrize` gives it. It returns when the
    requirement held, and raises `RequirementViolated`, `Inconclusive` or `NotApplicable` otherwise; anything else it
    raises counts as an error of the tester. Its docstring is what people read in the report.

    Args:
        requirement: Id in the catalogue, such as `REPL-01`.
        **options: See `CaseOptions`.

    Returns:
        A decorator that leaves the function as it is, with a `CaseSpec` attached.

    Raises:
        TypeError: Unknown option.
    """
    spec = CaseSpec(requirement=requirement, **options)

    def attach(function: Function) -> Function:
        setattr(function, ATTRIBUTE, spec)
        return function

    return attach


def spec_of(function: object) -> CaseSpec | None:
    """The declaration attached to a function, or None when it is no case."""
    spec = getattr(function, ATTRIBUTE, None)
    return spec if isinstance(spec, CaseSpec) else None
