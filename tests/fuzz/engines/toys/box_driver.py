"""A driver whose parser `box` reads what the toy parser reads, but for what its argument says it does wrong."""

import base64
import json
import os
import sys
import time

HABIT = sys.argv[1] if len(sys.argv) > 1 else "good"
STATEMENT = {
    "protocol": 1,
    "name": "box",
    "version": HABIT,
    "profile": "local",
    "roles": [],
    "transports": [],
    "features": ["parse"],
    "parsers": ["other"] if HABIT == "other" else ["box"],
}
if HABIT in ("edges", "claims"):
    STATEMENT["coverage"] = "edges/1"
seen = 0
kept: list[bytes] = []


def misbehave(data: bytes) -> None:
    """What a box of kind 0x77 brings about."""
    global seen
    seen += data[3:4] == b"\x02"
    if HABIT == "leaks":
        kept.append(bytes(20_000))
    if HABIT == "remembers" and seen == 3:
        os._exit(9)
    if data[3:4] != b"\x77":
        return
    if HABIT == "hangs":
        time.sleep(3600)
    elif HABIT == "exits":
        sys.stderr.write(f"box.c:{len(data)}: parse: Assertion `room > {len(data)}' failed.\n")
        sys.stderr.flush()
        os._exit(3)
    elif HABIT == "aborts":
        os.abort()
    elif HABIT == "floods":
        while True:
            sys.stdout.write("x" * 65536)
    elif HABIT == "babbles":
        sys.stdout.write("Segmentation fault (core dumped)\n")
        sys.stdout.flush()


def parse(data: bytes) -> dict[str, object]:
    """Read a box."""
    misbehave(data)
    refused = {"accepted": False, "reason": "unspecified" if HABIT == "silent" else "malformed"}
    if HABIT == "lax" and data[:3] == b"BOX" and len(data) > 5:
        return {"accepted": True}
    if data[:3] != b"BOX" or len(data) < 5 or len(data) != 5 + data[4]:
        return {**refused, "reason": "limit"} if HABIT == "words" else refused
    if data[3] == 1 and (len(data) == 5 or data[5] > 200):
        return refused
    if HABIT == "edges":
        return {"accepted": True, "edges": [data[3], 300 + data[4]]}
    body = data[5:][::-1] if HABIT == "reverses" else data[5:]
    return {"accepted": True, "value": {"kind": data[3], "body": base64.b64encode(body).decode()}}


for line in sys.stdin.buffer:
    request = json.loads(line)
    method, params = request["method"], request.get("params", {})
    reply: dict[str, object] = {"result": {}}
    if method == "describe":
        reply = {"result": STATEMENT}
    elif method == "parse":
        data = base64.b64decode(params["data"])
        if HABIT == "fails" and data[3:4] == b"\x77":
            reply = {
                "error": {
                    "code": -32000,
                    "message": f"IndexError at {len(data)}",
                    "data": {"reason": "internal"},
                }
            }
        elif HABIT == "denies":
            reply = {"error": {"code": -32001, "message": "not here"}}
        else:
            reply = {"result": parse(data)}
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": request["id"], **reply}) + "\n")
    sys.stdout.flush()
    if method == "shutdown":
        break
