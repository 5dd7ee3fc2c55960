"""SARIF 2.1.0, which code hosts show beside the code: one rule for each kind of finding, one result for each signature."""

from __future__ import annotations

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


def sarif(report: CampaignReport) -> bytes:
    """Render a report as SARIF 2.1.0.

    Targets that are blind are notifications of the run, which is then not successful: nobody must take a missing
    result for a clean one.
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
    blind = [
        {
            "level": "error",
            "message": {"text": f"target {target.state.target} is blind: {target.state.blind}"},
        }
        for target in report.blind()
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
        "invocations": [{"executionSuccessful": not blind, "toolExecutionNotifications": blind}],
        "results": [_result(finding, kinds) for finding in report.findings],
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _result(finding: FindingReport, kinds: list[str]) -> dict[str, Any]:
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
        found["locations"] = [_location(finding.frames[-1])]
        calls = [{"location": _location(frame)} for frame in reversed(finding.frames)]
        found["stacks"] = [{"message": {"text": "within the code under test"}, "frames": calls}]
    return found


def _location(frame: Frame) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": frame.file}}
    if frame.line > 0:
        place["region"] = {"startLine": frame.line}
    return {"physicalLocation": place, "logicalLocations": [{"fullyQualifiedName": frame.function}]}
