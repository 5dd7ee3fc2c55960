"""What the hostile drivers share: they begin like a good one, so that the harness lets them in."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

STATEMENT = {
    "protocol": 1, "name": "hostile", "version": "0", "profile": "channel", "roles": ["client", "server"],
    "transports": ["unix"], "credentials": [{"kind": "psk"}], "observes": ["delivered"],
}  # fmt: skip


def say(**message: object) -> None:
    """Print one message."""
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def requests() -> Iterator[dict[str, Any]]:
    """Answer `describe` as it should be, and hand out every other request."""
    for line in sys.stdin:
        request = json.loads(line)
        if request["method"] == "describe":
            say(id=request["id"], result=STATEMENT)
        else:
            yield request


def leave_child(program: str, *, keep: bool = True) -> None:
    """Windows: start a program that does its best to get away: detached, out of the group, out of the job if it may.

    Args:
        program: What Python is to run.
        keep: Whether it holds on to our pipes.
    """
    if sys.platform == "win32":
        argv = [sys.executable, "-c", program, *sys.argv[1:]]
        flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
        files = (0, 1, 2) if keep else (subprocess.DEVNULL,) * 3
        for more in (subprocess.CREATE_BREAKAWAY_FROM_JOB, 0):
            try:
                subprocess.Popen(
                    argv, stdin=files[0], stdout=files[1], stderr=files[2], creationflags=flags | more
                )
            except PermissionError:
                continue
            return
