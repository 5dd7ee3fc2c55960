"""Checks of a driver as a host of an implementation: both roles talk to each other, and `reset` really resets."""

import contextlib
from collections.abc import Mapping

from ipc_gauntlet.driver.client import Driver
from ipc_gauntlet.driver.doctor.exam import Exam, Wrong
from ipc_gauntlet.driver.doctor.talking import await_notification, connect, listen, pair, reset_honestly
from ipc_gauntlet.driver.statement import CredentialSupport
from ipc_gauntlet.errors import CallFailed

_PAYLOAD = bytes(range(256))
_QUIET_S = 0.1


def both_roles_talk(exam: Exam) -> str:
    """A server and a client of the driver authenticate each other and exchange messages, on everything claimed."""
    if len(exam.statement.roles) < 2:
        return f"not checked: it claims only the role {exam.statement.roles[0]}, so it needs a partner"
    tried = []
    with pair(exam) as (client, server):
        for transport in exam.statement.transports:
            for kind in exam.credentials():
                name = f"{transport} with {kind.kind if kind else 'no'} credentials"
                client.reset()
                server.reset()
                try:
                    _talk(exam, client, server, transport, kind)
                except Wrong as error:
                    raise Wrong(f"{name}: {error}") from error
                tried.append(name)
    return "; ".join(tried)


def really_resets(exam: Exam) -> str:
    """After `reset` the endpoint is gone, and the names used before are free again."""
    transport, kind = exam.statement.transports[0], exam.credentials()[0]
    with pair(exam) as (client, server):
        gone = listen(exam, server, transport, kind)
        if len(exam.statement.roles) == 2:
            connect(exam, (client, server), gone, kind)
        for driver in (server, client):
            reset_honestly(driver)
        exam.reactor.run_until(lambda: False, _QUIET_S)
        late = [*client.observations, *server.observations]
        if late:
            raise Wrong(
                f"after `reset` had returned, it still reported `{late[0].method}` of an older connection"
            )
        if "client" in exam.statement.roles:
            _expect_nobody(exam, client, gone, kind)
            client.reset()
        again = listen(exam, server, transport, kind)
        if len(exam.statement.roles) == 2:
            connect(exam, (client, server), again, kind)
    return "the endpoint is gone, and listener l1 and connection c1 could be made again"


def _talk(exam: Exam, client: Driver, server: Driver, transport: str, kind: CredentialSupport | None) -> None:
    connect(exam, (client, server), listen(exam, server, transport, kind), kind)
    client.call("send", {"conn": "c1", "payload": _PAYLOAD})
    delivered = await_notification(exam, server, "delivered", client)
    if delivered.payload != _PAYLOAD:
        raise Wrong(
            "the server reported another payload than the client sent; hand bytes on unchanged, as base64"
        )
    if "push" in exam.statement.features:
        server.call("send", {"conn": delivered.conn, "payload": _PAYLOAD[::-1]})
        if await_notification(exam, client, "delivered", server).payload != _PAYLOAD[::-1]:
            raise Wrong("the client reported another payload than the server sent")
    if delivered.conn is None or delivered.conn == "":
        raise Wrong("the server's notifications do not name the connection")
    client.call("close", {"conn": "c1"})
    if "closed" in exam.statement.observes:
        await_notification(exam, server, "closed", client)


def _expect_nobody(
    exam: Exam, client: Driver, address: Mapping[str, object], kind: CredentialSupport | None
) -> None:
    call = client.submit("connect", exam.connect_params(address, kind))
    client.wait_until(lambda: call.done and bool(client.observations or call.error), _QUIET_S * 10)
    with contextlib.suppress(CallFailed):
        if call.done:
            call.result()
    if any(seen.method == "established" for seen in client.observations):
        raise Wrong("a client reached the server's endpoint after `reset`; close listeners there")
