"""The process that serves one stack: `python -m benchmarks.server NAME FOLDER`.

Standard output says `ready` once, then answers each line of standard input with the CPU seconds of this process
so far (all threads, user and system). It ends with standard input.
"""

import os
import sys
import threading
import time
from pathlib import Path

from benchmarks.registry import load


def answer() -> None:
    """Report CPU time on demand; end the process when nobody can ask any more."""
    for _line in sys.stdin:
        print(time.process_time(), flush=True)
    os._exit(0)


def main() -> None:
    """Serve until standard input ends."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    threading.Thread(target=answer, daemon=True).start()
    load(name).serve(folder, lambda: print("ready", flush=True))


if __name__ == "__main__":
    main()
