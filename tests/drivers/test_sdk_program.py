"""The SDK as a program, with the driver that the documentation shows and with one made for the tests."""

from __future__ import annotations

import base64
import json
import re
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from systems import STACK_TRANSPORTS

if TYPE_CHECKING:
    from conftest import DriverClient

Start = Callable[..., "DriverClient"]
GUIDE = Path(__file__).parents[2] / "docs" / "writing-a-driver.md"

ODD_DRIVER = '''
import os, sys, threading, time
from ipc_gauntlet.sdk import Connection, Driver, End, Failed, Listener, Unsupported, run

print("printed while importing")

class Odd(Driver):
    """Connections without any transport, steered by the payloads they are sent."""
    statement = {"name": "odd", "version": "1", "profile": "local", "roles": ["client"], "transports": ["tcp"],
                 "credentials": [], "features": [], "observes": ["closed"], "limits": {}, "timeouts": {},
                 "wire": {"protocol": "odd", "framing": "opaque"}, "parsers": []}
    resets = 0
    def listen(self, params):
        raise RuntimeError("a defect of the driver")
    def connect(self, params):
        print("printed while connecting")
        os.write(1, b"printed by C code\\n")
        return OddConnection(params.conn)
    def inspect(self, what):
        return self.resets if what == "ledger" else super().inspect(what)
    def reset(self):
        self.resets += 1

class OddConnection(Connection):
    def __init__(self, conn):
        super().__init__(conn)
        self.gone = threading.Event()
        self.end = None
    def run(self):
        self.established()
        self.gone.wait()
        self.delivered(b"told after the end")
        if isinstance(self.end, Exception):
            raise self.end
        return self.end or End("clean")
    def send(self, payload):
        if payload == b"hang":
            self.gone.wait()
            raise Failed("peer-closed", "the call was interrupted")
        if payload == b"defect":
            raise ValueError("a defect of the stack")
        if payload == b"reset by peer":
            raise ConnectionResetError("reset by peer")
        if payload == b"end with defect":
            self.end = KeyError("a defect of the stack")
            self.gone.set()
        if payload == b"end":
            self.gone.set()
        self.delivered(payload)
    def drop(self):
        self.gone.set()

run(Odd())
'''


@pytest.fixture
def odd(start: Start, tmp_path: Path) -> DriverClient:
    """A driver whose connections have no transport."""
    path = tmp_path / "odd.py"
    path.write_text(textwrap.dedent(ODD_DRIVER))
    return start([sys.executable, str(path)])


@pytest.fixture
def plain(start: Start, tmp_path: Path) -> DriverClient:
    """The driver of the guide."""
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    path = tmp_path / "plain.py"
    path.write_text(code)
    return start([sys.executable, str(path)])


def connect(client: DriverClient, conn: str = "c1") -> str:
    client.call("connect", conn=conn, address={"transport": "tcp", "host": "127.0.0.1", "port": 1})
    client.wait("established", conn=conn)
    return conn


def refusal(client: DriverClient, method: str, **params: Any) -> Any:  # noqa: ANN401 - JSON
    with pytest.raises(Exception, match="-32") as caught:
        client.call(method, **params)
    return caught.value


def text(payload: str) -> str:
    return base64.b64encode(payload.encode()).decode()


def test_the_driver_of_the_guide_works(plain: DriverClient, directory: str) -> None:
    """What the documentation shows is a whole driver: both roles, both directions, both ends."""
    assert plain.call("describe")["protocol"] == 1
    for number, transport in enumerate(STACK_TRANSPORTS):
        answer = plain.call("listen", listener=f"l{number}", transport=transport, directory=directory)
        plain.call("connect", conn=f"c{number}", address=answer["address"])
        server = plain.wait("established", listener=f"l{number}")["conn"]
        plain.call("send", conn=f"c{number}", payload=text("to the server"))
        plain.call("send", conn=server, payload=text("to the client"))
        plain.wait("delivered", conn=server, payload=text("to the server"))
        plain.wait("delivered", conn=f"c{number}", payload=text("to the client"))
        plain.call("close", conn=f"c{number}")
        assert plain.wait("closed", conn=server)["how"] == "clean"
        assert plain.wait("closed", conn=f"c{number}")["how"] == "local"
        plain.call("close", listener=f"l{number}")


def test_importing_the_sdk_loads_the_standard_library_only(start: Start) -> None:
    """A driver that uses the SDK needs none of the harness's dependencies, nor the harness."""
    code = """
        import json, sys
        before = set(sys.modules)
        import ipc_gauntlet.sdk
        names = {name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)
        ours = sorted(name for name in sys.modules if name.startswith("ipc_gauntlet."))
        print(json.dumps({"id": 1, "result": {"foreign": sorted(names), "ours": ours}}))
    """
    loaded = start([sys.executable, "-c", textwrap.dedent(code)]).result(1)
    assert loaded["foreign"] == ["ipc_gauntlet"]
    assert all(name.startswith("ipc_gauntlet.sdk") for name in loaded["ours"])


def test_stdout_stays_clean(odd: DriverClient) -> None:
    """Prints of Python and of C code end up on stderr."""
    connect(odd)
    assert odd.leave() == 0
    assert odd.unreadable == [b"printed while importing\n"]  # before the SDK is given control
    assert "printed while connecting" in odd.told()
    assert "printed by C code" in odd.told()


def test_times_are_monotonic_and_everywhere(odd: DriverClient) -> None:
    """Each notification bears the driver's clock."""
    connect(odd)
    for number in range(5):
        odd.call("send", conn="c1", payload=text(str(number)))
    times = [one["t"] for one in odd.seen("established") + odd.seen("delivered")]
    assert times == sorted(times)
    assert len(times) == 6


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("no-such-method", {}, -32601),
        ("parse", {"parser": "p", "data": ""}, -32601),
        ("listen", {"listener": "l", "transport": "tcp", "options": {"strange": 1}}, -32001),
        ("listen", {"listener": "l", "transport": "unix", "directory": "/"}, -32001),
        ("listen", {"transport": "tcp"}, -32602),
        ("listen", {"listener": "l", "transport": "tcp"}, -32000),
        ("connect", {"conn": "c"}, -32602),
        ("send", {"conn": "nobody", "payload": ""}, -32602),
        ("send", {"conn": ["c1"], "payload": ""}, -32602),
        ("send", {"conn": "c1", "payload": "not base64"}, -32602),
        ("send", {"conn": "c1", "payload": "", "kind": "strange"}, -32602),
        ("send", {"conn": "c1", "payload": "", "kind": "request", "operation": "echo"}, -32001),
        ("close", {"conn": "c1", "mode": "strange"}, -32602),
        ("close", {"listener": "nobody"}, -32602),
        ("inspect", {"what": "ledger"}, -32602),
        ("inspect", {"what": ["audit"]}, -32001),
        ("configure", {"action": "rekey", "conn": "c1"}, -32001),
        ("advance_clock", {"ms": 5}, -32001),
        ("advance_clock", {"ms": "5"}, -32602),
    ],
    ids=str,
)
def test_refusals_have_the_right_code(
    odd: DriverClient, method: str, params: dict[str, Any], code: int
) -> None:
    """What the driver has not, cannot or was not asked properly is told apart."""
    connect(odd)
    assert refusal(odd, method, **params).code == code
    assert odd.call("describe")["name"] == "odd"


def test_an_id_in_use_is_refused(odd: DriverClient) -> None:
    """A second connection of the same name does not replace the first."""
    connect(odd)
    address = {"transport": "tcp", "host": "127.0.0.1", "port": 1}
    assert refusal(odd, "connect", conn="c1", address=address).code == -32602


@pytest.mark.parametrize(
    ("payload", "reason"),
    [("defect", "internal"), ("reset by peer", "peer-closed")],
    ids=["defect", "OSError"],
)
def test_exceptions_of_a_sending_call_are_answered(odd: DriverClient, payload: str, reason: str) -> None:
    """Whatever a stack raises is a failure of that call, and the driver lives on."""
    connect(odd)
    caught = refusal(odd, "send", conn="c1", payload=text(payload))
    assert (caught.code, caught.data) == (-32000, {"reason": reason})
    odd.call("send", conn="c1", payload=text("fine"))


def test_a_defect_in_a_connection_is_reported_as_its_end(odd: DriverClient) -> None:
    """An exception nobody foresaw ends that connection visibly."""
    connect(odd)
    odd.call("send", conn="c1", payload=text("end with defect"))
    closed = odd.wait("closed", conn="c1")
    assert (closed["how"], closed["reason"]) == ("error", "internal")
    assert "KeyError" in odd.told()


def test_one_end_is_reported_once(odd: DriverClient) -> None:
    """Closing what is over already says nothing more, and sending on it fails."""
    connect(odd)
    odd.call("send", conn="c1", payload=text("end"))
    odd.wait("closed", conn="c1")
    odd.call("close", conn="c1")
    odd.call("close", conn="c1", mode="abort")
    assert refusal(odd, "send", conn="c1", payload="").data == {"reason": "peer-closed"}
    assert [one["how"] for one in odd.seen("closed")] == ["clean"]


def test_a_call_that_hangs_keeps_nobody_waiting(odd: DriverClient) -> None:
    """While one connection's call blocks, others go on, and an abort overtakes."""
    connect(odd, "c1")
    connect(odd, "c2")
    hanging = odd.submit("send", conn="c1", payload=text("hang"))
    odd.call("send", conn="c2", payload=text("fine"))
    assert not odd.answered(hanging)
    odd.call("close", conn="c1", mode="abort")
    with pytest.raises(Exception, match="interrupted"):
        odd.result(hanging)


def test_a_graceful_close_waits_for_earlier_sends_but_not_for_ever(odd: DriverClient) -> None:
    """What was sent before goes first; a call that hangs does not keep a program from closing."""
    connect(odd, "c1")
    sends = [odd.submit("send", conn="c1", payload=text(str(number))) for number in range(50)]
    odd.call("close", conn="c1")
    for number in sends:
        odd.result(number)
    connect(odd, "c2")
    hanging = odd.submit("send", conn="c2", payload=text("hang"))
    odd.call("close", conn="c2")
    with pytest.raises(Exception, match="interrupted"):
        odd.result(hanging)


def test_sends_on_one_connection_keep_their_order(odd: DriverClient) -> None:
    """Requests that are in flight together reach the stack in the order in which they came."""
    connect(odd)
    numbers = [odd.submit("send", conn="c1", payload=text(str(n))) for n in range(200)]
    for number in numbers:
        odd.result(number)
    assert odd.payloads("c1") == [str(n).encode() for n in range(200)]


def test_nothing_is_told_after_reset(odd: DriverClient) -> None:
    """Old connections run down in silence, hanging calls are answered, and names are free again."""
    connect(odd)
    hanging = odd.submit("send", conn="c1", payload=text("hang"))
    odd.call("reset")
    told = len(odd.notifications)
    with pytest.raises(Exception, match="interrupted"):
        odd.result(hanging)
    connect(odd)
    assert [one["method"] for one in odd.notifications[told:]] == ["established"]
    assert odd.call("inspect", what=["ledger"]) == {"ledger": 1}


def test_reset_takes_effect_before_what_follows_it(odd: DriverClient) -> None:
    """A request that was written right after `reset` already belongs to the new time."""
    connect(odd)
    reset = odd.submit("reset")
    send = odd.submit("send", conn="c1", payload=text("late"))
    odd.result(reset)
    with pytest.raises(Exception, match="no connection"):
        odd.result(send)


def test_the_end_of_stdin_ends_a_driver_whose_calls_hang(odd: DriverClient) -> None:
    """Nothing a stack does can keep a driver alive that nobody talks to."""
    connect(odd)
    odd.submit("send", conn="c1", payload=text("hang"))
    assert odd.leave() == 0


def test_shutdown_is_answered_before_leaving(odd: DriverClient) -> None:
    """`shutdown` ends the process with stdin still open."""
    assert odd.call("shutdown") == {}
    assert odd.process.wait(20) == 0


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.binary(max_size=200) | st.text(max_size=50).map(lambda line: json.dumps(line).encode())))
def test_junk_lines_are_answered_and_survived(odd: DriverClient, lines: list[bytes]) -> None:
    """After any junk the next proper request is served as if nothing had been."""
    odd.write(b"".join(line.replace(b"\n", b"") + b"\n" for line in lines))
    assert odd.call("describe")["name"] == "odd"
    assert set(odd.unreadable) <= {b"printed while importing\n"}


def test_a_line_that_is_too_long_is_refused(odd: DriverClient) -> None:
    """Eight mebibytes are the limit, and the rest of the line is not taken for another one."""
    odd.write(b'{"jsonrpc":"2.0","id":1,"method":"' + b"x" * (8 * 1024 * 1024) + b'"}\n')
    with pytest.raises(Exception, match="-32700"):
        odd.result(None)
    assert odd.call("describe")["name"] == "odd"


def test_resources_are_counted(odd: DriverClient) -> None:
    """`inspect` shows connections that are alive, and threads."""
    before = odd.call("inspect", what=["resources"])["resources"]
    connect(odd)
    during = odd.call("inspect", what=["resources"])["resources"]
    assert (before["connections"], during["connections"]) == (0, 1)
    assert during["threads"] > before["threads"]
