"""Claims that it could not read the request."""

from base import requests, say

for _ in requests():
    say(id=None, error={"code": -32700, "message": "what a mess"})
