"""Runs all checks of a driver."""

import datetime
from collections.abc import Callable
from pathlib import Path

from ipc_gauntlet.driver.command import DriverCommand
from ipc_gauntlet.driver.doctor import forget_checks, protocol_checks, talk_checks, undeclared_checks
from ipc_gauntlet.driver.doctor.exam import Check, Exam, Provision, Provisioned, Wrong
from ipc_gauntlet.driver.limits import SupervisionLimits
from ipc_gauntlet.driver.statement import CredentialSupport
from ipc_gauntlet.errors import CallFailed, DriverError, DriverProtocolError, Unsupported
from ipc_gauntlet.reactor import Reactor

_STARTS = "it starts and describes itself in time"
_CLEAN = "its standard output carries the driver protocol only"

_CHECKS: tuple[tuple[str, Callable[[Exam], str]], ...] = (
    ("its claims fit together", protocol_checks.claims_fit_together),
    ("an unknown method is refused with -32601", protocol_checks.refuses_unknown_method),
    ("an unknown option is refused with -32001", protocol_checks.refuses_unknown_option),
    ("an unknown transport is refused with -32001", protocol_checks.refuses_unknown_transport),
    ("an unknown credential kind is refused with -32001", protocol_checks.refuses_unknown_credential),
    ("bad requests do not break it", protocol_checks.survives_bad_requests),
    ("requests may arrive in pieces and together", protocol_checks.reads_requests_in_pieces),
    ("its parsers answer whatever they are given", protocol_checks.parsers_answer),
    ("what it does not declare is refused with -32001", undeclared_checks.refuses_undeclared),
    ("both roles really talk to each other", talk_checks.both_roles_talk),
    ("reset really resets", talk_checks.really_resets),
    ("reset forgets what was done", forget_checks.forgets),
    ("it can be killed and started again", protocol_checks.can_be_started_again),
    ("it leaves on shutdown", protocol_checks.leaves_on_shutdown),
    ("it leaves when its standard input ends", protocol_checks.leaves_when_input_ends),
)

_OF_CONNECTIONS = frozenset(
    {
        protocol_checks.refuses_unknown_option,
        protocol_checks.refuses_unknown_transport,
        protocol_checks.refuses_unknown_credential,
        talk_checks.both_roles_talk,
        talk_checks.really_resets,
        forget_checks.forgets,
    }
)


def examine(
    command: DriverCommand,
    reactor: Reactor,
    workdir: str | Path,
    provision: Provision | None = None,
    limits: SupervisionLimits | None = None,
) -> list[Check]:
    """Check a driver; whatever it does, this returns in bounded time and leaves no process behind.

    Args:
        command: What starts it.
        reactor: The event loop.
        workdir: A private directory (mode 0700) with a path short enough for sockets in it.
        provision: Makes credentials for connections; the harness's own issuers when None.
        limits: How long it may take to answer.

    Returns:
        One entry for each check, in a fixed order; only the first one when the driver does not start.
    """
    exam = Exam(command, reactor, Path(workdir), provision or _issue, limits or SupervisionLimits())
    try:
        first, _ = _run(exam, _STARTS, protocol_checks.starts)
        if not first.ok:
            return [first]
        results = [first]
        dirty = []
        for name, function in _CHECKS:
            if exam.statement.has_parsers_only and function in _OF_CONNECTIONS:
                results.append(Check(name, True, "not checked: it has parsers only"))
                continue
            result, was_dirty = _run(exam, name, function)
            results.append(result)
            if was_dirty:
                dirty.append(name)
        detail = "nothing else was seen" if not dirty else f"broken during: {'; '.join(dirty)}"
        return [*results, Check(_CLEAN, not dirty, detail)]
    finally:
        exam.driver.close()


def _run(exam: Exam, name: str, function: Callable[[Exam], str]) -> tuple[Check, bool]:
    """Run one check; also tells whether the driver broke the protocol in it."""
    try:
        if name != _STARTS:
            exam.driver.reset()
        return Check(name, True, function(exam)), False
    except (Wrong, CallFailed, Unsupported) as error:
        return Check(name, False, str(error)), isinstance(error.__cause__, DriverProtocolError)
    except DriverError as error:
        return Check(name, False, error.detail), isinstance(error, DriverProtocolError)


def _issue(support: CredentialSupport | None) -> Provisioned:
    """Provision from the harness's own issuers."""
    # The issuers load a cryptographic library, which a run of cases has loaded anyway and a driver's test has not.
    from ipc_gauntlet.credentials import issuer_for

    if support is None:
        return Provisioned({"service": "server"}, {"service": "server"})
    entry = {"kind": support.kind, "keys": list(support.keys), "names": list(support.names)}
    deployment = issuer_for(entry, 0, datetime.datetime.now(datetime.UTC)).good()
    client, server = deployment.client, deployment.server
    return Provisioned(
        {"service": deployment.service, "credential": server.credential, "trust": server.trust},
        {"service": deployment.service, "credential": client.credential, "trust": client.trust},
    )
