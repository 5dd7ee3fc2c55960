"""Replaces itself by a new process over and over, to be gone when somebody looks."""

import os
import sys
import time

from base import requests, say

if os.fork() == 0:
    os.setsid()
    while True:
        if os.fork():
            os._exit(0)
        time.sleep(0.001)
for request in requests():
    say(id=request["id"], result={})
    if request["method"] == "shutdown":
        sys.exit()
