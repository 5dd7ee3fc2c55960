"""Points at which a test can make the program fail. Nothing is armed unless a test asks for it.

A point in the code reads `if FAULTS.armed and FAULTS.hit("verify"): return None`. While nothing is armed that is one look
at an empty dictionary. Points are those of the process, because one of the things that can happen there ends it.
"""

import os
import signal
import sys
import threading
from typing import Literal

What = Literal["kill", "raise", "hang", "none"]

POINTS = (
    "verify",
    "key-store",
    "entropy",
    "policy",
    "before-effect",
    "after-effect",
    "after-record",
    "before-reply",
)
"""Every point there is."""


class InjectedFault(Exception):
    """A dependency fails because a test wanted it to."""


class Faults:
    """What is armed.

    Attributes:
        armed: Point -> what happens when the program comes by, once.
    """

    def __init__(self) -> None:
        self.armed: dict[str, What] = {}
        self._released = threading.Event()

    def arm(self, point: str, what: What) -> None:
        """Have something happen at a point, once."""
        self.armed[point] = what

    def clear(self) -> None:
        """Disarm everything, and let go on what hangs; it fails then."""
        self.armed.clear()
        self._released.set()
        self._released = threading.Event()

    def hit(self, point: str) -> bool:
        """The program has come to a point.

        Returns:
            Whether the dependency shall answer with nothing.

        Raises:
            InjectedFault: It shall fail.
        """
        released = self._released
        what = self.armed.pop(point, None)
        if what is None:
            return False
        if what == "kill":
            _kill()
        if what == "none":
            return True
        if what == "hang":
            released.wait()
        raise InjectedFault(f"a fault was injected at {point}")


def _kill() -> None:
    """End the process as an operating system does that has no mercy."""
    if sys.platform == "win32":
        os._exit(137)
    else:
        os.kill(os.getpid(), signal.SIGKILL)


FAULTS = Faults()
"""Those of this process."""
