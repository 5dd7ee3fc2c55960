"""Plans: out of words, out of TOML, out of what was asked before."""

import contextlib
from pathlib import Path

import pytest
from fuzz_campaigns import TARGETS
from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.campaign import orders
from ipc_gauntlet.fuzz.campaign.orders import Wishes, duration, make, over, read_file

pytestmark = pytest.mark.usefixtures("toys")

_WISHES = Wishes(modules=(TARGETS,), patterns=("small.*",))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60s", 60),
        ("45", 45),
        ("90m", 5400),
        ("8h", 28800),
        ("1h30m", 5400),
        ("2d", 172800),
        ("1.5h", 5400),
        ("0.5", 0.5),
        (" 8H ", 28800),
        (30, 30),
        ("forever", 0),
    ],
)
def test_times(text: str | float, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5", "0", "8x", "30m1h", "1e3", "9999d", 0, -1, float("nan")])
def test_what_is_no_time(text: str | float) -> None:
    with pytest.raises(UsageError):
        duration(text)


@given(st.text())
def test_any_text_is_a_time_or_refused(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert duration(text) >= 0


def test_without_wishes_there_are_defaults() -> None:
    plan = make(_WISHES, None, jobs=3)
    assert (plan.name, plan.seconds, plan.jobs, plan.seed) == ("default", 300.0, 3, 1)
    assert (plan.engines, plan.hang_seconds, plan.memory_mb, plan.canary) == (("portable",), 0.5, 512, True)
    assert list(plan.targets) == ["small.right", "small.other", "small.third", "small.swallows"]
    right = plan.targets["small.right"]
    assert (right.module, right.measured, right.longest, right.seeds) == (TARGETS, ("small_parser",), 64, 2)
    assert right.reach == ("small_parser:read",)


def test_what_was_asked_before_counts_until_something_else_is_asked() -> None:
    before = make(
        over(
            Wishes(seconds=10.0, jobs=7, seed=9, canary=False, memory_mb=0, patterns=("small.third",)),
            _WISHES,
        ),
        None,
        jobs=1,
    )
    again = make(Wishes(jobs=2), before, jobs=1)
    assert (again.seconds, again.jobs, again.seed, again.canary, again.memory_mb) == (10.0, 2, 9, False, 0)
    assert list(again.targets) == ["small.third"]
    assert again.modules == (TARGETS,)


def test_stopping_at_the_first_finding_is_not_remembered() -> None:
    before = make(over(Wishes(stop_at_first=True), _WISHES), None, jobs=1)
    assert before.stop_at_first
    assert not make(Wishes(), before, jobs=1).stop_at_first


def test_code_that_changes_is_noticed(tmp_path: Path, toys: Path) -> None:
    one = make(_WISHES, None, jobs=1).targets["small.right"].code
    assert one == make(_WISHES, None, jobs=1).targets["small.right"].code
    other = tmp_path / "small_targets_changed.py"
    other.write_text((toys / "small_targets.py").read_text() + "\n# changed\n")
    changed = make(Wishes(modules=(str(other),), patterns=("small.*",)), None, jobs=1)
    assert changed.targets["small.right"].code != one


def _file(folder: Path, text: str) -> Path:
    path = folder / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_plan_in_toml(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        """
        name = "nightly"
        time = "8h"
        jobs = 4
        engines = ["odd_engines:STEADY"]
        modules = ["mine.py", "mine.too"]
        slice = 20
        hang = 0.25
        memory = 256
        canary = false

        [[target]]
        name = "small.*"

        [[target]]
        name = "small.third"
        weight = 2.5
        """,
    )
    wishes = read_file(path)
    assert (wishes.name, wishes.seconds, wishes.jobs, wishes.slice_seconds) == ("nightly", 28800, 4, 20)
    assert wishes.modules == (str(tmp_path / "mine.py"), "mine.too")
    plan = make(over(Wishes(modules=(TARGETS,), jobs=1), wishes), None, jobs=9)
    assert (plan.jobs, plan.memory_mb, plan.hang_seconds, plan.canary) == (1, 256, 0.25, False)
    assert plan.weights == {"small.third": 2.5}


@pytest.mark.parametrize(
    "text",
    ["time = ", "tmie = '8h'", "jobs = 'many'", "[[target]]\nweight = 2", "time = 'soon'", "canary = 1"],
)
def test_a_plan_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError):
        read_file(_file(tmp_path, text))


def test_a_plan_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.toml"):
        read_file(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("wishes", "word"),
    [
        (Wishes(patterns=("nothing.*",)), "nothing"),
        (Wishes(engines=("magic",)), "magic"),
        (Wishes(engines=("no_such_module:X",)), "no_such_module"),
        (Wishes(engines=("odd_engines:NONE",)), "NONE"),
        (Wishes(name="../up"), "--name"),
        (Wishes(name="CON"), "--name"),
        (Wishes(jobs=1000), "jobs"),
        (Wishes(hang_seconds=0.001), "hang"),
        (Wishes(memory_mb=-1), "memory"),
        (Wishes(weights={"small.*": 0.0}), "weight"),
        (Wishes(engines=("driver",)), "--driver"),
        (Wishes(modules=("no.such.module",)), "no.such.module"),
    ],
)
def test_what_cannot_be_done_is_refused(wishes: Wishes, word: str) -> None:
    with pytest.raises(UsageError, match=word):
        make(over(wishes, _WISHES), None, jobs=1)


def test_seeds_that_cannot_be_made_are_named(tmp_path: Path, toys: Path) -> None:
    path = tmp_path / "seedless_targets.py"
    text = (
        (toys / "careless_targets.py").read_text().replace('lambda: (b"\\x01", b"\\x90")', "lambda: (1 / 0,)")
    )
    path.write_text(text)
    with pytest.raises(UsageError, match=r"seeds of careless.*ZeroDivisionError"):
        make(Wishes(modules=(str(path),), patterns=("careless",)), None, jobs=1)


def test_a_driver_is_asked_about_what_it_has_a_parser_for(tmp_path: Path, toys: Path) -> None:
    path = tmp_path / "told_targets.py"
    text = (toys / "small_targets.py").read_text()
    path.write_text(text.replace('_target("small.other")', '_target("small.other", reference_parser="cbor")'))
    wishes = Wishes(modules=(str(path),), patterns=("small.*",), driver="some-driver")
    assert list(make(wishes, None, jobs=1).targets) == ["small.other"]
    assert len(make(over(Wishes(engines=("driver", "portable")), wishes), None, jobs=1).targets) == 4
    with pytest.raises(UsageError, match="parser of the driver protocol"):
        make(over(Wishes(driver="some-driver"), _WISHES), None, jobs=1)


def test_the_default_name_is_one() -> None:
    assert orders.name_of(Wishes()) == "default"
