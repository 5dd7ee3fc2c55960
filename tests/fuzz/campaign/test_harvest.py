"""A slice's folder is written by a process that ran hostile inputs: what is not right in it does not come in."""

import base64
import os
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.campaign import harvest as module
from ipc_gauntlet.fuzz.campaign.harvest import Harvest, harvest, has_findings_of, result_of
from ipc_gauntlet.fuzz.campaign.notes import MOST_NOTES
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.spec import Progress, Result, Spec
from ipc_gauntlet.fuzz.work import digest

_SIGNATURE = "crash-0123456789abcdef"


class Slice:
    """A slice's folder, made by hand."""

    def __init__(self, root: Path) -> None:
        self.store = Store(root / "store")
        self.campaign = root / "campaign"
        self.folder = root / "slice"
        (self.folder / "inputs").mkdir(parents=True)
        (self.folder / "findings").mkdir()
        self.spec = Spec(target="t", module="m", measured=("m",), folder=str(self.folder), longest=16)

    def input(self, data: bytes, name: str = "") -> None:
        """Add an input."""
        (self.folder / "inputs" / (name or digest(data))).write_bytes(data)

    def finding(self, data: bytes = b"boom", *, folder: str = "", name: str = "", **changes: Any) -> None:  # noqa: ANN401
        """Add a finding."""
        usual: dict[str, Any] = {"target": "t", "kind": "crash", "signature": _SIGNATURE, "message": "Boom"}
        found = Finding(input_b64=base64.b64encode(data).decode(), **{**usual, **changes})
        path = self.folder / "findings" / (folder or found.signature) / (name or f"{digest(data)}.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(found.to_json())

    def result(self, **changes: Any) -> None:  # noqa: ANN401 - members of Result
        """Write a result."""
        usual: dict[str, Any] = {"spec": self.spec, "progress": Progress(executions=7)}
        text = msgspec.json.encode(Result(**{**usual, **changes}))
        (self.folder / "result.json").write_bytes(text)

    def harvest(self) -> Harvest:
        """Take it in."""
        return harvest(self.folder, self.spec, self.store, self.campaign)


@pytest.fixture
def slice_(tmp_path: Path) -> Slice:
    """A slice's folder with nothing in it."""
    return Slice(tmp_path)


def test_what_is_right_comes_in(slice_: Slice) -> None:
    slice_.input(b"one")
    slice_.input(b"two")
    slice_.finding()
    slice_.finding(b"bo", name=f"{digest(b'bo')}.json")
    slice_.result(progress=Progress(executions=7, findings={_SIGNATURE: 41}))
    taken = slice_.harvest()
    assert (taken.kept, taken.corpus, taken.progress.executions) == (2, 2, 7)
    assert sorted(slice_.store.inputs("t")) == [b"one", b"two"]
    (seen,) = taken.findings
    assert (seen.count, seen.size, seen.smallest) == (41, 2, digest(b"bo"))
    assert len(list((slice_.campaign / "findings" / _SIGNATURE).iterdir())) == 2


def test_taking_it_in_twice_changes_nothing(slice_: Slice) -> None:
    slice_.input(b"one")
    slice_.finding()
    slice_.result()
    slice_.harvest()
    again = slice_.harvest()
    assert (again.kept, again.corpus) == (0, 1)


def test_a_slice_that_was_cut_short_has_its_last_numbers(slice_: Slice) -> None:
    slice_.input(b"one")
    (slice_.folder / "progress.json").write_bytes(msgspec.json.encode(Progress(executions=5)))
    taken = slice_.harvest()
    assert (taken.result, taken.progress.executions, taken.kept) == (None, 5, 1)


@pytest.mark.parametrize("name", ["x" * 64, "0" * 64, ".hidden"])
def test_inputs_under_a_wrong_name_stay_out(slice_: Slice, name: str) -> None:
    slice_.input(b"one", name)
    assert slice_.harvest().kept == 0


def test_inputs_that_are_too_long_stay_out(slice_: Slice) -> None:
    slice_.input(b"x" * 17)
    slice_.input(b"x" * 16)
    assert slice_.harvest().kept == 1


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a privilege")
def test_links_and_folders_stay_out(slice_: Slice, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    (slice_.folder / "inputs" / digest(b"secret")).symlink_to(secret)
    (slice_.folder / "inputs" / digest(b"other")).mkdir()
    os.mkfifo(slice_.folder / "inputs" / digest(b"fifo"))
    assert slice_.harvest().kept == 0


def test_only_so_many_inputs_come_in(slice_: Slice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_INPUTS", 3)
    for number in range(9):
        slice_.input(bytes([number]))
    assert slice_.harvest().kept == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"target": "another"},
        {"folder": "crash-fedcba9876543210"},
        {"signature": "../../escape", "folder": "up"},
        {"signature": "UPPER-CASE", "folder": "UPPER-CASE"},
        {"signature": "a" * 101},
        {"name": "other.json"},
    ],
)
def test_findings_that_do_not_fit_stay_out(slice_: Slice, changes: dict[str, str]) -> None:
    slice_.finding(**changes)  # type: ignore[arg-type]
    assert slice_.harvest().findings == ()
    assert not (slice_.campaign / "findings").exists()


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"[" * 100_000, b"\xff\xfe", b'{"schema": 1, "target": "t", "kind": "party"}']
)
def test_findings_that_are_none_stay_out(slice_: Slice, text: bytes) -> None:
    group = slice_.folder / "findings" / _SIGNATURE
    group.mkdir()
    (group / f"{digest(b'boom')}.json").write_bytes(text)
    assert slice_.harvest().findings == ()


def test_an_input_that_is_no_base64_makes_no_finding(slice_: Slice) -> None:
    slice_.finding()
    (path,) = (slice_.folder / "findings" / _SIGNATURE).iterdir()
    path.write_bytes(path.read_bytes().replace(b"Ym9vbQ==", b"Ym9vb"))
    assert slice_.harvest().findings == ()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b'{"spec": 7}',
        b"[" * 100_000,
        b'{"spec": {}, "progress": {"executions": "many"}}',
    ],
)
def test_a_result_that_is_none_is_no_result(slice_: Slice, text: bytes) -> None:
    (slice_.folder / "result.json").write_bytes(text)
    (slice_.folder / "progress.json").write_bytes(text)
    assert result_of(slice_.folder, slice_.spec) is None
    assert slice_.harvest().progress == Progress()


def test_a_result_for_other_orders_is_no_result(slice_: Slice) -> None:
    slice_.result(spec=msgspec.structs.replace(slice_.spec, seed=99))
    assert slice_.harvest().result is None


@given(
    executions=st.integers(-(2**63), 2**64 - 1),
    seconds=st.floats(-1e300, 1e300),
    edges=st.integers(-10, 2**62),
    total=st.integers(-10, 2**62),
    count=st.integers(-(2**63), 2**63),
)
def test_numbers_are_cut_to_what_is_possible(
    tmp_path_factory: pytest.TempPathFactory,
    executions: int,
    seconds: float,
    edges: int,
    total: int,
    count: int,
) -> None:
    slice_ = Slice(tmp_path_factory.mktemp("numbers"))
    told = Progress(
        executions=executions, seconds=seconds, edges=edges, edges_total=total, verdicts={"accepted": count}
    )
    slice_.result(progress=told)
    taken = slice_.harvest().progress
    assert 0 <= taken.executions <= 2**53
    assert 0 <= taken.seconds <= 1e12
    assert 0 <= taken.edges <= 2**53
    assert taken.edges_total == 0 or taken.edges <= taken.edges_total
    assert 0 <= taken.verdicts["accepted"] <= 2**53


def test_known_findings_are_counted_without_files(slice_: Slice) -> None:
    slice_.spec = msgspec.structs.replace(slice_.spec, known=(_SIGNATURE, "hang-0000000000000000"))
    slice_.result(progress=Progress(findings={_SIGNATURE: 9, "crash-unheard-of": 3}))
    (seen,) = slice_.harvest().findings
    assert (seen.signature, seen.count, seen.smallest) == (_SIGNATURE, 9, "")


def test_messages_are_one_short_line(slice_: Slice) -> None:
    slice_.finding(message="a\nb\x00" + "c" * 1000)
    (seen,) = slice_.harvest().findings
    assert "\n" not in seen.message
    assert len(seen.message) <= 300


def test_a_canary_is_seen_in_a_slice(slice_: Slice) -> None:
    assert not has_findings_of(slice_.folder, "PlantedDefect")
    slice_.finding(error="ValueError")
    assert not has_findings_of(slice_.folder, "PlantedDefect")
    slice_.finding(b"other", signature="crash-1111111111111111", error="PlantedDefect")
    assert has_findings_of(slice_.folder, "PlantedDefect")


def test_a_folder_that_is_empty_or_gone_gives_nothing(slice_: Slice, tmp_path: Path) -> None:
    slice_.folder = tmp_path / "gone"
    taken = slice_.harvest()
    assert (taken.kept, taken.findings, taken.result, taken.progress) == (0, (), None, Progress())


def test_what_cannot_be_written_is_told(slice_: Slice) -> None:
    slice_.finding()
    slice_.campaign.write_text("not a folder")
    with pytest.raises(GauntletError, match="writable"):
        slice_.harvest()


def test_what_an_engine_says_is_carried_and_cut(slice_: Slice) -> None:
    """Texts are one line each, counts possible, and there are not too many of either."""
    slice_.result(
        notes=["m is not measured: no source", "a\nb", "x" * 1000, "x" * 1000, "", *map(chr, range(97, 200))],
        warnings=["look"],
        counts={"it broke": -7},
        pairs={"accepted / malformed": 1 << 60},
    )
    end = slice_.harvest().end("1", slice_.spec, "done", 1.0)
    assert end.said is not None
    assert end.said.notes[:3] == ("m is not measured: no source", "a b", "x" * 300)
    assert len(end.said.notes) <= MOST_NOTES
    assert end.said.warnings == ("look",)
    assert end.said.counts == {"it broke": 1}
    assert end.said.pairs == {"accepted / malformed": 1 << 53}


def test_a_slice_without_a_result_says_nothing(slice_: Slice) -> None:
    assert slice_.harvest().end("1", slice_.spec, "salvaged", 1.0).said is None
