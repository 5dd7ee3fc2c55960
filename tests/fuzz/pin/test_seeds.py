"""What conformance cases send becomes inputs for fuzzers."""

import hashlib
from pathlib import Path

import pytest
from click.testing import CliRunner

from ipc_gauntlet.cli.fuzz.seeds import command
from ipc_gauntlet.cli.run import command as run
from ipc_gauntlet.lab.harvest import layers_of
from ipc_gauntlet.peer import cbor
from ipc_gauntlet.peer.heard import HeardFrame, HeardMessage, HeardRecord


@pytest.fixture(scope="module")
def harvest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a few cases said, one of an adversary between two ends and some with a wire peer."""
    folder = tmp_path_factory.mktemp("harvest") / "not" / "there"
    words = ["reference", "-n", "0", "-q", "--transport", "tcp", "--export-seeds", str(folder)]
    cases = ["--case", "ordering/close/*", "--case", "downgrade/offer/*"]
    done = CliRunner().invoke(run, [*words, *cases], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return folder


def test_there_is_a_folder_for_each_layer_with_named_inputs(harvest: Path) -> None:
    layers = {path.name for path in harvest.iterdir()}
    assert {"frame", "negotiation", "envelope", "record"} <= layers
    for path in harvest.glob("*/*"):
        assert path.name == hashlib.sha256(path.read_bytes()).hexdigest()


def test_inputs_are_what_their_layer_says(harvest: Path) -> None:
    offers = [path.read_bytes() for path in (harvest / "negotiation").iterdir()]
    assert any(data.startswith(b"SIPC\0") for data in offers)
    messages = [path.read_bytes() for path in (harvest / "envelope").iterdir()]
    assert all(isinstance(cbor.decode(data), dict) for data in messages)


def test_they_are_taken_into_corpora(harvest: Path, tmp_path: Path) -> None:
    words = [
        str(harvest),
        "--store",
        str(tmp_path),
        "--target",
        "sipc.envelope",
        "--target",
        "sipc.negotiation",
    ]
    done = CliRunner().invoke(command, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "sipc.envelope" in done.output
    taken = list((tmp_path / "corpus" / "sipc.negotiation").iterdir())
    assert taken
    given = {path.name for path in (harvest / "negotiation").iterdir()}
    assert {path.name for path in taken if not path.name.startswith(".")} <= given


def test_a_folder_without_inputs_is_a_wrong_use(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        command, [str(tmp_path), "--store", str(tmp_path / "s"), "--target", "sipc.cbor"]
    )
    assert done.exception is not None
    assert "--export-seeds" in str(done.exception)


def test_layers_of_what_was_heard() -> None:
    frame = HeardFrame("offer", b"wire", b"SIPC", b"noise", None)
    assert list(layers_of(frame)) == [("frame", b"wire"), ("negotiation", b"SIPC")]
    opened = HeardFrame("accept", b"wire", b"", b"noise", b"payload")
    assert ("handshake", b"payload") in list(layers_of(opened))
    record = HeardRecord("READY", b"wire", 1, 0, b"\xa0", 0)
    assert list(layers_of(record)) == [
        ("frame", b"wire"),
        ("record", b"\x00\x03\x01\x00\xa0"),
        ("record", b"\xa0"),
    ]
    assert list(layers_of(HeardMessage("message", b"sealed", {1: 2}))) == [("envelope", b"\xa1\x01\x02")]
