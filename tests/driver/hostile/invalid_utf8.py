"""Answers with bytes that are not UTF-8."""

import os

from base import requests

for request in requests():
    os.write(1, b'{"jsonrpc":"2.0","id":%d,"result":{"x":"\xff\xfe"}}\n' % request["id"])
