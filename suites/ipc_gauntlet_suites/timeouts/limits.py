"""Which timers a pair has, and how long a case may wait for one."""

from dataclasses import dataclass, field

from ipc_gauntlet import Inconclusive, Lab

LONGEST_WAIT_S = 10.0  # a timer that can only be waited for longer than this is not tested in real time
PATIENCE_S = (
    4.0  # how long an implementation that declares no timer is given before it counts as waiting for ever
)


@dataclass(frozen=True, slots=True)
class Timer:
    """A time-out of the implementation as a case will see it.

    Args:
        name: The option's name, such as `handshake_ms`.
        seconds: Its value; None when the implementation declares no such timer.
        options: Options that set it.
    """

    name: str
    seconds: float | None
    options: dict[str, object] = field(default_factory=dict)


def timer(lab: Lab, **wanted_ms: int) -> Timer:
    """Set timers to short values where that is possible; the first one named is the one under test.

    Args:
        lab: The case's lab.
        **wanted_ms: Timers and the values to set, in milliseconds.

    Raises:
        Inconclusive: The timer can only be waited for, and it is too long for that.
    """
    # Looking how noisy the machine is takes a while: now, and not between a stimulus and what follows from it.
    _ = lab.noise
    declared = lab.timeouts
    name = next(iter(wanted_ms))
    if lab.has("timeouts"):
        settable = {key: value for key, value in wanted_ms.items() if key in declared}
        if name in settable:
            return Timer(name, wanted_ms[name] / 1000, {"timeouts": settable})
    if name not in declared:
        return Timer(name, None)
    seconds = declared[name] / 1000
    if seconds > LONGEST_WAIT_S:
        raise Inconclusive(f"{name} is {seconds:g} s and cannot be set; no case waits that long")
    return Timer(name, seconds)


def wait_limit(lab: Lab, one: Timer) -> float:
    """The latest moment at which the timer may be noticed, in seconds from the stimulus."""
    return PATIENCE_S if one.seconds is None else lab.noise.upper(one.seconds)


def require_in_bounds(
    lab: Lab, one: Timer, elapsed_s: float | None, what: str, longest_s: float | None = None
) -> None:
    """Demand that something happened, not before the timer's value and not later than its upper bound.

    Args:
        lab: The case's lab.
        one: The timer.
        elapsed_s: When it happened, in seconds from just before the stimulus; None if it never did.
        what: What was to happen, as a clause.
        longest_s: Seconds since the timer could have started at the earliest, where that was before the stimulus.

    Raises:
        RequirementViolated: It did not, or not in time.
        TooNoisy: This machine is too noisy to tell.
    """
    limit = wait_limit(lab, one)
    if elapsed_s is None:
        if one.seconds is not None:
            lab.require_quiet_machine(one.seconds, one.name)
        expected = (
            f"{what} within {limit:.1f} s" if one.seconds is not None else f"{what} after a finite time"
        )
        lab.require_that(False, expected, f"nothing after {limit:.1f} s, and {_declared(one)}", "no-timeout")
        return
    if one.seconds is None:
        lab.require_that(True, what, "it did", "no-timeout")
        return
    lab.require_quiet_machine(one.seconds, one.name)
    seen = f"it took {elapsed_s:.3f} s"
    lab.require_that(
        (longest_s or elapsed_s) >= lab.noise.lower(one.seconds),
        f"{what} not before {one.seconds:g} s",
        seen,
        "early",
    )
    lab.require_that(elapsed_s <= limit, f"{what} within {limit:.1f} s", seen, "late")


def _declared(one: Timer) -> str:
    return f"{one.name} is {one.seconds:g} s" if one.seconds is not None else f"no {one.name} is declared"
