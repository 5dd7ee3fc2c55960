"""Answers a request whose number has a hundred thousand digits."""

import os

from base import requests

for _ in requests():
    os.write(1, b'{"jsonrpc":"2.0","id":' + b"9" * 100_000 + b',"result":{}}\n')
