"""Answers requests that were never made."""

from base import requests, say

for request in requests():
    say(id=request["id"] + 1000, result={})
