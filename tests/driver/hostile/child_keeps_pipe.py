"""Leaves on request, but a child of it keeps the pipes open."""

import os
import time

from base import requests

if os.fork() == 0:
    time.sleep(600)
for _ in requests():
    os._exit(0)
