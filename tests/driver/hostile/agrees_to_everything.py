"""Answers every request as if it had been carried out."""

from base import requests, say

for request in requests():
    address = {"transport": "unix", "path": "/nowhere"}
    say(id=request["id"], result={"address": address} if request["method"] == "listen" else {})
