"""The folder for ClusterFuzzLite and OSS-Fuzz: complete, the same every time, and its scripts mean what targets mean."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from ipc_gauntlet.cli.fuzz.app import command
from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.registry import Found, Source
from ipc_gauntlet.fuzz.scale.export import export
from ipc_gauntlet.fuzz.scale.standalone import WrongAnswer, test_one_input

KEPT: list[bytes] = []


def refuse(data: bytes) -> bytes:
    """Refuses what begins with a zero, and keeps it if it is long."""
    if data[:1] == b"\0":
        if len(data) > 3:
            KEPT.append(data)
        raise ValueError("zero")
    if data == b"bug":
        raise KeyError("bug")
    return data.rstrip(b"!")


def target() -> Target:
    """A target with every oracle."""
    return Target(
        name="demo.all-oracles",
        title='A "title" with marks.',
        layer="other",
        parse=refuse,
        rejects=(ValueError,),
        measured=("demo_package.parser",),
        seeds=lambda: (b"seed",),
        tokens=(b"\x00\xff", b'"'),
        encode=lambda value: bytes(value),
        canonical=True,
        residue=lambda: len(KEPT),
    )


def files(tmp_path: Path, module: str = "demo_targets") -> dict[str, bytes]:
    found = Found(target(), Source(module, "test"))
    paths = export([found], [[b"other", b"seed"]], tmp_path / ".clusterfuzzlite", "clusterfuzzlite", "demo")
    return {path.name: path.read_bytes() for path in paths}


def test_the_folder_is_complete(tmp_path: Path) -> None:
    written = files(tmp_path)
    stem = "fuzz_demo_all_oracles"
    assert set(written) == {
        f"{stem}.py",
        f"{stem}.options",
        f"{stem}.dict",
        f"{stem}_seed_corpus.zip",
        "project.yaml",
        "Dockerfile",
        "build.sh",
    }
    assert yaml.safe_load(written["project.yaml"]) == {"language": "python"}
    assert written[f"{stem}.dict"] == b'"\\x00\\xff"\n"\\x22"\n'
    with zipfile.ZipFile(io.BytesIO(written[f"{stem}_seed_corpus.zip"])) as archive:
        assert sorted(archive.read(name) for name in archive.namelist()) == [b"other", b"seed"]
    ast.parse(written[f"{stem}.py"])
    assert b"--hidden-import=demo_package --hidden-import=demo_targets" in written["build.sh"]
    assert (tmp_path / ".clusterfuzzlite" / "build.sh").stat().st_mode & 0o100 or sys.platform == "win32"


def test_the_folder_is_the_same_every_time(tmp_path: Path) -> None:
    assert files(tmp_path / "a") == files(tmp_path / "b")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no bash")
def test_the_build_script_is_one(tmp_path: Path) -> None:
    files(tmp_path)
    subprocess.run(["/bin/bash", "-n", str(tmp_path / ".clusterfuzzlite" / "build.sh")], check=True)


@pytest.mark.parametrize(
    ("module", "project"), [("file.py", "demo"), ("demo_targets", "De mo"), ("demo_targets", "")]
)
def test_what_cannot_be_exported(tmp_path: Path, module: str, project: str) -> None:
    with pytest.raises(UsageError):
        export([Found(target(), Source(module, "test"))], [[]], tmp_path, "oss-fuzz", project)


def test_what_an_execution_means() -> None:
    run = test_one_input(target())
    run(b"fine")
    run(b"\0")
    with pytest.raises(KeyError):
        run(b"bug")
    with pytest.raises(WrongAnswer, match="accepted 2 bytes"):
        run(b"x!")
    with pytest.raises(WrongAnswer, match="kept"):
        run(b"\0abc")


def test_the_command_exports_the_reference(tmp_path: Path) -> None:
    out = tmp_path / "oss"
    words = [
        "export",
        "oss-fuzz",
        "--target",
        "sipc.cbor",
        "--out",
        str(out),
        "--project",
        "sipc",
        "--store",
        str(tmp_path),
    ]
    ended = CliRunner().invoke(command, words, catch_exceptions=False)
    assert ended.exit_code == 0, ended.output
    assert (out / "fuzz_sipc_cbor.py").is_file()
    assert "sanitizers" in yaml.safe_load((out / "project.yaml").read_text(encoding="utf-8"))
