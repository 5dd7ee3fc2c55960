"""Merging adds what is lacking, pruning removes what is not needed, and what comes from elsewhere is executed first."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from flawed_targets import framed, written

from ipc_gauntlet.cli.app import cli
from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.campaign.state import State, read_plan
from ipc_gauntlet.fuzz.corpus import care
from ipc_gauntlet.fuzz.corpus.exchange import Manifest, export, read_offer, take
from ipc_gauntlet.fuzz.corpus.measure import Measured, measure
from ipc_gauntlet.fuzz.corpus.pinning import pinning
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.registry import find
from ipc_gauntlet.fuzz.triage.campaign import triage_all
from ipc_gauntlet.fuzz.triage.saved import readable
from ipc_gauntlet.fuzz.triage.targets import Settings, Targets
from ipc_gauntlet.fuzz.work import digest

GOOD = [b"", b"\x00", framed(b"C-"), b"\x09"]
REDUNDANT = [framed(b"x"), framed(b"xyz"), framed(b"Cx-"), b"\x08no", framed(b"12345")]
BAD = [framed(b"C!"), framed(b"HH"), framed(b"D"), framed(b"K")]


@pytest.fixture(name="targets")
def make_targets(tmp_path: Path) -> Targets:
    return Targets([str(written(tmp_path))], Settings(hang_seconds=0.2, memory_mb=200))


@pytest.fixture(name="store")
def make_store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def fuzz(store: Store, *arguments: str, status: int = 0) -> Result:
    module = str(store.root.parent / "flawed_targets_module.py")
    options = ("--store", str(store.root), "--targets", module, "--hang", "0.2", "--memory", "200")
    ended = CliRunner().invoke(cli, ["fuzz", "corpus", *arguments, *options])
    assert ended.exit_code == status, ended.output
    return ended


def test_merge_takes_what_is_lacking_and_no_findings(targets: Targets, store: Store) -> None:
    first = care.merge("t.clumsy", targets, store, [*GOOD, *REDUNDANT, *BAD])
    kept = set(store.inputs("t.clumsy"))
    assert kept == set(GOOD)
    assert {finding.kind for finding in first.findings} == {"crash", "hang", "native", "residue"}
    assert (first.before, first.after, first.added) == (0, len(GOOD), len(GOOD))
    again = care.merge("t.clumsy", targets, store, [*REDUNDANT, framed(b"P")])
    assert (again.added, again.gained > 0) == (1, True)  # printing is a branch that nothing had
    assert set(store.inputs("t.clumsy")) > kept


def test_prune_removes_what_nothing_needs(targets: Targets, store: Store) -> None:
    for data in [*GOOD, *REDUNDANT, BAD[0]]:
        store.add("t.clumsy", data)
    before = measure("t.clumsy", targets, GOOD + REDUNDANT).features
    done = care.prune("t.clumsy", targets, store)
    assert set(store.inputs("t.clumsy")) == {*GOOD, BAD[0]}
    assert measure("t.clumsy", targets, GOOD).features == before
    assert [finding.kind for finding in done.findings] == ["crash"]
    assert care.prune("t.clumsy", targets, store).after == done.after


def test_prune_deletes_nothing_that_misbehaves(targets: Targets, store: Store) -> None:
    """A hang may be the machine's, and whatever else it is, there may be no other copy; triage knows it as well."""
    for data in [*GOOD, *BAD, framed(b"C--!")]:
        store.add("t.clumsy", data)
    (store.folder("t.clumsy") / "by-hand").write_bytes(framed(b"HHH"))
    done = care.prune("t.clumsy", targets, store)
    assert {*BAD, framed(b"C--!"), framed(b"HHH")} <= set(store.inputs("t.clumsy"))
    assert done.misbehaving == 6
    assert done.aside == store.campaigns / "from-corpora"
    saved, _ = readable(done.aside)
    kept = {case.data for one in saved for case in one.inputs}
    assert kept == {*BAD, framed(b"C--!"), framed(b"HHH")}


def test_prune_leaves_what_came_while_it_looked(
    targets: Targets, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A campaign goes on meanwhile: nobody has looked at what it adds."""
    for data in [*GOOD, *REDUNDANT]:
        store.add("t.clumsy", data)

    def busy(target: str, known: Targets, inputs: Iterable[bytes]) -> Measured:
        measured = measure(target, known, inputs)
        store.add("t.clumsy", framed(b"late"))
        return measured

    monkeypatch.setattr(care, "measure", busy)
    care.prune("t.clumsy", targets, store)
    assert set(store.inputs("t.clumsy")) == {*GOOD, framed(b"late")}


def test_what_misbehaves_is_put_aside_for_triage(targets: Targets, store: Store) -> None:
    """None of it joins the corpus, and none of it is lost: every input, by its signature."""
    crash, longer = framed(b"C!"), framed(b"C--!")
    first = care.merge("t.clumsy", targets, store, [*GOOD, crash, longer])
    assert (first.misbehaving, first.aside) == (2, store.campaigns / "from-corpora")
    assert first.aside is not None
    (finding,) = first.findings
    with State.open(first.aside) as state:
        (kept,) = state.findings()
    assert (kept.signature, kept.count, kept.status, kept.size) == (finding.signature, 2, "new", len(crash))
    # Another target joins it, and what is known stays.
    other = care.merge("t.tidy", targets, store, [framed(b"fine")])
    assert other.aside is None
    care.merge("t.clumsy", targets, store, [framed(b"D")])
    done = {one.signature: one for one in triage_all(first.aside, 10.0)}
    assert len(done) == 2
    assert all(one.result is not None and one.result.shown == one.result.runs for one in done.values())
    told = CliRunner().invoke(cli, ["fuzz", "show", "--store", str(store.root), "--campaign", "from-corpora"])
    assert finding.signature in told.output
    # Fixed, and seen again: it is new again.
    with State.open(first.aside, writable=True) as state:
        state.mark(finding.signature, status="fixed")
    care.merge("t.clumsy", targets, store, [crash])
    with State.open(first.aside) as state:
        assert {one.signature: one.status for one in state.findings()}[finding.signature] == "new"


def test_modules_that_are_gone_do_not_keep_others_from_being_put_aside(
    tmp_path: Path, targets: Targets, store: Store
) -> None:
    care.merge("t.clumsy", targets, store, [framed(b"C!")])
    (tmp_path / "moved").mkdir()
    module = written(tmp_path / "moved")
    (tmp_path / "flawed_targets_module.py").unlink()
    moved = Targets([str(module)], targets.settings)
    again = care.merge("t.clumsy", moved, store, [framed(b"D")])
    assert again.aside is not None
    assert read_plan(again.aside).modules == (str(module),)
    with State.open(again.aside) as state:
        assert {one.kind for one in state.findings()} == {"crash", "native"}


def test_a_selection_that_shows_less_is_refused_and_nothing_goes(
    targets: Targets, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for data in GOOD:
        store.add("t.clumsy", data)

    calls: list[int] = []

    def forgetful(target: str, known: Targets, inputs: Iterable[bytes]) -> Measured:
        """A machine on which the first look and the third see more than the others."""
        measured = measure(target, known, inputs)
        calls.append(1)
        if len(calls) % 2:
            return measured
        return Measured(tuple(one for one in measured.entries if one.data != b""), measured.edges)

    monkeypatch.setattr(care, "measure", forgetful)
    with pytest.raises(GauntletError, match="refusing to prune the corpus of"):
        care.prune("t.clumsy", targets, store)
    assert set(store.inputs("t.clumsy")) == set(GOOD)


def test_what_cannot_be_measured_is_not_thinned_out(
    targets: Targets, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add("t.clumsy", b"x")
    monkeypatch.setattr(care, "measure", lambda *_: Measured(measure("t.clumsy", targets, [b"x"]).entries, 0))
    with pytest.raises(GauntletError, match="no branch of flawed_parsers is measured"):
        care.prune("t.clumsy", targets, store)


def test_mutants_keep_what_branches_do_not_need(tmp_path: Path, targets: Targets, store: Store) -> None:
    found = find(["t.tidy"], [str(tmp_path / "flawed_targets_module.py")])[0]
    told: list[str] = []
    for data in [b"", b"\x00", b"\x01", framed(b"x")]:
        store.add("t.tidy", data)
    plain = Store(tmp_path / "plain")
    for data in store.inputs("t.tidy"):
        plain.add("t.tidy", data)
    care.prune("t.tidy", targets, plain)
    assert max(len(data) for data in plain.inputs("t.tidy")) == 1
    done = care.prune("t.tidy", targets, store, pinning(found, told.append))
    kept = set(store.inputs("t.tidy"))
    # An accepted body takes no branch of its own; it is what tells `data[1:]` from `data[:]`.
    assert max(len(data) for data in kept) == 2
    assert "mutants of the parser are told apart" in told[0]
    assert done.after == len(kept)


@pytest.mark.parametrize("ending", ["tar", "zip"])
def test_an_export_is_deterministic_and_comes_back(
    targets: Targets, store: Store, tmp_path: Path, ending: str
) -> None:
    for data in GOOD:
        store.add("t.clumsy", data)
    store.add("t.tidy", framed(b"q"))
    path, twin = tmp_path / f"a.{ending}", tmp_path / f"b.{ending}"
    manifest = export(store, ["t.tidy", "t.clumsy"], path)
    assert manifest.targets["t.tidy"] == {digest(framed(b"q")): 2}
    export(store, ["t.clumsy", "t.tidy"], twin)
    assert path.read_bytes() == twin.read_bytes()
    other = Store(tmp_path / "other")
    take(read_offer(path, targets, None), targets, other)
    assert set(other.inputs("t.clumsy")) == set(GOOD)
    assert set(other.inputs("t.tidy")) == {framed(b"q")}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda m, f: f.popitem(), "is missing"),
        (lambda m, f: f.update({"t.tidy/extra": b"x"}), "is not in its manifest"),
        (
            lambda m, f: f.update({name: data + b"!" for name, data in f.items()}),
            "not what its manifest says",
        ),
        (lambda m, f: m.update(schema="other/1"), "not of ipc-gauntlet-fuzz-corpus/1"),
        (lambda m, f: m.pop("targets"), "cannot be read"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(
    targets: Targets, tmp_path: Path, change: object, why: str
) -> None:
    files = {f"t.tidy/{digest(data)}": data for data in (b"\x00", framed(b"a"))}
    sizes = {digest(data): len(data) for data in files.values()}
    document = msgspec.to_builtins(Manifest(targets={"t.tidy": sizes}))
    change(document, files)  # type: ignore[operator]
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", json.dumps(document))
        for name, data in files.items():
            archive.writestr(name, data)
    with pytest.raises(UsageError, match=why):
        read_offer(path, targets, None)


def test_an_export_needs_inputs_and_a_known_ending(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no inputs to export"):
        export(store, ["t.tidy"], tmp_path / "a.tar")
    with pytest.raises(UsageError, match=r"write \.zip or \.tar"):
        export(store, ["t.tidy"], tmp_path / "a.rar")


def test_the_commands_from_import_to_export(targets: Targets, store: Store, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    (foreign / "some").mkdir(parents=True)
    for number, data in enumerate([*GOOD, *REDUNDANT, BAD[0], bytes(5000)]):
        (foreign / "some" / f"input-{number}").write_bytes(data)
    assert "say which one it is for with --target" in fuzz(store, "import", str(foreign), status=2).output
    assert store.targets() == []
    taken = fuzz(store, "import", str(foreign), "--target", "t.clumsy", "--no-mutants", status=1).output
    assert f"0 inputs before, {len(GOOD)} now; 10 offered, {len(GOOD)} added" in taken
    assert "LEFT OUT  1 inputs are longer than t.clumsy takes" in taken
    assert "FINDING   crash-" in taken
    assert "1 input misbehaves: it is kept in" in taken
    assert "ipc-gauntlet fuzz show crash-" in taken
    for data in REDUNDANT:
        store.add("t.clumsy", data)
    told = fuzz(store, "stats").output
    assert f"{len(GOOD) + len(REDUNDANT)}" in told
    numbers = json.loads(fuzz(store, "stats", "--json").output)
    assert (numbers[0]["inputs"], numbers[0]["needed"]) == (len(GOOD) + len(REDUNDANT), len(GOOD))
    assert f"9 inputs before, {len(GOOD)} now" in fuzz(store, "prune", "--no-mutants").output
    assert "ALL WELL" in fuzz(store, "check").output
    assert "EXPORTED  4 inputs of 1 targets" in fuzz(store, "export", str(tmp_path / "out.zip")).output
    other = Store(tmp_path / "other")
    merged = fuzz(other, "merge", str(tmp_path / "out.zip"), str(store.root), "--no-mutants").output
    assert merged.count("t.clumsy") == 2
    assert set(other.inputs("t.clumsy")) == set(GOOD)


def test_seeds_that_misbehave_are_kept_too(targets: Targets, store: Store, tmp_path: Path) -> None:
    (tmp_path / "seeds" / "other").mkdir(parents=True)
    for number, data in enumerate((GOOD[0], BAD[0])):
        (tmp_path / "seeds" / "other" / str(number)).write_bytes(data)
    arguments = ["fuzz", "seeds", str(tmp_path / "seeds"), "--target", "t.clumsy", "--store", str(store.root)]
    done = CliRunner().invoke(cli, [*arguments, "--targets", str(tmp_path / "flawed_targets_module.py")])
    assert done.exit_code == 1, done.output
    assert "1 of them misbehave and are kept: ipc-gauntlet fuzz triage --campaign from-corpora" in done.output
    saved, _ = readable(store.campaigns / "from-corpora")
    assert [one.case.data for one in saved] == [BAD[0]]


def test_corpora_are_exported_without_their_targets(store: Store, tmp_path: Path) -> None:
    """Nothing is executed, so nobody has to say where the target comes from."""
    store.add("mine.parser", b"one")
    store.add("mine.other", b"two")
    arguments = ["fuzz", "corpus", "export", str(tmp_path / "out.zip"), "--store", str(store.root)]
    done = CliRunner().invoke(cli, [*arguments, "--target", "mine.p*"])
    assert (done.exit_code, done.output) == (0, "EXPORTED  1 inputs of 1 targets\n")
    nothing = CliRunner().invoke(cli, [*arguments, "--target", "yours.*"])
    assert nothing.exit_code == 2
    assert "no corpus" in nothing.output


def test_check_tells_what_is_wrong(targets: Targets, store: Store) -> None:
    store.add("t.clumsy", BAD[0])
    store.add("t.clumsy", bytes(5000))
    store.add("t.gone", b"x")
    (store.folder("t.clumsy") / "0123").write_bytes(b"not my hash")
    told = fuzz(store, "check", status=1).output
    for text in ("FINDING   crash-", "MISNAMED", "TOO LONG  1 inputs of t.clumsy", "NO TARGET"):
        assert text in told


def test_a_hostile_archive_changes_nothing(targets: Targets, store: Store, tmp_path: Path) -> None:
    good = tmp_path / "good"
    (good / "t.tidy").mkdir(parents=True)
    (good / "t.tidy" / "a").write_bytes(framed(b"a"))
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("t.tidy/../../evil", b"x")
    told = fuzz(store, "import", str(good), str(tmp_path / "bad.zip"), status=2).output
    assert "refusing" in told
    assert store.targets() == []
