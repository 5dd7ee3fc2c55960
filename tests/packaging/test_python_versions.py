"""The versions of Python that we say we work with are those that we are tried on."""

import re
import tomllib
from pathlib import Path

import yaml


def test_classifiers_environments_and_workflow_agree(checkout: Path) -> None:
    """pyproject.toml names no version that neither tox nor CI runs, and the other way round."""
    project = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = re.findall(r"Python :: (3[.]\d+)$", "\n".join(project["classifiers"]), re.MULTILINE)
    tox = (checkout / "tox.ini").read_text(encoding="utf-8")
    factors = [found.split(",") for found in re.findall(r"py3\{([0-9,]+)\}", tox)]
    labelled = re.findall(r"py(3)(\d+)", re.findall(r"^    test = (.*)$", tox, re.MULTILINE)[0])
    jobs = yaml.safe_load((checkout / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]
    assert len(factors) == 2
    assert all([f"3.{minor}" for minor in minors] == named for minors in factors)
    assert [".".join(parts) for parts in labelled] == named
    assert jobs["test"]["strategy"]["matrix"]["python"] == named
    assert project["requires-python"] == f">={named[0]}"
