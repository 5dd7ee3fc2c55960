"""A regression case: a finding, and what has to happen instead. One JSON file for each, replayed by ordinary pytest.

    {
      "target": "sipc.cbor", "kind": "crash", "signature": "crash-...", "message": "...", "input_b64": "...",
      "expect": "rejected:malformed", "parser": "cbor", ...
    }

`expect` is `accepted`, `rejected:<reason>`, `rejected` (whatever the reason), or `no-finding` where nobody has said yet
what the right answer is: then anything will do that is no finding.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.child.messages import Answer
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.work import digest, write_whole

ANYTHING = "no-finding"
"""Expectation of a case for which the right answer is not known yet."""


class Case(Finding, frozen=True, kw_only=True, omit_defaults=True):
    """A finding with what is expected instead.

    Attributes:
        expect: See the module.
        parser: Name of the driver protocol's parser that reads the same bytes: then the case is one for anybody's.
        reproduced: How many re-runs showed the finding, of how many, when the case was made: `5/5`.
        minimised_from: Length of the input that was found, 0 if it was not minimised.
    """

    expect: str = ANYTHING
    parser: str = ""
    reproduced: str = ""
    minimised_from: int = 0

    @property
    def finding(self) -> Finding:
        """The finding alone."""
        return Finding(**{name: getattr(self, name) for name in Finding.__struct_fields__})


def make_case(finding: Finding, *, expect: str = ANYTHING, parser: str = "", reproduced: str = "") -> Case:
    """Make a case of a finding.

    Args:
        finding: The finding, or a case whose other fields are to stay.
        expect: What is expected instead.
        parser: See `Case`.
        reproduced: See `Case`.

    Raises:
        UsageError: There is no such expectation.
    """
    _check(expect)
    fields = {name: getattr(finding, name) for name in finding.__struct_fields__}
    fields |= {"expect": expect, "parser": parser or fields.get("parser", "")}
    fields |= {"reproduced": reproduced or fields.get("reproduced", "")}
    return Case(**fields)


def read_case(path: Path) -> Case:
    """Read a case, or a finding, of which no answer is expected.

    Raises:
        UsageError: The file cannot be read, or is something else.
    """
    try:
        case = msgspec.json.decode(path.read_bytes(), type=Case)
        base64.b64decode(case.input_b64, validate=True)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise UsageError(f"{path} is neither a finding nor a regression case: {error}") from error
    _check(case.expect)
    return case


def write_case(case: Case, folder: Path) -> Path:
    """Write a case under its own name; it replaces an older one of the same name.

    Returns:
        Where it is.

    Raises:
        GauntletError: It cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GauntletError(f"cannot make {folder}: {error.strerror}") from error
    path = folder / f"{case_name(case)}.json"
    write_whole(path, case.to_json())
    return path


def read_cases(paths: Iterable[Path]) -> list[tuple[Path, Case]]:
    """Read files, and all `*.json` of folders, in the order of their names.

    Raises:
        UsageError: One cannot be read, or is something else.
    """
    found: list[tuple[Path, Case]] = []
    for path in paths:
        files = sorted(path.glob("*.json")) if path.is_dir() else [path]
        found += [(file, read_case(file)) for file in files]
    return found


def readable_cases(paths: Iterable[Path]) -> tuple[list[tuple[Path, Case]], list[str]]:
    """The same, and one file that cannot be read does not keep the others back.

    Returns:
        The cases, and what is wrong with each of the other files.
    """
    found: list[tuple[Path, Case]] = []
    damaged: list[str] = []
    for path in paths:
        for file in sorted(path.glob("*.json")) if path.is_dir() else [path]:
            try:
                found.append((file, read_case(file)))
            except UsageError as error:
                damaged.append(str(error))
    return found, damaged


def case_name(finding: Finding) -> str:
    """A name that says what it is, for a file or a test: `sipc.cbor-crash-recursionerror-decode-1a2b3c4d`."""
    where = finding.frames[-1].function.rpartition(".")[2] if finding.frames else ""
    words = [finding.kind, finding.error, where]
    slug = "-".join(word for text in words if (word := re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")))
    return f"{finding.target}-{slug[:60]}-{digest(finding.data)[:8]}"


def holds(expect: str, answer: Answer) -> bool:
    """Whether an answer is the expected one."""
    if answer.finding is not None:
        return False
    if expect == "rejected":
        return not answer.accepted
    return expect in (ANYTHING, answer.verdict)


def _check(expect: str) -> None:
    if expect in (ANYTHING, "accepted", "rejected") or (expect.startswith("rejected:") and expect[9:]):
        return
    raise UsageError(
        f"{expect!r} cannot be expected: write accepted, rejected, rejected:REASON or {ANYTHING}"
    )
