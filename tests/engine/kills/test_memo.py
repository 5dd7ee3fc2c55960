"""What is kept, and when it is not believed any more."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ipc_gauntlet.engine.kills.judge import Attempt
from ipc_gauntlet.engine.kills.memo import Kept, Keys, Memo, cache_folder
from ipc_gauntlet.verdict import Verdict


def attempt(case: str, verdict: Verdict) -> Attempt:
    """A result."""
    return Attempt(case=case, function="f", requirement="ORD-02", verdict=verdict)


def test_what_is_kept(tmp_path: Path) -> None:
    """Verdicts about the implementation are; what may be the machine's fault is tried again."""
    memo = Memo(tmp_path / "new")
    attempts = [attempt(verdict.value, verdict) for verdict in Verdict]
    memo.put("key", attempts, live=True)
    kept = memo.get("key")
    assert kept.live is True
    assert {one.verdict for one in kept.attempts} == {Verdict.pass_, Verdict.fail, Verdict.not_applicable}


def test_nothing_to_go_by(tmp_path: Path) -> None:
    """Without a key or a folder nothing is kept; an unreadable entry is no entry."""
    memo = Memo(tmp_path)
    memo.put("", [attempt("a", Verdict.pass_)], live=True)
    assert list(tmp_path.iterdir()) == []
    assert memo.get("") == memo.get("unknown") == Kept()
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")
    assert memo.get("bad") == Kept()
    nowhere = Memo(None)
    nowhere.put("key", [], live=True)
    nowhere.tidy()
    assert nowhere.get("key") == Kept()
    (tmp_path / "file").write_text("", encoding="utf-8")
    Memo(tmp_path / "file").put("key", [], live=True)  # cannot be written: that costs time only


def test_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder does not grow for ever."""
    monkeypatch.setattr("ipc_gauntlet.engine.kills.memo._FORGOTTEN_AFTER", 2)
    memo = Memo(tmp_path)
    for name in ("a", "b", "c"):
        memo.put(name, [], live=False)
    memo.tidy()
    assert len(list(tmp_path.iterdir())) == 2


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A suites' package with two suites and a shared folder."""
    folder = tmp_path / "some_suites"
    for name in ("__init__.py", "scripts.py", "ordering/test_a.py", "replay/test_b.py", "shared/model.py"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("pass\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


@pytest.fixture
def key(package: Path) -> Callable[..., str]:
    """The key of a mutant of the suite ordering, made afresh."""

    def make(fingerprint: str = "1", more: object = 7) -> str:
        return Keys([package.name], ["ordering", "replay"], [more]).key(fingerprint, "ordering", "ORD-02.m1")

    return make


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("ordering/test_a.py", True),
        ("ordering/new.json", True),
        ("scripts.py", True),
        ("shared/model.py", True),
        ("replay/test_b.py", False),
        ("ordering/__pycache__/test_a.pyc", False),
    ],
)
def test_files_that_matter(package: Path, key: Callable[..., str], name: str, changes: bool) -> None:
    """The suite's own files and what suites share; not another suite's."""
    before = key()
    assert key() == before
    path = package / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("something = 1\n", encoding="utf-8")
    assert (key() != before) is changes


def test_what_else_matters(key: Callable[..., str]) -> None:
    """The mutant, the seed, and whatever else a hunt is made with; no fingerprint means no key."""
    assert len({key(), key(fingerprint="2"), key(more=8)}) == 3
    assert key(fingerprint="") == ""


@pytest.mark.skipif(sys.platform != "linux", reason="the folder has another name elsewhere")
def test_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system keeps such things."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder() == Path("/somewhere/ipc-gauntlet/kills")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "ipc-gauntlet" / "kills"
