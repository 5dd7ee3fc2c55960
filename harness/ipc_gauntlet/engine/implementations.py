"""Which program to test: bundled implementations by name, any other by its command."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points

from ipc_gauntlet import quoting
from ipc_gauntlet.engine.mutants import PREFIX, flawed
from ipc_gauntlet.engine.selection import suggest
from ipc_gauntlet.engine.settings import Command
from ipc_gauntlet.errors import UsageError

GROUP = "ipc_gauntlet.implementations"
DEFAULT = "reference"


@dataclass(frozen=True, slots=True)
class Target:
    """What the user named.

    Args:
        name: A bundled implementation.
        driver: A driver's command for both roles.
        client: A driver's command, or a bundled name, for the client only.
        server: The same for the server.
    """

    name: str | None = None
    driver: str | None = None
    client: str | None = None
    server: str | None = None

    def commands(self) -> tuple[Command, Command]:
        """The drivers for the client and for the server.

        Raises:
            UsageError: The options contradict each other, a name is unknown, or a command is no command.
        """
        if self.name is not None and self.driver is not None:
            raise UsageError("give either the name of a bundled implementation or --driver, not both")
        if self.client is not None and self.server is not None and (self.name or self.driver):
            raise UsageError(
                "--client-driver and --server-driver together leave no role for another implementation"
            )
        client, server = self._side(self.client), self._side(self.server)
        if client is None or server is None:
            both = parse_command(self.driver) if self.driver is not None else bundled(self.name or DEFAULT)
            client, server = client or both, server or both
        return client, server

    def options(self) -> str:
        """The target as words of a command line."""
        words = [self.name] if self.name is not None else []
        for option, value in (
            ("--driver", self.driver),
            ("--client-driver", self.client),
            ("--server-driver", self.server),
        ):
            if value is not None:
                words += [option, value]
        return quoting.join(words)

    @staticmethod
    def _side(text: str | None) -> Command | None:
        if text is None:
            return None
        return bundled(text) if text in modules() or text.startswith(PREFIX) else parse_command(text)


def modules() -> Mapping[str, str]:
    """Bundled implementations: name and the module that `python -m` runs as their driver."""
    return {
        entry.name: entry.value for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    }


def bundled(name: str) -> Command:
    """The command of a bundled implementation, or with `mutant:ID` of an installed mutant.

    Raises:
        UsageError: There is none of this name.
    """
    if name.startswith(PREFIX):
        return flawed(name)
    known = modules()
    if name not in known:
        hint = suggest(name, known) or f"; there are: {', '.join(known)}"
        raise UsageError(f"no bundled implementation is called {name!r}{hint} (for a program use --driver)")
    # -P: a module in the current folder must not take the driver's place.
    return Command(argv=(sys.executable, "-P", "-m", known[name]), name=name)


def parse_command(text: str) -> Command:
    """Split a command into words the way a shell does, without running one.

    Raises:
        UsageError: There are no words, or a quotation is not closed.
    """
    from ipc_gauntlet.driver import DriverCommand

    command = DriverCommand.parse(text)
    return Command(argv=command.argv, name=command.name)
