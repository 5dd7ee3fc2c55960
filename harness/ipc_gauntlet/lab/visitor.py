"""A program that visits, or squats on, an address as another user. Runs by itself, with the standard library only.

It reads its orders from standard input, a JSON object `{"out": FILE, "steps": [...]}`, and writes one JSON line for each
step to the file, which it opens before it becomes anybody else.
"""

from __future__ import annotations

import array
import base64
import json
import os
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

# Never run on Windows; this keeps the type checker from looking at it there.
assert not TYPE_CHECKING or sys.platform != "win32"  # noqa: S101

_READ = 65536
_CONNECT_SECONDS = 5.0

# What a program says that took over an open connection: `argv[1]` is the connection, `argv[2]` the file, `argv[3]` how
# long to listen.
_HEIR = """
import base64, json, os, socket, sys, time
s = socket.socket(fileno=int(sys.argv[1]))
end, got, how = time.monotonic() + float(sys.argv[3]), b"", "open"
while how == "open" and time.monotonic() < end:
    s.settimeout(max(0.01, end - time.monotonic()))
    try:
        data = s.recv(65536)
        got, how = got + data, "open" if data else "eof"
    except TimeoutError:
        break
    except OSError:
        how = "reset"
told = {"do": "heir", "connected": True, "received": base64.b64encode(got).decode(), "ended": how}
os.write(int(sys.argv[2]), (json.dumps(told) + "\\n{\\"do\\": \\"done\\"}\\n").encode())
"""


def main() -> None:
    """Follow the orders."""
    orders = json.loads(sys.stdin.read())
    out = os.open(orders["out"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for step in orders["steps"]:
        told = globals()[f"do_{step['do']}"](step, out)
        _tell(out, {"do": step["do"], **told})
    _tell(out, {"do": "done"})


def _tell(out: int, told: dict[str, Any]) -> None:
    os.write(out, (json.dumps(told) + "\n").encode())


def do_user(step: dict[str, Any], _out: int) -> dict[str, Any]:
    """Become another user, for good."""
    os.setgroups([])
    os.setregid(step["uid"], step["uid"])
    os.setreuid(step["uid"], step["uid"])
    return {"uid": step["uid"]}


def do_visit(step: dict[str, Any], out: int) -> dict[str, Any]:
    """Connect, say something, and hear what comes."""
    inet = "host" in step
    family = socket.AF_INET6 if inet and ":" in step["host"] else socket.AF_INET if inet else socket.AF_UNIX
    visiting = socket.socket(family, socket.SOCK_STREAM)
    visiting.settimeout(_CONNECT_SECONDS)
    if step.get("bind"):
        visiting.bind(step["bind"])
    try:
        visiting.connect((step["host"], step["port"]) if inet else step["path"])
    except OSError as error:
        return {"connected": False, "error": f"{type(error).__name__}: {error}"}
    if step.get("heir"):
        os.set_inheritable(visiting.fileno(), True)
        os.set_inheritable(out, True)
        program = step["heir"]
        os.execv(
            program, [program, "-I", "-S", "-c", _HEIR, str(visiting.fileno()), str(out), str(step["wait"])]
        )
    return {"connected": True, **_talk(visiting, step)}


def _talk(stream: socket.socket, step: dict[str, Any]) -> dict[str, Any]:
    data = base64.b64decode(step.get("send", ""))
    try:
        if step.get("descriptors"):
            gifts = [os.open(os.devnull, os.O_RDONLY) for _ in range(step["descriptors"])]
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", gifts))]
            stream.sendmsg([data or b"\0"], ancillary)
        elif data:
            stream.sendall(data)
    except OSError as error:
        return {"received": "", "ended": "reset", "error": str(error)}
    return _listen_to(stream, step["wait"])


def _listen_to(stream: socket.socket, seconds: float) -> dict[str, Any]:
    end, got, how = time.monotonic() + seconds, b"", "open"
    while how == "open" and time.monotonic() < end:
        stream.settimeout(max(0.01, end - time.monotonic()))
        try:
            data = stream.recv(_READ)
        except TimeoutError:
            break
        except OSError:
            how = "reset"
            break
        got, how = got + data, "open" if data else "eof"
    return {"received": base64.b64encode(got).decode(), "ended": how}


def do_squat(step: dict[str, Any], out: int) -> dict[str, Any]:
    """Listen at a path, and hear what the first visitor says."""
    squatting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    squatting.bind(step["path"])
    os.chmod(step["path"], 0o666)  # noqa: PTH101, S103 - whoever comes is welcome to a squatter
    squatting.listen(1)
    _tell(out, {"do": "listening"})
    squatting.settimeout(step["wait"])
    try:
        visitor, _ = squatting.accept()
    except OSError:
        return {"connected": False}
    return {"connected": True, **_listen_to(visitor, step["hear"])}


if __name__ == "__main__":
    main()
