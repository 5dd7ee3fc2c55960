"""Gives a reason that is not in the closed list."""

from base import requests, say

for request in requests():
    say(method="closed", params={"conn": "s1", "how": "error", "reason": "bad_mac"})
    say(id=request["id"], result={})
