"""Closes its standard input, answers `describe`, and lives on."""

import os
import time

from base import STATEMENT, say

os.read(0, 65536)
os.close(0)
say(id=1, result=STATEMENT)
time.sleep(600)
