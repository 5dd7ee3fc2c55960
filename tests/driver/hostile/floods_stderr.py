"""Answers its first request, and then never stops complaining on standard error."""

import os

from base import requests, say

for request in requests():
    say(id=request["id"], result={})
    while True:
        os.write(2, b"warning: something is odd\n" * 1000)
