"""JUnit XML for continuous integration.

The format has no definition, so this keeps to what all readers take: `testsuites` with one `testsuite` for each
suite, `failure`, `error` and `skipped`. A MUST that stays inconclusive is a failure: an untested requirement must not
turn a build green.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from ipc_gauntlet.events import CaseResult
from ipc_gauntlet.report.explain import explanation
from ipc_gauntlet.report.model import Report
from ipc_gauntlet.report.text import one_line, visible
from ipc_gauntlet.verdict import Verdict

HARNESS = "harness"
"""Name of the suite that holds a failure of the run itself."""

_MESSAGE = 300


def junit_xml(report: Report) -> bytes:
    """Render a report.

    Returns:
        A UTF-8 document; whatever text drivers and peers produced, it is well-formed.
    """
    root = ET.Element("testsuites", name="ipc-gauntlet")
    groups: dict[str, list[ET.Element]] = {}
    for result in report.cases:
        groups.setdefault(result.suite, []).append(_case(result))
    if report.error or report.interrupted:
        groups.setdefault(HARNESS, []).append(_harness_case(report))
    when = datetime.datetime.fromtimestamp(report.started, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S")
    for name, cases in groups.items():
        suite = ET.SubElement(root, "testsuite", {"name": name, "timestamp": when, **_counts(cases)})
        properties = ET.SubElement(suite, "properties")
        for key, value in _facts(report):
            ET.SubElement(properties, "property", name=key, value=one_line(value))
        suite.extend(cases)
    root.attrib.update(_counts([case for cases in groups.values() for case in cases]))
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _case(result: CaseResult) -> ET.Element:
    suite, _, rest = result.id.partition("/")
    module, _, name = rest.partition("/")
    case = ET.Element(
        "testcase", classname=f"{suite}.{module}", name=name or result.id, time=f"{result.duration_s:.6f}"
    )
    kind = _outcome(result)
    if kind is None:
        return case
    message = one_line(result.message or result.seen or result.reason or result.verdict, _MESSAGE)
    outcome = ET.SubElement(case, kind, message=message)
    if kind != "skipped":
        outcome.set("type", one_line(f"{result.requirement} {result.reason}"))
        outcome.text = "\n".join(explanation(result))
    for label, text in sorted(result.stderr.items()):
        if text and kind != "skipped":
            ET.SubElement(case, "system-err").text = visible(f"driver of the {label}:\n{text}")
            break  # readers expect one; both tails are in the explanation
    return case


def _outcome(result: CaseResult) -> str | None:
    match result.verdict:
        case Verdict.pass_:
            return None
        case Verdict.fail:
            return "failure"
        case Verdict.error:
            return "error"
        case Verdict.inconclusive:
            return "failure" if result.level == "MUST" else "skipped"
        case Verdict.not_applicable:
            return "skipped"


def _harness_case(report: Report) -> ET.Element:
    case = ET.Element("testcase", classname=HARNESS, name="run", time=f"{report.duration_s:.6f}")
    text = report.error or f"the run was interrupted; {len(report.not_run)} cases were not run"
    ET.SubElement(case, "error", message=one_line(text, _MESSAGE), type="run").text = visible(text)
    return case


def _counts(cases: Iterable[ET.Element]) -> dict[str, str]:
    listed = list(cases)
    time = sum(float(case.get("time", "0")) for case in listed)
    return {
        "tests": str(len(listed)),
        "failures": str(sum(case.find("failure") is not None for case in listed)),
        "errors": str(sum(case.find("error") is not None for case in listed)),
        "skipped": str(sum(case.find("skipped") is not None for case in listed)),
        "time": f"{time:.6f}",
    }


def _facts(report: Report) -> Iterable[tuple[str, str]]:
    facts = report.implementation
    yield "implementation", f"{facts.name} {facts.version}".strip()
    yield "profile", facts.profile
    yield "seed", str(report.seed)
    yield "tool", f"{report.tool.name} {report.tool.version}"
    yield "platform", report.tool.platform
