"""`python -m ipc_gauntlet.cli` is `ipc-gauntlet`."""

from ipc_gauntlet.cli.app import main

main()
