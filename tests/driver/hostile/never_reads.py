"""Answers the first request without reading it, and never reads any."""

import time

from base import STATEMENT, say

say(id=1, result=STATEMENT)
time.sleep(600)
