"""Writes half of an answer and stops."""

import os
import time

from base import requests

for request in requests():
    os.write(1, b'{"jsonrpc":"2.0","id":%d,"res' % request["id"])
    time.sleep(600)
