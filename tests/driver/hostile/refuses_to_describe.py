"""Says that it does not know `describe`."""

import json
import sys

from base import say

for line in sys.stdin:
    say(id=json.loads(line)["id"], error={"code": -32601, "message": "what is describe?"})
