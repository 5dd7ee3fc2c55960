"""Answers requests as if it had the feature."""

from spoiled import run

run('raise NotImplementedError("requests")', 'return {"status": "ok", "payload": ""}')
