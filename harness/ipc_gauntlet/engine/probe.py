"""Asking the drivers, once for each run, what they claim."""

from __future__ import annotations

from typing import Any

import msgspec

from ipc_gauntlet.engine.settings import Command
from ipc_gauntlet.events import Implementation
from ipc_gauntlet.verdict import PROFILES


def describe(client: Command, server: Command) -> dict[str, Any]:
    """Start the drivers, ask for their statements and stop them.

    Args:
        client: Driver of the client.
        server: Driver of the server; started only if it is another program.

    Returns:
        The statement of the pair as JSON values: what both can do where they differ.

    Raises:
        DriverError: A driver does not start or gives no usable statement.
        UsageError: The two cannot be tested together.
    """
    from ipc_gauntlet.driver import Driver, DriverCommand, Statement
    from ipc_gauntlet.reactor import new_reactor

    def ask(label: str, command: Command) -> Statement:
        driver = Driver(DriverCommand(command.argv, name=command.name), reactor, label=label)
        try:
            return driver.start()
        finally:
            driver.close()

    reactor = new_reactor()
    try:
        first = ask("client", client)
        second = first if server == client else ask("server", server)
    finally:
        reactor.close()
    merged = Statement.merge(first, second)
    facts: dict[str, Any] = msgspec.to_builtins(merged, order="deterministic")
    return facts


def unknown_implementation(client: Command, server: Command) -> Implementation:
    """What a report says about an implementation that never told anything about itself."""
    return Implementation(
        name=_pair_name(client.name, client, server), client=client.argv, server=server.argv
    )


def facts_of(
    statement: dict[str, Any], client: Command, server: Command, profile: str | None
) -> Implementation:
    """The part of a statement that runs and reports need.

    Args:
        statement: The statement as JSON values.
        client: Driver of the client.
        server: Driver of the server.
        profile: Profile to test against instead of the claimed one.
    """
    claimed = str(statement.get("profile") or PROFILES[0])
    kinds = [str(entry.get("kind")) for entry in statement.get("credentials", ())]
    return Implementation(
        name=_pair_name(str(statement.get("name") or client.name), client, server),
        version=str(statement.get("version") or ""),
        language=str(statement.get("language") or ""),
        profile=profile or claimed,
        claimed=claimed,
        roles=tuple(statement.get("roles", ())),
        transports=tuple(statement.get("transports", ())),
        credentials=tuple(dict.fromkeys(kinds)),
        features=tuple(statement.get("features", ())),
        observes=tuple(statement.get("observes", ())),
        wire=str(dict(statement.get("wire") or {}).get("protocol") or ""),
        client=client.argv,
        server=server.argv,
    )


def _pair_name(name: str, client: Command, server: Command) -> str:
    return name if client == server else f"{client.name} with {server.name}"
