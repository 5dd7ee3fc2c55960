"""Crashes while it works on a request."""

import os
import signal
import sys

from base import requests

for request in requests():
    sys.stderr.write(f"assertion failed while working on {request['method']}\n")
    sys.stderr.flush()
    if sys.platform == "win32":
        os._exit(0xC0000005 - (1 << 32))  # what the system ends a process with that touches memory it has not
    signal.signal(signal.SIGSEGV, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGSEGV)
