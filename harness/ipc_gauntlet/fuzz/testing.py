"""Regression cases in a test suite of yours.

    import pytest
    from ipc_gauntlet.fuzz.testing import case_name, check, read_cases

    @pytest.mark.parametrize("case", read_cases("tests/regressions"), ids=case_name)
    def test_stays_fixed(case):
        check(case, modules=["my_package.fuzz_targets"])

An input runs in another process, so that one that hangs, or kills the interpreter, fails its test and no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.triage import case as cases
from ipc_gauntlet.fuzz.triage.case import Case, case_name
from ipc_gauntlet.fuzz.triage.replaying import replay
from ipc_gauntlet.fuzz.triage.targets import Settings, Targets

__all__ = ["Case", "case_name", "check", "read_cases"]

_PATIENCE = 5.0


def read_cases(folder: str | Path) -> list[Case]:
    """The regression cases of a folder, in the order of their names.

    Raises:
        UsageError: There is no such folder, nothing is in it, or a file is no case: a test over nothing proves nothing.
    """
    path = Path(folder)
    found = [case for _, case in cases.read_cases([path])] if path.is_dir() else []
    if not found:
        raise UsageError(f"there are no regression cases in {path}")
    return found


def check(
    case: Case, modules: Sequence[str] = (), *, driver: str = "", hang_seconds: float = _PATIENCE
) -> None:
    """Replay a case.

    Args:
        case: What to replay.
        modules: Modules or files of targets, beside those that are installed.
        driver: Command line of the implementation under test, for findings about one.
        hang_seconds: What takes longer counts as a hang; generous, because test machines are busy.

    Raises:
        AssertionError: The target does not do what the case expects; the message says what it does.
        GauntletError: It cannot be executed.
    """
    targets = Targets(tuple(modules), Settings(hang_seconds=hang_seconds, driver=driver))
    _, outcome = next(replay([case], targets))
    if not outcome.good:
        raise AssertionError(
            f"{outcome.word}: {outcome.now}\nit was: {case.message}\nexpected: {case.expect}\ninput: {case.data.hex()}"
        )
