"""For what a caught canary holds: code, engine, its library, the implementation beside; and for no longer."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

from ipc_gauntlet.fuzz.campaign import canaries
from ipc_gauntlet.fuzz.campaign.records import Plan, TargetPlan
from ipc_gauntlet.fuzz.campaign.run import _doubt
from ipc_gauntlet.fuzz.campaign.state import State
from ipc_gauntlet.fuzz.corpus.store import Store

PLAN = Plan(name="test", seconds=1.0, targets={"t.one": TargetPlan(module="m", measured=("m",), code="a")})


@pytest.fixture(autouse=True)
def forget() -> None:
    """Each test looks at the sources anew, as another process would."""
    canaries._engine_code.cache_clear()


def key(engine: str, **changes: object) -> str:
    return canaries.key("t.one", msgspec.structs.replace(PLAN, **changes), engine)


def test_it_depends_on_target_code_and_engine() -> None:
    other = {"t.one": msgspec.structs.replace(PLAN.targets["t.one"], code="b")}
    assert key("portable") == key("portable")
    assert len({key("portable"), key("hypothesis"), key("portable", targets=other)}) == 3


def test_it_depends_on_the_source_of_an_engine_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    path = tmp_path / "engine_from_elsewhere.py"
    path.write_text("ENGINE = 1\n", encoding="utf-8")
    name = "engine_from_elsewhere:ENGINE"
    before = key(name)
    canaries._engine_code.cache_clear()
    assert key(name) == before
    path.write_text("ENGINE = 2\n", encoding="utf-8")
    canaries._engine_code.cache_clear()
    assert key(name) != before
    assert path.stem not in sys.modules


@pytest.mark.parametrize("module", ["engines.portable", "mutate.bytes", "coverage.rewrite", "plant"])
def test_it_depends_on_the_source_of_our_engines_and_their_tools(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = key("portable")
    end = str(Path(*module.split("."))) + ".py"
    real = Path.read_text

    def changed(path: Path, *arguments: str | None, **options: str | None) -> str:
        text = real(path, *arguments, **options)
        return f"{text}# changed" if str(path).endswith(end) else text

    monkeypatch.setattr(Path, "read_text", changed)
    canaries._engine_code.cache_clear()
    assert key("portable") != before


@pytest.mark.parametrize(
    ("engine", "library", "depends"),
    [
        ("atheris", "atheris", True),
        ("hypothesis", "hypothesis", True),
        ("portable", "hypothesis", False),
        ("json:ENGINE", "atheris", True),
    ],
)
def test_it_depends_on_the_libraries_of_the_engine(
    engine: str, library: str, depends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = key(engine)
    real = canaries.version
    monkeypatch.setattr(canaries, "version", lambda name: "99" if name == library else real(name))
    assert (key(engine) != before) == depends


@pytest.mark.parametrize(
    ("engine", "depends"), [("driver", True), ("portable", False), ("json:ENGINE", True)]
)
def test_it_depends_on_the_implementation_where_that_is_started(engine: str, depends: bool) -> None:
    assert (key(engine, driver="./one") != key(engine, driver="./two")) == depends


def test_a_campaign_that_goes_on_doubts_what_another_engine_caught(tmp_path: Path) -> None:
    """What holds is in the store under its key; the campaign's own memory has no more than the engine's name."""
    store = Store(tmp_path)
    plan = msgspec.structs.replace(PLAN, engines=("portable", "driver"), driver="./one")
    caught = canaries.Caught(target="t.one", plant="p", seconds=1.0)
    for engine in plan.engines:
        canaries.remember(store.root, canaries.key("t.one", plan, engine), caught)
    with State.open(tmp_path, writable=True) as state:
        state.adopt(plan)
        for engine in plan.engines:
            state.canary("t.one", engine, "caught")
        _doubt(state, plan, store)
        assert state.accounts()[0].canaries == {"portable": "caught", "driver": "caught"}
        _doubt(state, msgspec.structs.replace(plan, driver="./two"), store)
        assert state.accounts()[0].canaries == {"portable": "caught", "driver": "untried"}
