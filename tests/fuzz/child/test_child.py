"""A process that executes inputs survives what they do, and tells it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import flawed_targets
import psutil
import pytest
from flawed_targets import framed, orders, written

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.child.handle import Child
from ipc_gauntlet.fuzz.child.messages import Orders
from ipc_gauntlet.fuzz.registry import Source, load


def test_verdicts_and_findings_come_in_order(tmp_path: Path) -> None:
    with Child(orders(written(tmp_path))) as child:
        inputs = [framed(b"ab"), b"", b"\x05x", framed(b"C!"), framed(b"P"), framed(b"ok")]
        answers = list(child.run(inputs))
    assert [answer.verdict for answer in answers[:3]] == ["accepted", "rejected:empty", "rejected:length"]
    finding = answers[3].finding
    assert finding is not None
    assert finding.kind == "crash"
    assert finding.error == "KeyError"
    assert finding.frames[-1].function == "broken"
    assert [answer.verdict for answer in answers[4:]] == [
        "accepted",
        "accepted",
    ]  # what it prints is not an answer
    assert child.starts == 1


def test_a_hang_a_death_and_a_hog_cost_one_process_each(tmp_path: Path) -> None:
    bad = [framed(b"HH"), framed(b"D"), framed(b"MM")]
    with Child(orders(written(tmp_path))) as child:
        answers = list(child.run([framed(b"a"), *bad, framed(b"z")]))
        starts = child.starts
    assert answers[0].verdict == answers[4].verdict == "accepted"
    findings = [answer.finding for answer in answers[1:4]]
    assert [finding.kind for finding in findings[:2] if finding] == ["hang", "native"]
    assert [finding.data for finding in findings if finding] == bad
    hang, native, memory = findings
    assert hang is not None
    assert native is not None
    assert memory is not None
    assert (hang.frames[-1].file, hang.frames[-1].function) == ("flawed_parsers.py", "clumsy")
    assert (native.error, memory.frames[-1].function) == ("exit 9", "clumsy")
    # Where the system refuses memory before the guard has looked, the process lives on.
    assert (memory.kind, memory.error, starts) in {("memory", "", 4), ("crash", "MemoryError", 3)}


def test_residue_is_a_finding(tmp_path: Path) -> None:
    with Child(orders(written(tmp_path))) as child:
        finding = child.one(framed(b"K")).finding
    assert finding is not None
    assert finding.kind == "residue"


def test_features_mean_the_same_in_another_process(tmp_path: Path) -> None:
    path = written(tmp_path)
    with Child(orders(path, coverage=True)) as child:
        first = child.one(framed(b"ab"))
        other = child.one(b"")
        child.close()
        again = child.one(framed(b"ab"))
        assert child.edges > 10
    assert first.features
    assert set(first.features) == set(again.features)
    assert set(first.features) != set(other.features)


def test_without_coverage_nothing_is_instrumented(tmp_path: Path) -> None:
    with Child(orders(written(tmp_path))) as child:
        assert child.one(b"").features == ()
        assert child.edges == 0


def test_the_cost_of_an_input_is_counted(tmp_path: Path) -> None:
    with Child(orders(written(tmp_path), "t.tidy")) as child:
        short, long = child.run([framed(b""), framed(bytes(200))], measure="count")
        again = child.one(framed(bytes(200)), measure="count")
    assert short.lines == long.lines == again.lines > 3
    assert abs(again.peak - long.peak) < 300  # a few numbers more or less of the interpreter's own


def test_a_target_that_is_not_there_is_a_users_error(tmp_path: Path) -> None:
    path = written(tmp_path)
    with Child(orders(path, "t.none")) as child, pytest.raises(UsageError, match="no fuzz target"):
        child.one(b"")
    lost = Orders(target="t.x", module=str(tmp_path / "none.py"), measured=("x",))
    with Child(lost) as child, pytest.raises(UsageError, match="there is no file"):
        child.one(b"")


def test_answers_that_nobody_waited_for_do_not_go_to_somebody_else(tmp_path: Path) -> None:
    with Child(orders(written(tmp_path))) as child:
        run = child.run([b"", framed(b"a"), framed(b"b")])
        assert next(run).verdict == "rejected:empty"
        with pytest.raises(RuntimeError, match="have to be taken first"):
            child.one(b"\x09")
        run.close()
        assert child.one(b"\x09").verdict == "rejected:length"


def test_closing_leaves_no_process(tmp_path: Path) -> None:
    before = {process.pid for process in psutil.Process().children()}
    with Child(orders(written(tmp_path))) as child:
        child.one(b"")
        assert {process.pid for process in psutil.Process().children()} > before
    assert {process.pid for process in psutil.Process().children()} <= before


def test_one_process_executes_several_targets_of_a_module(tmp_path: Path) -> None:
    path = written(tmp_path)
    target = next(one for one in load(Source(str(path), "test")) if one.name == "t.tidy")
    with Child(orders(path)) as child:
        assert child.one(framed(b"C!")).finding is not None
        child.turn_to(target)
        assert child.one(framed(b"C!")).verdict == "accepted"
        assert child.starts == 1


def test_when_its_starter_is_killed_it_ends_by_itself(tmp_path: Path) -> None:
    path = written(tmp_path)
    program = (
        "import sys, time; sys.path.insert(0, sys.argv[1]); from flawed_targets import orders; from pathlib import Path\n"
        "from ipc_gauntlet.fuzz.child.handle import Child\n"
        "child = Child(orders(Path(sys.argv[2]))); child.one(b''); print(child._process._popen.pid, flush=True)\n"
        "time.sleep(60)"
    )
    support = str(Path(flawed_targets.__file__).parent)
    with subprocess.Popen(
        [sys.executable, "-c", program, support, str(path)], stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        child = psutil.Process(int(starter.stdout.readline()))
        starter.kill()
    gone, alive = psutil.wait_procs([child], timeout=30)
    assert (gone, alive) == ([child], [])
