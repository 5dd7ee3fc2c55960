"""Drivers that die on purpose within a case, and begin again."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ipc_gauntlet.driver import Driver
from ipc_gauntlet.errors import DriverDied, Inconclusive
from ipc_gauntlet.judge.outcome import Role
from ipc_gauntlet.lab.access import Access
from ipc_gauntlet.lab.waiting import PATIENCE_S

# SIGKILL, as `subprocess` tells of it; on Windows, which has no signals, the exit status that the driver protocol names.
_KILLED = 137 if sys.platform == "win32" else -9


@dataclass(frozen=True, slots=True)
class Death:
    """A death that is expected.

    Args:
        driver: Who is to die.
    """

    driver: Driver

    @property
    def happened(self) -> bool:
        """Whether it died, of being killed."""
        return isinstance(self.driver.failure, DriverDied) and self.driver.exit_status == _KILLED


class Lives(Access):
    """The part of a lab that ends drivers and starts them again."""

    def restart(self, role: Role, *, kill: bool = True, env: Mapping[str, str] | None = None) -> None:
        """End a role's driver and start it again with the same command.

        Its connections and listeners are gone (`served.reopen()` listens again); what it told so far is kept, and its
        durable store is where it was.

        Args:
            role: Whose driver.
            kill: Whether to kill it without warning; otherwise it is asked to leave first.
            env: Variables added to its environment. The next case gets a process without them.

        Raises:
            DriverStartError: It does not start again.
        """
        driver = self.driver(role)
        if not kill:
            driver.close()
        how = "started again" if self.died(role) else "killed and started again" if kill else "restarted"
        if env:
            self.own(lambda: _as_before(driver))
        driver.renew(env)
        self._mortal.discard(role)
        self.did(f"the {role}'s process was {how}{' in another environment' if env else ''}")

    @contextlib.contextmanager
    def expect_death(self, role: Role, timeout_s: float = PATIENCE_S) -> Iterator[Death]:
        """Within this block a role's driver is to be killed, by an armed fault; afterwards use `restart`.

        What was asked of it and not answered ends with `refusal(call) == "died"`.

        Args:
            role: Whose driver.
            timeout_s: How long to wait for the death at the end of the block.

        Raises:
            Inconclusive: It did not die: what was armed never fired.
            DriverError: It broke in another way.
        """
        driver = self.driver(role)
        death = Death(driver)
        self._mortal.add(role)
        try:
            yield death
        except DriverDied as died:
            if died.driver != driver.name or not death.happened:
                raise
        finally:
            self.reactor.run_until(lambda: driver.failure is not None, timeout_s)
            self._mortal.discard(role)
            failure = driver.failure
            if death.happened and isinstance(failure, DriverDied):
                self._mourned.add(failure)
        self.check_drivers()
        if not death.happened:
            raise Inconclusive(f"the {role} was to be killed, and lives: what was armed never fired")


def _as_before(driver: Driver) -> None:
    driver.renew()
