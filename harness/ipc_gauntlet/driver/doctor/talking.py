"""What checks of a talking driver have in common: two processes of it, an endpoint, a connection, a notification."""

import contextlib
from collections.abc import Iterator, Mapping

from ipc_gauntlet.driver.client import Driver
from ipc_gauntlet.driver.doctor.exam import Exam, Wrong
from ipc_gauntlet.driver.observation import Observation
from ipc_gauntlet.driver.statement import CredentialSupport


def reset_honestly(driver: Driver) -> None:
    """Reset a driver.

    Raises:
        Wrong: When it cannot do that.
    """
    driver.reset()
    # `Driver.reset` replaces a process that cannot do it, which is kind, but not what we ask here.
    if driver.restarts:
        raise Wrong(f"`reset` did not work: {driver.restart_reasons[-1]}")


@contextlib.contextmanager
def pair(exam: Exam) -> Iterator[tuple[Driver, Driver]]:
    """Start a client and a server, and end them afterwards."""
    client, server = exam.new_driver("client"), exam.new_driver("server")
    try:
        client.start()
        server.start()
        yield client, server
    finally:
        client.close()
        server.close()


def listen(
    exam: Exam, server: Driver, transport: str, kind: CredentialSupport | None, **more: object
) -> Mapping[str, object]:
    """Open the endpoint `l1` and return its address.

    Args:
        exam: The examination.
        server: Who listens.
        transport: On what.
        kind: The credentials.
        more: Further parameters of `listen`.
    """
    params = exam.listen_params(transport, kind, **more)
    address: Mapping[str, object] = server.call("listen", params)["address"]
    if address["transport"] != transport:
        raise Wrong(f"asked to listen on {transport}, it answered with an address of {address['transport']}")
    return address


def connect(
    exam: Exam,
    drivers: tuple[Driver, Driver],
    address: Mapping[str, object],
    kind: CredentialSupport | None,
    **more: object,
) -> None:
    """Make the connection `c1` and wait until both sides have told that it is established, if they tell that.

    Args:
        exam: The examination.
        drivers: Client and server.
        address: Where to.
        kind: The credentials.
        more: Further parameters of `connect`.
    """
    client, server = drivers
    client.submit("connect", exam.connect_params(address, kind, **more))
    if "established" in exam.statement.observes:
        await_notification(exam, client, "established", server)
        await_notification(exam, server, "established", client)


def await_notification(exam: Exam, driver: Driver, method: str, other: Driver) -> Observation:
    """Wait for a notification; the reason why it did not come is looked for on both sides."""

    def found() -> Observation | None:
        return next((seen for seen in driver.observations if seen.method == method), None)

    driver.wait_until(lambda: found() is not None or other.failure is not None, exam.limits.call_s)
    other.check()
    observation = found()
    if observation is None:
        told = [f"{one.label}: {_summary(one)}" for one in (driver, other)]
        raise Wrong(f"the {driver.label} did not report `{method}`; {'; '.join(told)}")
    return observation


def _summary(driver: Driver) -> str:
    return ", ".join(_words(seen) for seen in driver.observations[-4:]) or "no notifications"


def _words(seen: Observation) -> str:
    extra = [word for word in (seen.stage, seen.how, seen.reason, seen.detail) if word]
    return f"{seen.method} ({', '.join(extra)})" if extra else seen.method
