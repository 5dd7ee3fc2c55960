"""Answers with a million tiny notifications."""

import sys

from base import requests, say

for request in requests():
    say(id=request["id"], result={})
    for _ in range(1_000_000):
        sys.stdout.write('{"jsonrpc":"2.0","method":"delivered","params":{"conn":"s1","payload":""}}\n')
