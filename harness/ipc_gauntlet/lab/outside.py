"""An implementation as the operating system and other users see it: its sockets, its descriptors, its visitors."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Unpack, cast

from ipc_gauntlet.errors import CallFailed, Inconclusive, NotVerifiable
from ipc_gauntlet.folders import run_folder
from ipc_gauntlet.judge.outcome import Role
from ipc_gauntlet.lab.access import Access
from ipc_gauntlet.lab.plan import Place
from ipc_gauntlet.lab.sockets import (
    Descriptor,
    Socket,
    descriptors_of,
    internet_sockets_of,
    sockets_of,
)
from ipc_gauntlet.lab.waiting import PATIENCE_S
from ipc_gauntlet.transport import transports as available

if TYPE_CHECKING:
    from ipc_gauntlet.lab.lab import Lab
    from ipc_gauntlet.lab.served import Served

NOBODY = 65534
"""The user that visitors become: the one that owns nothing."""

_LISTENS_S = 1.0


@dataclass(frozen=True, slots=True)
class Visit:
    """What came of a visit.

    Args:
        connected: Whether the operating system let the visitor in.
        received: What it heard.
        ended: `eof`, `reset`, or `open` if the other side still had it when the visitor left.
        error: Why it could not connect.
    """

    connected: bool
    received: bytes = b""
    ended: str = ""
    error: str = ""

    @property
    def turned_away(self) -> bool:
        """Whether it was not let in, or was closed without having been told anything."""
        return not self.connected or (self.ended != "open" and not self.received)

    def __str__(self) -> str:
        """For a report."""
        if not self.connected:
            return f"not connected ({self.error})"
        return f"connected, {len(self.received)} bytes received, {self.ended}"


class Visitor:
    """A process that does what it was told as somebody else.

    Args:
        process: It.
        out: The file that it writes what came of it to.
    """

    def __init__(self, process: subprocess.Popen[bytes], out: Path) -> None:
        self._process = process
        self._out = out

    def told(self) -> list[dict[str, object]]:
        """What it has told so far."""
        try:
            lines = self._out.read_text(encoding="ascii").splitlines()
        except OSError:
            return []
        return [json.loads(line) for line in lines]

    def has(self, what: str) -> bool:
        """Whether it has come so far, or will come no further."""
        dead = self._process.poll() is not None
        return dead or any(one["do"] in (what, "done") for one in self.told())

    def is_at(self, what: str) -> bool:
        """Whether it has come so far."""
        return any(one["do"] == what for one in self.told())

    def visits(self) -> list[Visit]:
        """What came of its visits, or of those who visited it."""
        return [_visit(one) for one in self.told() if one["do"] in ("visit", "squat", "heir")]

    def last_words(self) -> str:
        """The end of what it wrote to standard error, once it has ended."""
        if self._process.poll() is None or self._process.stderr is None or self._process.stderr.closed:
            return ""
        return self._process.stderr.read().decode("utf-8", "replace").strip()[-300:]

    def end(self) -> None:
        """Kill it if it still lives."""
        self._process.kill()
        self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()


def _visit(told: Mapping[str, object]) -> Visit:
    return Visit(
        bool(told.get("connected")),
        base64.b64decode(str(told.get("received", ""))),
        str(told.get("ended", "")),
        str(told.get("error", "")),
    )


class Outside(Access):
    """The part of a lab that looks from the outside."""

    # -- places -----------------------------------------------------------------------------------------------------

    def folder(self, mode: int = 0o700, owner: int | None = None) -> Path:
        """Make a directory for sockets.

        Args:
            mode: Its permissions.
            owner: User id of its owner, if it is to be somebody else's.

        Raises:
            NotVerifiable: Only the superuser can give it to somebody else.
        """
        if owner is not None:
            self.require_superuser("to make something that belongs to another user")
        made = Path(self.directory, self.name("+d"))
        made.mkdir()
        made.chmod(mode)
        if owner is not None and sys.platform != "win32":
            os.chown(made, owner, owner)
        return made

    def try_listen(self, role: Role = "server", **place: Unpack[Place]) -> Served | CallFailed:
        """Have a driver listen at a place that it may refuse.

        Args:
            role: Which driver.
            **place: `directory` and `file`, as in the driver protocol.

        Returns:
            The endpoint, or the refusal.
        """
        try:
            return cast("Lab", self).listen(role=role, **place)
        except CallFailed as refusal:
            return refusal

    # -- looking ----------------------------------------------------------------------------------------------------

    def sockets(self, role: Role) -> list[Socket]:
        """The sockets of a role's driver and its children.

        Raises:
            NotVerifiable: This operating system does not tell.
        """
        return sockets_of(self._pid(role))

    def internet_sockets(self, role: Role) -> list[Socket]:
        """The TCP and UDP sockets of a role's driver and its children."""
        return internet_sockets_of(self._pid(role))

    def descriptors(self, role: Role) -> list[Descriptor]:
        """The descriptors of a role's driver.

        Raises:
            NotVerifiable: This operating system does not tell.
        """
        return descriptors_of(self._pid(role))

    def program(self, role: Role) -> str:
        """Path of the program that a role's driver is.

        Raises:
            NotVerifiable: This operating system does not tell.
        """
        try:
            return str(Path(f"/proc/{self._pid(role)}/exe").readlink())
        except OSError as error:
            raise NotVerifiable("this operating system does not tell which program a process is") from error

    def _pid(self, role: Role) -> int:
        pid = self.driver(role).pid
        if pid is None:
            raise Inconclusive(f"the {role}'s driver does not run")
        return pid

    # -- visiting ---------------------------------------------------------------------------------------------------

    def require_superuser(self, what: str) -> None:
        """End the case where this process cannot act as other users.

        Raises:
            NotVerifiable: It cannot.
        """
        if sys.platform == "win32" or os.geteuid() != 0:
            raise NotVerifiable(f"it takes the superuser of a Unix system {what}")

    def send_out(self, *steps: Mapping[str, object]) -> Visitor:
        """Start a process that follows orders; see `visitor`. It ends with the case."""
        out = Path(self.directory, self.name("+v"))
        program = Path(__file__).with_name("visitor.py")
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        visitor = Visitor(process, out)
        self.own(visitor.end)
        if process.stdin is not None:
            with process.stdin as pipe:
                pipe.write(json.dumps({"out": str(out), "steps": steps}).encode())
        return visitor

    def visit(self, *steps: Mapping[str, object], timeout_s: float = PATIENCE_S) -> list[Visit]:
        """Have somebody follow orders, and wait until it is done.

        Returns:
            What came of each visit.

        Raises:
            Inconclusive: It did not come to its end.
        """
        visitor = self.send_out(*steps)
        if not self.poll(lambda: visitor.has("done"), timeout_s) or not any(
            one["do"] == "done" for one in visitor.told()
        ):
            raise Inconclusive(
                f"the visitor did not come back; it told {visitor.told()} {visitor.last_words()}"
            )
        return visitor.visits()

    def as_nobody(self) -> dict[str, object]:
        """The step that makes a visitor another user.

        Raises:
            NotVerifiable: This process cannot act as other users.
        """
        self.require_superuser("to visit as another user")
        return {"do": "user", "uid": NOBODY}

    def to(self, address: Mapping[str, object], **more: object) -> dict[str, object]:
        """The step that visits an address.

        Args:
            address: Such as `served.address`.
            **more: `send` (bytes), `bind`, `descriptors`, `heir`, `wait` (seconds); see `visitor`.
        """
        where = {name: address[name] for name in ("path", "host", "port") if name in address}
        said = more.pop("send", b"")
        words = base64.b64encode(said).decode() if isinstance(said, bytes) else ""
        return {"do": "visit", **where, "send": words, "wait": _LISTENS_S, **more}

    @contextlib.contextmanager
    def open_to_all(self, served: Served) -> Iterator[None]:
        """Let everybody reach a Unix socket within this block, as if its place had been left open by mistake."""
        path = Path(str(served.address["path"]))
        with contextlib.ExitStack() as stack:
            stack.callback(_restore, path, stat.S_IMODE(path.stat().st_mode))
            path.chmod(0o666)
            stack.enter_context(self.open_way(path))
            self.did("opened the socket and its directories to every user")
            yield

    @contextlib.contextmanager
    def open_way(self, path: Path) -> Iterator[None]:
        """Let everybody pass the directories above a path within this block.

        Raises:
            NotVerifiable: The folder for temporary files is closed to others, which is not for us to change.
        """
        run = run_folder(Path(self._bench.config.workdir))
        with contextlib.ExitStack() as stack:
            for parent in path.parents:
                mode = stat.S_IMODE(parent.stat().st_mode)
                if mode & stat.S_IXOTH:
                    continue
                if not parent.is_relative_to(run):
                    raise NotVerifiable(
                        f"{parent} is closed to other users; set TMPDIR to a folder that is not"
                    )
                # The folder of the run is shared by processes that do the same at the same time; it stays open.
                if parent != run:
                    stack.callback(_restore, parent, mode)
                parent.chmod(mode | stat.S_IXOTH)
            yield

    def give(self, path: Path) -> None:
        """Make a file the user's who runs this.

        Raises:
            NotVerifiable: This process cannot.
        """
        self.require_superuser("to take over another user's file")
        if sys.platform != "win32":
            os.chown(path, os.geteuid(), os.getegid())

    # -- other transports -------------------------------------------------------------------------------------------

    @property
    def transports(self) -> tuple[str, ...]:
        """The transports of the implementation that this machine has."""
        return tuple(name for name in available() if name in self.statement.transports)

    @contextlib.contextmanager
    def over(self, transport: str) -> Iterator[None]:
        """Within this block, endpoints and relays are on another transport than the case's own.

        Args:
            transport: One of `transports`.
        """
        facts = self.facts
        self.facts = dataclasses.replace(facts, transport=transport)
        try:
            yield
        finally:
            self.facts = facts


def _restore(path: Path, mode: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.chmod(mode)
