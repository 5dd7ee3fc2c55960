"""Answers `describe`, then uses all of one processor and ignores polite requests to stop."""

import signal

from base import requests

for number in (signal.SIGTERM, signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGTERM)):
    signal.signal(number, signal.SIG_IGN)
for _ in requests():
    while True:
        hash("busy")
