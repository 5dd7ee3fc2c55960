"""Starts a daemon the classical way: two forks, a new session, an empty environment; it keeps the pipes open."""

import os
import sys

from base import leave_child, requests, say

if sys.platform == "win32":
    leave_child("import time; time.sleep(600)")
else:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.setsid()
            program = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
            os.execve(sys.executable, [sys.executable, "-c", program, *sys.argv[1:]], {})
        os._exit(0)
    os.wait()
for request in requests():
    say(id=request["id"], result={})
