#!/usr/bin/env python3
"""Run ipc-gauntlet from a checkout: needs only Python 3.11 or newer, and sets up the rest by itself.

python3 gauntlet.py                   the main job: the reference implementation, then every bundled third-party stack
python3 gauntlet.py test [OPTIONS]    the project's own tests; options go to pytest
python3 gauntlet.py setup             everything a contributor needs
python3 gauntlet.py COMMAND ...       the same as: ipc-gauntlet COMMAND ...

On Windows write `py` instead of `python3`. The work is done by ci/launcher.py; this file is only written in a
way that any Python can read, so that one that is too old gets an explanation instead of a syntax error.
"""

import os
import sys

OLDEST = (3, 11)


def too_old():
    """Say what is wrong and which of the installed interpreters would do."""
    lines = [
        "ipc-gauntlet needs Python {}.{} or newer; this is {}.{}.{}.".format(*(OLDEST + sys.version_info[:3]))
    ]
    folders = os.environ.get("PATH", "").split(os.pathsep)
    for minor in range(19, OLDEST[1] - 1, -1):
        name = "python3.{}".format(minor)
        if any(os.access(os.path.join(folder, name), os.X_OK) for folder in folders):  # noqa: PTH118
            lines.append("This machine has a newer one. Run: {} {}".format(name, " ".join(sys.argv)))
            break
    else:
        lines.append("Install a newer Python and start this script with it.")
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.version_info < OLDEST:
        sys.exit(too_old())
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "ci"))  # noqa: PTH100, PTH118, PTH120
    import launcher

    sys.exit(launcher.main(sys.argv[1:]))
