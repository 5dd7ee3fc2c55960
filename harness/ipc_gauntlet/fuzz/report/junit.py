"""JUnit XML: a suite for each target; each finding is a failed case, and a blind target is an error."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from ipc_gauntlet.fuzz.report.model import CampaignReport, FindingReport, TargetReport
from ipc_gauntlet.report.text import one_line, visible

_MESSAGE = 300


def junit_xml(report: CampaignReport) -> bytes:
    """Render a report; whatever the findings hold, the document is well-formed UTF-8."""
    root = ET.Element("testsuites", name=f"ipc-gauntlet fuzz {one_line(report.name)}")
    suites = [
        _suite(target, [f for f in report.findings if f.state.target == target.state.target])
        for target in report.targets
    ]
    for suite in suites:
        root.append(suite)
    for key in ("tests", "failures", "errors", "skipped"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in suites)))
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _suite(target: TargetReport, findings: list[FindingReport]) -> ET.Element:
    state = target.state
    suite = ET.Element("testsuite", name=state.target, time=f"{state.seconds:.3f}")
    properties = ET.SubElement(suite, "properties")
    for key, value in _facts(target):
        ET.SubElement(properties, "property", name=key, value=one_line(value))
    whole = ET.SubElement(
        suite, "testcase", classname=state.target, name="fuzzing", time=f"{state.seconds:.3f}"
    )
    if state.blind:
        error = ET.SubElement(whole, "error", message=one_line(state.blind, _MESSAGE), type="blind")
        error.text = visible(state.blind)
    elif state.uncounted:
        ET.SubElement(whole, "skipped", message=one_line(state.uncounted, _MESSAGE))
    if state.warnings or state.notes:
        said = [f"look at: {text}" for text in state.warnings] + [f"note: {text}" for text in state.notes]
        ET.SubElement(whole, "system-out").text = visible("\n".join(said))
    for finding in findings:
        case = ET.SubElement(
            suite, "testcase", classname=state.target, name=finding.state.signature, time="0"
        )
        message = one_line(finding.state.message, _MESSAGE)
        ET.SubElement(case, "failure", message=message, type=finding.state.kind).text = visible(
            _story(finding)
        )
    suite.set("tests", str(1 + len(findings)))
    suite.set("failures", str(len(findings)))
    suite.set("errors", str(int(bool(state.blind))))
    suite.set("skipped", str(int(not state.blind and bool(state.uncounted))))
    return suite


def _facts(target: TargetReport) -> list[tuple[str, str]]:
    state = target.state
    return [
        ("executions", str(state.executions)),
        ("edges", f"{state.edges} of {state.edges_total}"),
        ("corpus", str(state.corpus)),
        ("canary", state.canary),
        *(("warning", text) for text in state.warnings),
    ]


def _story(finding: FindingReport) -> str:
    calls = [f"  {frame.file}:{frame.line} {frame.function}" for frame in finding.frames]
    fields = [
        f"  {piece.offset:5d} {'  ' * piece.depth}{piece.path} = {piece.value}" for piece in finding.pieces
    ]
    parts = [
        finding.state.message,
        f"seen {finding.state.count} times; reproduced {finding.state.reproduced or 'not tried'}",
        *(["stack within the code under test:", *calls] if calls else []),
        f"input ({finding.state.size} bytes, base64): {finding.input_b64}",
        *(["fields:", *fields] if fields else []),
        f"replay: {finding.replay}",
    ]
    return "\n".join(parts)
