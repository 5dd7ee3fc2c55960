"""Answers with JSON nested a million levels deep."""

import os

from base import requests

for request in requests():
    text = (
        b'{"jsonrpc":"2.0","id":%d,"result":{"x":' % request["id"]
        + b"[" * 1_000_000
        + b"]" * 1_000_000
        + b"}}\n"
    )
    while text:
        text = text[os.write(1, text) :]
