"""Leaves on `shutdown` with the exit status of a failure."""

from spoiled import run

run('"shutdown": reset,', '"shutdown": lambda _: __import__("os")._exit(7),')
