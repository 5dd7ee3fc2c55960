"""Knows no actions, and fails instead of saying so."""

from spoiled import run

run('"reset": reset,', '"reset": reset, "configure": lambda p: open(p["action"]),')
