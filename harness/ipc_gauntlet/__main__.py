"""`python -m ipc_gauntlet` is `ipc-gauntlet`."""

from ipc_gauntlet.cli.app import main

main()
