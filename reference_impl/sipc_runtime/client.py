"""Clients: connecting to an address."""

from sipc.connection import Connection, Context
from sipc.errors import LocalError
from sipc.handshake import Initiator
from sipc.handshake_config import InitiatorConfig
from sipc.settings import Settings
from sipc_runtime.clock import SYSTEM_CLOCK, Clock
from sipc_runtime.endpoint import Endpoint, Handlers
from sipc_runtime.endpoint_parts import Origin
from sipc_runtime.entropy import SYSTEM_ENTROPY
from sipc_runtime.faults import FAULTS
from sipc_runtime.places import open_stream
from sipc_runtime.transport import Address, DialLimits, Stream


def connect(
    label: str,
    address: Address,
    config: InitiatorConfig,
    handlers: Handlers,
    settings: Settings | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> Endpoint:
    """Start a connection; `Established` or `Rejected` follows as an event.

    Args:
        label: Name of the connection for people and for the program.
        address: Where.
        config: Whom to reach, and who we are.
        handlers: What to call.
        settings: Limits and times.
        clock: The clock for every timer.
    """
    used = settings or Settings()
    # From the call on, however long the endpoint's thread takes to begin.
    deadline = clock.monotonic() + used.timeouts.connect

    def stream() -> Stream:
        return open_stream(address, clock, DialLimits(deadline, endpoint.cancelled))

    def connection() -> Connection:
        wall = clock.wall()
        context = Context(True, wall, SYSTEM_ENTROPY.random, handlers.metrics.count)
        if FAULTS.armed and FAULTS.hit("key-store"):
            raise LocalError("the key store gives no key")
        return Connection(Initiator(config, SYSTEM_ENTROPY, wall), used, context, clock.monotonic())

    endpoint = Endpoint(label, Origin(stream, connection), handlers, clock, used.timeouts)
    endpoint.start()
    return endpoint
