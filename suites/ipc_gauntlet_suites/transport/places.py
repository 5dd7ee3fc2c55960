"""What the cases about places share: a session that works, and a listener that was refused."""

from pathlib import Path

from ipc_gauntlet import CallFailed, Lab, Served, checks
from ipc_gauntlet_suites.scripts import numbered

REACHED = "reachable by others"


def works(lab: Lab, served: Served | None = None) -> None:
    """The positive control: a session through the endpoint, with a message in it."""
    lab.control(numbered("c2s", 1), checks.delivered_all("c2s"), served=served)


def require_refused(lab: Lab, answer: Served | CallFailed, what: str) -> None:
    """Demand that a place was not accepted."""
    seen = "it listens there" if isinstance(answer, Served) else "refused"
    lab.require_that(isinstance(answer, CallFailed), f"{what} to be refused", seen, "accepted")


def require_untouched(lab: Lab, path: Path, before: object, what: str) -> None:
    """Demand that what lay at a path is as it was."""
    lab.require_that(state_of(path) == before, f"{what} as it was", f"{state_of(path)}", "changed")


def state_of(path: Path) -> object:
    """What lies at a path: which inode, what kind, and its content where it has some."""
    found = path.lstat()
    content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
    return found.st_dev, found.st_ino, found.st_mode, content
