"""A driver of parsers only; it keeps to the protocol unless the environment says how not to."""

import base64
import json
import os
import sys

WORD = os.environ.get("PARSES_PLAIN", "")
STATEMENT = {
    "protocol": 1,
    "name": "parses",
    "version": "1",
    "profile": "local",
    "roles": [],
    "transports": [],
    "features": ["parse"],
    "parsers": ["box"],
    "coverage": "edges/1",
}


def parse(params: dict[str, object]) -> dict[str, object]:
    """What the parser `box` makes of its input: it takes what begins with a zero."""
    data = base64.b64decode(str(params["data"]), validate=True)
    answer: dict[str, object] = {"accepted": data[:1] == b"\0"}
    if params.get("coverage") and WORD != "silent":
        answer["edges"] = [len(data) % 7]
    return answer


def answer(request: dict[str, object]) -> dict[str, object]:
    """The result or error of a request."""
    method, params = request.get("method"), request.get("params", {})
    if not isinstance(method, str) or not isinstance(params, dict):
        return {"error": {"code": -32600, "message": "not a request"}}
    if method == "describe":
        return {"result": STATEMENT}
    if method in ("reset", "shutdown"):
        return {"result": {}}
    if method == "parse":
        if params.get("parser") != "box" and WORD != "guessing":
            return {"error": {"code": -32000 if WORD == "failing" else -32001, "message": "no such parser"}}
        return {"result": parse(params)}
    return {"error": {"code": -32601, "message": "no such method"}}


for line in sys.stdin.buffer:
    try:
        request = json.loads(line)
    except ValueError:
        request = None
    if isinstance(request, dict):
        reply = {"id": request.get("id"), **answer(request)}
    else:
        reply = {"id": None, "error": {"code": -32700, "message": "not JSON"}}
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **reply}) + "\n")
    sys.stdout.flush()
    if isinstance(request, dict) and request.get("method") == "shutdown":
        break
