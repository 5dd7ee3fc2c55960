"""What the hostile drivers share: they begin like a good one, so that the harness lets them in."""

import json
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
