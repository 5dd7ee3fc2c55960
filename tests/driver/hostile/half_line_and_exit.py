"""Writes half of an answer and leaves."""

import os

from base import requests

for request in requests():
    os.write(1, b'{"jsonrpc":"2.0","id":%d,"res' % request["id"])
    os._exit(0)
