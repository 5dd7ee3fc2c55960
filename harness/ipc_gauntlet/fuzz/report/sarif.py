"""SARIF 2.1.0, which code hosts show beside the code: one rule for each kind of finding, one result for each signature."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ipc_gauntlet.fuzz.findings import Frame
from ipc_gauntlet.fuzz.report.model import CampaignReport, FindingReport

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

RULES: dict[str, tuple[str, str]] = {
    "crash": ("The parser raised an exception that it does not declare.", "error"),
    "native": ("The process of the parser died.", "error"),
    "hang": ("The parser did not answer in time.", "error"),
    "memory": ("The parser used more memory than it may.", "error"),
    "slow": ("Time grows faster than the input.", "warning"),
    "greedy": ("Memory grows faster than the input.", "warning"),
    "noncanonical": ("An input was accepted that is not the one encoding of its value.", "error"),
    "disagreement": ("Two implementations judge one input differently.", "error"),
    "wrong-answer": (
        "An input was refused with another class of error than the specification names.",
        "warning",
    ),
    "residue": ("A refused input left state or memory behind.", "warning"),
}
"""Each kind of finding: what it means, and SARIF's level."""


Locate = Callable[[str], str]
"""From a file below its import root to its path below the checkout."""


def in_checkout(folder: Path, path: Sequence[str]) -> Locate:
    """Find files where a code host has them.

    Args:
        folder: The checkout.
        path: The import path.

    Returns:
        A function that gives the path below the checkout, or the file as it is where it is not in there.
    """
    root = folder.resolve()
    entries = [
        place for place in (Path(entry or ".").resolve() for entry in path) if place.is_relative_to(root)
    ]

    def locate(file: str) -> str:
        for entry in entries:
            if (entry / file).is_file():
                return (entry / file).relative_to(root).as_posix()
        return file

    return locate


def sarif(report: CampaignReport, locate: Locate = str) -> bytes:
    """Render a report as SARIF 2.1.0.

    Targets that are blind, or had too little time to count, are notifications of the run, which is then not
    successful: nobody must take a missing result for a clean one. What a person should look at is told beside it.
    """
    kinds = list(RULES)
    rules = [
        {
            "id": kind,
            "shortDescription": {"text": RULES[kind][0]},
            "defaultConfiguration": {"level": RULES[kind][1]},
        }
        for kind in kinds
    ]
    told = [
        _notification("error", f"target {target.state.target} is blind: {target.state.blind}")
        for target in report.blind()
    ]
    told += [
        _notification("warning", f"target {target.state.target} does not count: {target.state.uncounted}")
        for target in report.uncounted()
    ]
    successful = not told
    told += [
        _notification(level, f"target {target.state.target}: {text}")
        for target in report.targets
        for level, texts in (("warning", target.state.warnings), ("note", target.state.notes))
        for text in texts
    ]
    run = {
        "tool": {
            "driver": {
                "name": "ipc-gauntlet",
                "version": report.version,
                "semanticVersion": report.version,
                "rules": rules,
            }
        },
        "invocations": [{"executionSuccessful": successful, "toolExecutionNotifications": told}],
        "results": [_result(finding, kinds, locate) for finding in report.findings],
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _notification(level: str, text: str) -> dict[str, Any]:
    return {"level": level, "message": {"text": text}}


def _result(finding: FindingReport, kinds: list[str], locate: Locate) -> dict[str, Any]:
    state = finding.state
    found: dict[str, Any] = {
        "ruleId": state.kind,
        "ruleIndex": kinds.index(state.kind),
        "level": RULES[state.kind][1],
        "message": {"text": f"{state.message}\nTarget {state.target}. Replay: {finding.replay}"},
        "partialFingerprints": {"ipcGauntletSignature/v1": state.signature},
        "properties": {
            "target": state.target,
            "input": finding.input_b64,
            "count": state.count,
            "reproduced": state.reproduced,
        },
    }
    if finding.frames:
        found["locations"] = [_location(finding.frames[-1], locate)]
        calls = [{"location": _location(frame, locate)} for frame in reversed(finding.frames)]
        found["stacks"] = [{"message": {"text": "within the code under test"}, "frames": calls}]
    return found


def _location(frame: Frame, locate: Locate) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": locate(frame.file)}}
    if frame.line > 0:
        place["region"] = {"startLine": frame.line}
    return {"physicalLocation": place, "logicalLocations": [{"fullyQualifiedName": frame.function}]}
