"""The command line.

Rule of this package: nothing but click is imported before a command runs, so that `--help` answers at once.
"""

from ipc_gauntlet.cli.app import main

__all__ = ["main"]
