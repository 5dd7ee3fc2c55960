"""Answers with numbers that JSON does not have."""

import os

from base import requests

for request in requests():
    os.write(1, b'{"jsonrpc":"2.0","id":%d,"result":{"x":NaN}}\n' % request["id"])
