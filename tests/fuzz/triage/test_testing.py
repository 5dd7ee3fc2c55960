"""Regression cases within anybody's test suite."""

from __future__ import annotations

from pathlib import Path

import pytest
from flawed_targets import framed, written

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.child.handle import Child
from ipc_gauntlet.fuzz.testing import check, read_cases
from ipc_gauntlet.fuzz.triage.case import make_case, write_case
from ipc_gauntlet.fuzz.triage.targets import Targets


def test_a_case_fails_until_it_is_fixed(tmp_path: Path) -> None:
    module = written(tmp_path)
    targets = Targets([str(module)])
    with Child(targets.orders("t.clumsy")) as child:
        found = child.one(framed(b"C!")).finding
    assert found is not None
    write_case(make_case(found, expect="rejected:missing"), tmp_path / "cases")
    (case,) = read_cases(tmp_path / "cases")
    with pytest.raises(AssertionError, match="STILL FAILING: KeyError"):
        check(case, [str(module)])
    parsers = tmp_path / "flawed_parsers.py"
    text = parsers.read_text(encoding="utf-8").replace('return {}["missing"]', 'raise Refused("missing")')
    parsers.write_text(text, encoding="utf-8")
    check(case, [str(module)])


def test_a_folder_without_cases_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(UsageError, match="there are no regression cases"):
            read_cases(folder)
