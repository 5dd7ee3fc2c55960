"""Does not leave, neither on request nor when its input ends."""

import time

from base import requests, say

for request in requests():
    say(id=request["id"], result={})
time.sleep(600)
