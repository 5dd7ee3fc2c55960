#!/usr/bin/env python3
"""Pin the wheels that Windows Python gets: `python ci/wine/pin_wheels.py 3.11` writes ci/wine/wheels-3.11.txt.

Run it after a dependency in pyproject.toml has changed. pip resolves for Windows, but evaluates markers for the
machine it runs on, so what only Windows needs is named here.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Dependencies of libraries that are behind a marker for Windows.
WINDOWS_ONLY = ("colorama",)
# Used by tests of the build and of import directions, which say the same on every system.
NOT_NEEDED = ("hatchling", "import-linter")


def wanted(project: dict[str, Any], groups: dict[str, list[str]]) -> list[str]:
    """The requirements to resolve.

    Args:
        project: The table `project` of pyproject.toml.
        groups: The table `dependency-groups`.
    """
    tests = [one for one in groups["test"] if not one.startswith(NOT_NEEDED)]
    drivers = project["optional-dependencies"]["drivers"]
    return [*project["dependencies"], *drivers, *tests, *WINDOWS_ONLY]


def cross(version: str) -> list[str]:
    """The options of pip for wheels of Windows CPython.

    Args:
        version: Such as "3.11".
    """
    return [
        "--platform=win_amd64",
        "--only-binary=:all:",
        "--implementation=cp",
        f"--python-version={version}",
    ]


def resolve(requirements: list[str], version: str) -> dict[str, str]:
    """Ask pip: name and version of every wheel, and its SHA-256.

    Args:
        requirements: What is wanted.
        version: Of Python, such as "3.11".
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        options = ["--quiet", "--dry-run", "--ignore-installed", "--target", folder, "--report", str(report)]
        pip = [sys.executable, "-m", "pip", "install"]
        subprocess.run([*pip, *options, *cross(version), *requirements], check=True)
        found = json.loads(report.read_text(encoding="utf-8"))["install"]
    pins = {}
    for one in found:
        name, number = one["metadata"]["name"].lower(), one["metadata"]["version"]
        pins[f"{name}=={number}"] = one["download_info"]["archive_info"]["hashes"]["sha256"]
    return dict(sorted(pins.items()))


def main(arguments: list[str]) -> int:
    """Write the files of the versions that are named.

    Args:
        arguments: Versions such as "3.11".
    """
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    requirements = wanted(table["project"], table["dependency-groups"])
    for version in arguments:
        pins = resolve(requirements, version)
        lines = [f"# Written by ci/wine/pin_wheels.py {version} from pyproject.toml; for Windows, 64 bit."]
        lines += [f"{name} --hash=sha256:{digest}" for name, digest in pins.items()]
        (HERE / f"wheels-{version}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"{len(pins)} wheels for Python {version}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
