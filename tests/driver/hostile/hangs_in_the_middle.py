"""Answers `describe` and `listen`, and hangs in every other request."""

import time

from base import requests, say

for request in requests():
    if request["method"] != "listen":
        time.sleep(600)
    say(id=request["id"], result={"address": {"transport": "unix", "path": "/nowhere"}})
