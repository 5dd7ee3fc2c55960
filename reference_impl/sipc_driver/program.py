"""The program: one JSON-RPC object per line in, one per line out.

Nothing else ever goes to the standard output: the descriptor is taken over at the start, and whatever writes to
`sys.stdout` later writes to the standard error.
"""

import os
import sys
from typing import NoReturn

if sys.platform == "win32":
    import msvcrt

from sipc_driver.rpc import Lines, Output, answer_line

MAX_LINE = 8 * 1024 * 1024


def main() -> NoReturn:
    """Serve requests until the input ends or `shutdown` is asked for; never returns."""
    if sys.platform == "win32":
        # A line ends with one byte, and bytes stay as they are.
        for descriptor in (0, 1):
            msvcrt.setmode(descriptor, os.O_BINARY)
    output = Output(os.dup(1))
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    # Imported late so that a broken installation is reported on the standard error of a running program.
    from sipc_driver.driver import ReferenceDriver

    driver = ReferenceDriver(output)
    for line in Lines(sys.stdin.buffer, MAX_LINE):
        answer_line(line, driver, output)
        if driver.leaving:
            break
    # At once: threads of open connections are not waited for.
    os._exit(0)
