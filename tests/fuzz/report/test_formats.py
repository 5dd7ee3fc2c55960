"""Each format says what the campaign found, stays well-formed, and never makes a blind campaign look clean."""

import base64
import json
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from fuzz_reports import HOSTILE, sample
from hypothesis import given
from hypothesis import strategies as st
from junitparser import JUnitXml

from ipc_gauntlet.fuzz.findings import FindingKind
from ipc_gauntlet.fuzz.report.charts import Curve, chart, clock, short
from ipc_gauntlet.fuzz.report.html import dump, html
from ipc_gauntlet.fuzz.report.junit import junit_xml
from ipc_gauntlet.fuzz.report.markdown import markdown
from ipc_gauntlet.fuzz.report.model import CampaignReport, to_json
from ipc_gauntlet.fuzz.report.sarif import RULES, in_checkout, sarif
from ipc_gauntlet.fuzz.report.source import line_of, source_files


class Tags(HTMLParser):
    """Which tags a page opens and closes, and its text."""

    VOID = frozenset({"meta", "path", "line"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            assert name != "src"
            assert name != "href" or (value or "").startswith("#")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(page: bytes) -> Tags:
    tags = Tags()
    tags.feed(page.decode())
    tags.close()
    assert tags.open == []
    return tags


def test_html_tells_findings_targets_and_source() -> None:
    tags = read(html(sample()))
    text = " ".join(" ".join(tags.text).split())
    assert "IndexError in decode (sipc/cbor.py:12): out of range" in text
    assert "reproduced 5/5" in text
    assert "blind: no edge was instrumented" in text
    assert "0000 00 3c 62 3e ff" in text
    assert "2 of 4 edges" in text
    assert "ipc-gauntlet fuzz replay crash-0123456789abcdef" in text


def test_html_has_no_script_and_loads_nothing() -> None:
    page = html(sample(HOSTILE))
    tags = read(page)
    assert not tags.seen & {"script", "link", "img", "iframe", "object", "b" + "ase"}
    assert b"<b>&" not in page


def test_html_of_a_clean_but_blind_campaign_warns() -> None:
    clean = msgspec.structs.replace(sample(), findings=())
    assert "were not really fuzzed" in " ".join(" ".join(read(html(clean)).text).split())


def test_sarif() -> None:
    document = json.loads(sarif(sample()))
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    (result,) = run["results"]
    rules = run["tool"]["driver"]["rules"]
    assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == "crash"
    place = result["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "demo/header.py"}, "region": {"startLine": 12}}
    assert [
        frame["location"]["physicalLocation"]["region"]["startLine"]
        for frame in result["stacks"][0]["frames"]
    ] == [12, 3]
    assert result["partialFingerprints"] == {"ipcGauntletSignature/v1": "crash-0123456789abcdef"}
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "demo.blind is blind" in invocation["toolExecutionNotifications"][0]["message"]["text"]


def test_sarif_names_files_as_the_checkout_has_them(tmp_path: Path) -> None:
    (tmp_path / "src" / "demo").mkdir(parents=True)
    (tmp_path / "src" / "demo" / "header.py").write_text("", encoding="utf-8")
    locate = in_checkout(tmp_path, [str(tmp_path / "elsewhere"), "/usr/lib", str(tmp_path / "src")])
    assert locate("demo/header.py") == "src/demo/header.py"
    assert locate("demo/other.py") == "demo/other.py"
    result = json.loads(sarif(sample(), locate))["runs"][0]["results"][0]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "src/demo/header.py"


def test_sarif_has_a_rule_for_each_kind() -> None:
    assert set(RULES) == set(FindingKind.__args__)


@pytest.mark.parametrize("message", ["plain", HOSTILE, "x" * 5000, "\x01\x02\ufffe"])
def test_junit_is_read_by_others(message: str) -> None:
    text = junit_xml(sample(message))
    suites = {suite.name: suite for suite in JUnitXml.fromstring(text)}
    assert (suites["demo.header"].failures, suites["demo.header"].errors) == (1, 0)
    assert (suites["demo.blind"].failures, suites["demo.blind"].errors) == (0, 1)
    root = ET.fromstring(text)  # noqa: S314 - our own
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("3", "1", "1")


def test_json_leaves_the_source_out() -> None:
    document = json.loads(to_json(sample()))
    assert document["schema"] == "urn:ipc-gauntlet:fuzz-report:1"
    assert base64.b64decode(document["findings"][0]["input_b64"]) == b"\x00<b>\xff"
    assert document["targets"][0]["files"] == []
    assert document["targets"][1]["state"]["blind"] == "no edge was instrumented"


points = st.lists(st.tuples(st.floats(0, 1e7), st.floats(0, 1e12)), max_size=8).map(sorted)


@given(st.lists(st.builds(Curve, st.text('a<&>"é'), points.map(tuple), st.just("one")), max_size=3))
def test_charts_are_well_formed_and_stay_inside(curves: list[Curve]) -> None:
    svg = ET.fromstring(chart(curves))  # noqa: S314 - our own
    for path in svg.iter("path"):
        numbers = [
            float(n) for n in path.get("d", "").replace("M", " ").replace("H", " ").replace("V", " ").split()
        ]
        assert all(-1 <= number <= 641 for number in numbers)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (950, "950"), (1234, "1.2k"), (45_678, "46k"), (3.25, "3.2"), (2.5e9, "2.5G")],
)
def test_short_numbers(value: float, text: str) -> None:
    assert short(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(2.25, "2.2 s"), (45, "45 s"), (600, "10 min"), (27_000, "7.5 h")]
)
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_source_counts_edges_per_line() -> None:
    edges = ["m:1:function:0", "m:2:true:1", "m:2:false:2", "gone:9:true:0"]
    (file,) = source_files(
        edges, ["m:1:function:0", "m:2:true:1"], {"m": "def f():\n    if x:\n        y()\n"}
    )
    assert [(line.edges, line.hit) for line in file.lines] == [(1, 1), (2, 1), (0, 0)]
    assert (file.edges, file.hit) == (3, 2)


@given(st.text())
def test_edges_that_are_none(text: str) -> None:
    place = line_of(text)
    assert place is None or text.startswith(f"{place[0]}:")


@given(st.binary(max_size=3000))
def test_dump_shows_every_byte_of_the_first_kilobyte(data: bytes) -> None:
    shown = bytes.fromhex("".join(row[6 : 6 + 48] for row in dump(data).splitlines() if row[4:6] == "  "))
    assert shown == data[:1024]


def test_markdown_is_one_line_for_each_row() -> None:
    text = markdown(sample(HOSTILE + "|`x`\n\n# title")).decode()
    rows = [line for line in text.splitlines() if line.startswith("| crash")]
    assert len(rows) == 1
    assert rows[0].count("|") == 6
    assert "<b>" not in text
    assert "no edge was instrumented" in text


def looked_at(text: str = "atheris missed its canary") -> CampaignReport:
    """A campaign that counts, and of which there is something to look at."""
    report = sample()
    target = report.targets[0]
    state = msgspec.structs.replace(
        target.state,
        warnings=(text,),
        notes=(f"note of {text}",),
        verdicts={"accepted": 3, "malformed": 4},
        pairs={"accepted / malformed": 17, text: 1},
    )
    return msgspec.structs.replace(
        report, targets=(msgspec.structs.replace(target, state=state),), findings=()
    )


def test_html_shows_what_to_look_at_beside_what_counts() -> None:
    """An engine that missed its canary beside one that caught it is not simply green."""
    page = html(looked_at())
    text = " ".join(" ".join(read(page).text).split())
    assert 'class="good">counts' not in page.decode()
    assert "Look at: atheris missed its canary" in text
    assert "note of atheris missed" in text
    assert "accepted / malformed 17" in text
    assert "malformed 4" in text
    assert 'class="good">counts' in html(msgspec.structs.replace(sample(), findings=())).decode()


def test_sarif_and_junit_and_markdown_show_what_to_look_at() -> None:
    """It takes nothing away from the success of the run."""
    (run,) = json.loads(sarif(looked_at()))["runs"]
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"]
    levels = {one["level"]: one["message"]["text"] for one in invocation["toolExecutionNotifications"]}
    assert levels["warning"] == "target demo.header: atheris missed its canary"
    assert levels["note"].endswith("note of atheris missed its canary")
    (suite,) = ET.fromstring(junit_xml(looked_at()))  # noqa: S314 - ours
    assert "look at: atheris missed its canary" in (suite.findtext("testcase/system-out") or "")
    assert any(one.get("name") == "warning" for one in suite.iter("property"))
    assert "- `demo.header`: atheris missed its canary" in markdown(looked_at()).decode()


def test_what_to_look_at_is_as_hostile_as_any_other_text() -> None:
    assert read(html(looked_at(HOSTILE))).seen.isdisjoint({"script"})
    json.loads(sarif(looked_at(HOSTILE.replace("\ud800", ""))))
    ET.fromstring(junit_xml(looked_at(HOSTILE)))  # noqa: S314 - ours
    markdown(looked_at(HOSTILE))
