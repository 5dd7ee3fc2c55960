"""Answers `listen` with an address that is not one."""

from base import requests, say

for request in requests():
    say(id=request["id"], result={"address": "somewhere"})
