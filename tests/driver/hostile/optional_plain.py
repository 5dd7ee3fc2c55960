"""Ignores options."""

from spoiled import run

run('if params.get("options"):', "if False:")
