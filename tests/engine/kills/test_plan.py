"""Which steps there are, and when one is not worth running any more."""

from collections.abc import Callable

import msgspec
import pytest

from ipc_gauntlet.engine.cases import FoundCase
from ipc_gauntlet.engine.kills.judge import Attempt
from ipc_gauntlet.engine.kills.plan import Progress, Step, Why, other_steps, own_steps, probe_steps
from ipc_gauntlet.requirements import Failure
from ipc_gauntlet.verdict import Verdict

FAILURE = Failure(stages=("established",), reasons=("gap",))
Make = Callable[..., FoundCase]


def attempt(function: str, verdict: Verdict, requirement: str = "ORD-02") -> Attempt:
    """A result of a case of a function."""
    return Attempt(
        case=f"{function}/x",
        function=function,
        requirement=requirement,
        verdict=verdict,
        stage="established",
        reason="gap" if verdict is Verdict.fail else "",
    )


def names(steps: list[Step]) -> list[tuple[str, str]]:
    """Cases and why they are run."""
    return [(step.case.id, step.why.value) for step in steps]


@pytest.fixture
def variants(make_case: Make) -> list[FoundCase]:
    """Two functions with roles and parameters; one waits for time."""

    def case(name: str, role: str, **more: object) -> FoundCase:
        made = make_case(name, "ORD-02", **more)
        return FoundCase(**{**{key: getattr(made, key) for key in made.__slots__}, "role": role})

    return [
        case("o/m/slow/unix-x509-a", "server", timing=True),
        case("o/m/quick/unix-psk-c2s-one", "server"),
        case("o/m/quick/unix-psk-c2s-two", "server"),
        case("o/m/quick/unix-psk-s2c-one", "client"),
        case("o/m/quick/unix-x509-c2s-one", "server"),
        case("o/m/quick/unix-x509-s2c-two", "client"),
    ]


def test_own_steps(variants: list[FoundCase]) -> None:
    """Each function and role once, quick ones first; then the rest, the most different ones first."""
    assert names(own_steps(variants)) == [
        ("o/m/quick/unix-psk-c2s-one", "first"),
        ("o/m/quick/unix-psk-s2c-one", "first"),
        ("o/m/slow/unix-x509-a", "first"),
        ("o/m/quick/unix-x509-s2c-two", "more"),
        ("o/m/quick/unix-psk-c2s-two", "more"),
        ("o/m/quick/unix-x509-c2s-one", "more"),
    ]


def test_other_steps(variants: list[FoundCase], make_case: Make) -> None:
    """Only other requirements, a few variants each."""
    others = [make_case("o/m/else/unix-x509-1", "ORD-01"), make_case("o/m/else/unix-x509-2", "ORD-01")]
    assert names(other_steps([*variants, *others], "ORD-02")) == [("o/m/else/unix-x509-1", "elsewhere")]


def test_probe_steps(variants: list[FoundCase]) -> None:
    """Every variant of the functions that are asked for."""
    assert names(probe_steps(variants, {"o/m/slow"})) == [("o/m/slow/unix-x509-a", "probe")]


def worth(progress: Progress, case: FoundCase) -> set[str]:
    """For which reasons a case would still be run."""
    return {why.value for why in Why if progress.needs(Step(case, why))}


def test_what_is_worth_running(make_case: Make) -> None:
    """Until it is killed everything; afterwards only functions of which nothing is known."""
    case, known = make_case("o/m/f/x", "ORD-02"), make_case("o/m/g/x", "ORD-02")
    progress = Progress(hungry=["o/m/f"])
    assert worth(progress, case) == {"first", "more", "elsewhere", "probe"}
    assert worth(progress, known) == {"first", "more", "elsewhere"}
    progress.add(attempt("o/m/g", Verdict.fail), "ORD-02", FAILURE)
    assert progress.killed
    assert worth(progress, case) == {"first", "probe"}
    assert worth(progress, known) == set()
    progress.add(attempt("o/m/f", Verdict.fail), "ORD-02", FAILURE)
    assert worth(progress, case) == set()


def test_passing_and_failing_elsewhere(make_case: Make) -> None:
    """A pass changes nothing; one failure elsewhere is enough to know."""
    case = make_case("o/m/f/x", "ORD-02")
    progress = Progress(hungry=[])
    progress.add(attempt("o/m/f", Verdict.pass_), "ORD-02", FAILURE)
    assert worth(progress, case) == {"first", "more", "elsewhere"}
    progress.add(attempt("o/m/h", Verdict.fail, "ORD-01"), "ORD-02", FAILURE)
    assert not progress.killed
    assert worth(progress, case) == {"first", "more"}


def test_what_does_not_run_at_all_is_given_up(make_case: Make) -> None:
    """Four errors and nothing else; one real result keeps the hope up."""
    case = make_case("o/m/f/x", "ORD-02")
    dead, alive = Progress(["o/m/f"]), Progress(["o/m/f"])
    alive.add(attempt("o/m/f", Verdict.inconclusive), "ORD-02", FAILURE)
    for count in range(4):
        assert not dead.hopeless, count
        dead.add(attempt("o/m/f", Verdict.error), "ORD-02", FAILURE)
        alive.add(attempt("o/m/f", Verdict.error), "ORD-02", FAILURE)
    assert worth(dead, case) == set()
    assert worth(alive, case) == {"first", "more", "elsewhere", "probe"}


def test_steps_travel_as_json(variants: list[FoundCase]) -> None:
    """What another process gets is what was meant."""
    steps = own_steps(variants)
    assert msgspec.json.decode(msgspec.json.encode(steps), type=list[Step]) == steps
