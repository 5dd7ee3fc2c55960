"""Reports things that the protocol does not know."""

from base import requests, say

for request in requests():
    say(method="delivred", params={"conn": "s1"})
    say(id=request["id"], result={})
