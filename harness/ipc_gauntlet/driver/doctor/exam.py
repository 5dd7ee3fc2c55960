"""What the checks of a driver work with."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ipc_gauntlet.driver.client import Driver
from ipc_gauntlet.driver.codec import encode_request
from ipc_gauntlet.driver.command import DriverCommand
from ipc_gauntlet.driver.doctor.raw import RawTalk
from ipc_gauntlet.driver.explain import describe_driver
from ipc_gauntlet.driver.limits import SupervisionLimits
from ipc_gauntlet.driver.statement import CredentialSupport, Statement
from ipc_gauntlet.errors import DriverError, DriverTimeout, GauntletError
from ipc_gauntlet.reactor import Reactor


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check.

    Args:
        name: What was checked, as the sentence that should be true.
        ok: Whether it is.
        detail: What was seen; for a failure, also what to do.
    """

    name: str
    ok: bool
    detail: str


class Wrong(GauntletError):
    """Raised by a check: what the driver does wrong, and what it should do."""


@dataclass(frozen=True, slots=True)
class Provisioned:
    """Credentials and names for one connection, as parameters of the driver protocol.

    Args:
        listen: Members for `listen`: `service`, `credential`, `trust`, `peer`, as far as they apply.
        connect: The same for `connect`.
    """

    listen: Mapping[str, object]
    connect: Mapping[str, object]


Provision = Callable[[CredentialSupport | None], Provisioned]
"""Makes good credentials of a kind that the statement names; None asks for none at all (profile `local`)."""


@dataclass(slots=True)
class Exam:
    """One driver under examination.

    Args:
        command: What starts it.
        reactor: The event loop.
        workdir: A private directory with a short path.
        provision: Makes credentials.
        limits: How long it may take to answer.
    """

    command: DriverCommand
    reactor: Reactor
    workdir: Path
    provision: Provision
    limits: SupervisionLimits
    driver: Driver = field(init=False)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.driver = self.new_driver("driver")

    @property
    def statement(self) -> Statement:
        """What the driver claims."""
        return self.driver.statement

    def new_driver(self, label: str) -> Driver:
        """Make another driver of the same command, not started."""
        return Driver(self.command, self.reactor, label=label, limits=self.limits)

    def raw(self) -> RawTalk:
        """Start another process of the driver, to be talked to byte by byte; it has answered request 1.

        Raises:
            DriverError: When it does not start as it did before.
        """
        driver = describe_driver("driver", self.command)
        talk = RawTalk(self.command, self.reactor, driver, self.limits)
        try:
            talk.session.write(encode_request(1, "describe", {}))
            if not talk.wait_for_answer(1, self.limits.start_s):
                raise DriverTimeout(driver, "a second process of it did not answer `describe`")
        except DriverError:
            talk.session.stop()
            raise
        return talk

    def directory(self) -> str:
        """Make a fresh private directory for a socket."""
        path = self.workdir / f"d{next(self._numbers)}"
        path.mkdir(mode=0o700)
        return str(path)

    def credentials(self) -> tuple[CredentialSupport | None, ...]:
        """The credential kinds to try: all that are claimed, or none at all where none is."""
        return self.statement.credentials or (None,)

    def listen_params(
        self, transport: str, kind: CredentialSupport | None, **more: object
    ) -> dict[str, object]:
        """Parameters for a `listen` that a driver should accept."""
        provisioned = self.provision(kind).listen
        return {
            "listener": "l1",
            "transport": transport,
            "directory": self.directory(),
            **provisioned,
            **more,
        }

    def connect_params(
        self, address: Mapping[str, object], kind: CredentialSupport | None, **more: object
    ) -> dict[str, object]:
        """Parameters for a `connect` that a driver should accept."""
        return {"conn": "c1", "address": address, **self.provision(kind).connect, **more}
