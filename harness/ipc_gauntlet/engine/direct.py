"""Options of the plugin for people who run the suites with pytest itself."""

from __future__ import annotations

import contextlib
import secrets

import pytest

from ipc_gauntlet.engine.implementations import Target
from ipc_gauntlet.engine.prepare import Wish, settings_for
from ipc_gauntlet.engine.selection import Selection
from ipc_gauntlet.engine.settings import Settings
from ipc_gauntlet.engine.workdir import private_directory


def add_options(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("ipc-gauntlet", "the implementation under test")
    group.addoption("--iut", metavar="NAME", help="A bundled implementation (default: reference)")
    group.addoption("--iut-driver", metavar="CMD", help="Command of a driver for both roles")
    group.addoption("--iut-client-driver", metavar="CMD", help="Command of a driver for the client only")
    group.addoption("--iut-server-driver", metavar="CMD", help="Command of a driver for the server only")
    group.addoption(
        "--iut-profile", metavar="PROFILE", help="Test against this profile instead of the claimed one"
    )
    group.addoption("--iut-seed", metavar="N", type=int, help="Seed of every random choice (default: random)")
    group.addoption(
        "--iut-transport",
        metavar="NAME",
        action="append",
        default=[],
        help="Only this transport (repeatable)",
    )


def direct_settings(config: pytest.Config) -> Settings:
    """Ask the drivers that the options name; the run's directory goes away with the session."""
    seed = config.getoption("--iut-seed")
    wish = Wish(
        target=Target(
            name=config.getoption("--iut"),
            driver=config.getoption("--iut-driver"),
            client=config.getoption("--iut-client-driver"),
            server=config.getoption("--iut-server-driver"),
        ),
        selection=Selection(transports=tuple(config.getoption("--iut-transport"))),
        profile=config.getoption("--iut-profile"),
        seed=secrets.randbelow(2**31) if seed is None else seed,
    )
    stack = contextlib.ExitStack()
    config.add_cleanup(stack.close)
    return settings_for(wish, stack.enter_context(private_directory()))


def header(settings: Settings) -> str:
    """The line that pytest shows at the start of a session."""
    facts = settings.implementation
    return f"ipc-gauntlet: {facts.name} {facts.version} as {facts.profile}, --iut-seed {settings.seed}"
