"""The bench: what one worker process keeps from case to case.

Two persistent drivers, one event loop, one working directory. A case gets a `Lab` that uses them.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from ipc_gauntlet.credentials import Issuer, issuer_for
from ipc_gauntlet.declaration import CaseSpec
from ipc_gauntlet.driver import Driver, DriverCommand, Statement
from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.lab.access import CaseFacts
from ipc_gauntlet.lab.harvest import HarvestingLab
from ipc_gauntlet.lab.lab import Lab
from ipc_gauntlet.lab.timing import AGAIN, Noise, measure_noise
from ipc_gauntlet.reactor import Reactor, new_reactor

# The longest file name a driver may put into the directory the harness gives it; sun_path holds 104 bytes on macOS.
_SOCKET_NAME_ROOM = 24
_SUN_PATH = 103


@dataclass(frozen=True, slots=True)
class BenchConfig:
    """What a bench needs to know.

    Args:
        client: The driver that plays the client role.
        server: The driver that plays the server role; may be the same command.
        workdir: Directory for sockets and files; must be short, private and writable.
        seed: The run's seed.
        time_scale: Factor for upper time bounds on slow machines.
        seeds: Folder for what goes over the wire, as inputs for fuzzers; empty for none.
    """

    client: DriverCommand
    server: DriverCommand
    workdir: str
    seed: int
    time_scale: float = 1.0
    seeds: str = ""


class Bench:
    """Two drivers and an event loop, reused by every case of a worker.

    Args:
        config: Which drivers, where to work, which seed.

    Raises:
        HarnessError: The working directory is unusable.
    """

    def __init__(self, config: BenchConfig) -> None:
        self.config = config
        self._check_room(config.workdir)
        self.workdir = Path(tempfile.mkdtemp(prefix="b", dir=config.workdir))
        self.reactor: Reactor = new_reactor()
        self.client = Driver(config.client, self.reactor, label="client")
        self.server = Driver(config.server, self.reactor, label="server")
        self._issuers: dict[str, Issuer] = {}
        self._noise: Noise | None = None
        self._serial = 0
        self._spare: Path | None = None

    def __enter__(self) -> Self:
        """Return the bench itself; drivers start with the first case."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the bench."""
        self.close()

    def lab(self, facts: CaseFacts, spec: CaseSpec) -> Lab:
        """Prepare a case: both drivers alive and reset, a fresh directory.

        Raises:
            DriverError: A driver does not start or does not answer.
        """
        self._ready()
        directory = str(self._free_directory())
        if self.config.seeds:
            return HarvestingLab(self, facts, spec, directory, folder=self.config.seeds)
        return Lab(self, facts, spec, directory)

    def issuer(self, declaration: Mapping[str, object]) -> Issuer:
        """The issuer for a credential declaration; the same object, and so the same keys, for the whole run."""
        kind = str(declaration.get("kind"))
        if kind not in self._issuers:
            now = datetime.datetime.now(datetime.UTC)
            self._issuers[kind] = issuer_for(declaration, self.config.seed, now)
        return self._issuers[kind]

    @property
    def noise(self) -> Noise:
        """How noisy this machine is: the worst that was measured so far."""
        if self._noise is None:
            self._noise = measure_noise(self.config.time_scale)
        return self._noise

    def noise_again(self) -> Noise:
        """How noisy it is right now, from a few samples; bounds become wider with it, and never narrower."""
        now = measure_noise(self.config.time_scale, AGAIN)
        if now.overshoot_s > self.noise.overshoot_s:
            self._noise = now
        return now

    def statement(self) -> Statement:
        """What the pair claims: the intersection where two drivers differ."""
        self._ready(reset=False)
        return Statement.merge(self.client.statement, self.server.statement)

    def close(self) -> None:
        """Stop both drivers and remove the working directory. Idempotent."""
        for driver in (self.client, self.server):
            driver.close()
        self.reactor.close()
        shutil.rmtree(self.workdir, ignore_errors=True)

    def discard(self, directory: str) -> None:
        """Take a case's directory back: an empty one serves the next case, one with something left in it goes."""
        try:
            left = next(Path(directory).iterdir(), None)
        except OSError:
            left = None
        if left is None:
            self._spare = Path(directory)
        else:
            shutil.rmtree(directory, ignore_errors=True)

    def _free_directory(self) -> Path:
        spare, self._spare = self._spare, None
        if spare is not None and spare.is_dir():
            return spare
        self._serial += 1
        directory = self.workdir / f"{self._serial:x}"
        directory.mkdir(mode=0o700)
        return directory

    def _ready(self, *, reset: bool = True) -> None:
        for finish in [driver.begin_start() for driver in (self.client, self.server)]:
            finish()
        if reset:
            for finish in [driver.begin_reset() for driver in (self.client, self.server)]:
                finish()

    @staticmethod
    def _check_room(workdir: str) -> None:
        room = _SUN_PATH - len(os.fsencode(workdir)) - _SOCKET_NAME_ROOM - len("/b12345678/fff/+s1/")
        if room < 0:
            raise HarnessError(
                f"the working directory {workdir} is too long for Unix sockets; set TMPDIR to a shorter path"
            )
        with contextlib.suppress(FileExistsError):
            Path(workdir).mkdir(mode=0o700, parents=True)
