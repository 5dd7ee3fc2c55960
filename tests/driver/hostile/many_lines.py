"""Answers with 100 megabytes of notifications, each small and valid."""

import sys

from base import requests, say

for request in requests():
    say(id=request["id"], result={})
    note = (
        '{"jsonrpc":"2.0","method":"delivered","params":{"t":1.0,"conn":"s1","payload":"'
        + "A" * 4096
        + '"}}\n'
    )
    for _ in range(100_000_000 // len(note)):
        sys.stdout.write(note)
