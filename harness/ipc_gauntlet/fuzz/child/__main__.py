"""`python -m ipc_gauntlet.fuzz.child`: started by `handle.Child`, not by people."""

import sys

from ipc_gauntlet.fuzz.child.program import main

if __name__ == "__main__":
    sys.exit(main())
