"""Answers `reset` with an error."""

from base import requests, say

for request in requests():
    if request["method"] == "reset":
        say(id=request["id"], error={"code": -32000, "message": "not now", "data": {"reason": "internal"}})
    else:
        say(id=request["id"], result={})
