"""The folder of inputs: content addressed, never half written, never emptied by mistake."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.corpus.store import VARIABLE, Store, default_root, is_name
from ipc_gauntlet.fuzz.work import digest


def test_an_input_is_kept_once_under_its_hash(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.add("a.b", b"one")
    assert not store.add("a.b", b"one")
    assert [path.name for path in store.paths("a.b")] == [digest(b"one")]
    assert list(store.inputs("a.b")) == [b"one"]
    assert store.targets() == ["a.b"]


def test_inputs_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    store = Store(tmp_path)
    datas = [bytes([n]) for n in range(20)]
    for data in datas:
        store.add("t", data)
    assert list(store.inputs("t")) == sorted(datas, key=digest)


def test_what_is_half_written_or_hidden_is_no_input(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.add("t", b"x")
    (store.folder("t") / ".abc.123").write_bytes(b"half")
    (store.folder("t") / "folder").mkdir()
    assert list(store.inputs("t")) == [b"x"]


def test_an_empty_store_has_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "none")
    assert store.targets() == []
    assert list(store.inputs("t")) == []
    store.remove("t", "nothing")


def test_replace_adds_before_it_removes_and_never_empties(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.add("t", b"old")
    store.add("t", b"both")
    assert store.replace("t", [b"both", b"new"]) == (1, 1)
    assert set(store.inputs("t")) == {b"both", b"new"}
    with pytest.raises(GauntletError, match="refusing to empty the corpus of t: 2 inputs"):
        store.replace("t", [])
    assert len(store.paths("t")) == 2


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "corpus").write_text("a file in the way", encoding="ascii")
    with pytest.raises(GauntletError, match="choose another folder with --store"):
        Store(tmp_path).add("t", b"x")


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "a/b", "a\\b", "A", "con", "com1.x", "a:b", "-x", "x.", "é", "a b"]
)
def test_names_that_would_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    assert not is_name(name)
    with pytest.raises(UsageError, match="not the name of a fuzz target"):
        Store(tmp_path).folder(name)


@given(st.text(max_size=12))
def test_a_name_is_one_folder_below_the_corpus_or_refused(name: str) -> None:
    if is_name(name):
        assert Store(Path("root")).folder(name).parent == Path("root/corpus")


def test_the_environment_moves_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert default_root() == Path(".ipc-gauntlet/fuzz")
    monkeypatch.setenv(VARIABLE, "elsewhere")
    assert default_root() == Path("elsewhere")
