"""What the reference implementation says about itself."""

from sipc.timers import TIMERS, Timer
from sipc_driver.parsers import PARSERS
from sipc_runtime.faults import POINTS
from sipc_runtime.places import TRANSPORTS

# Of the distribution; written here because looking it up takes longer than starting the rest.
VERSION = "0.1.0"

OPTION_TIMERS = {
    "connect_ms": Timer.CONNECT,
    "handshake_ms": Timer.HANDSHAKE,
    "idle_ms": Timer.IDLE,
    "probe_ms": Timer.PROBE,
    "write_ms": Timer.WRITE,
    "drain_ms": Timer.DRAIN,
    "request_ms": Timer.REQUEST,
}
# A payload travels in an envelope, and the whole message may have 1 MiB.
MAX_PAYLOAD = (1 << 20) - 256
MAX_CONNECTIONS = 1024


def statement() -> dict[str, object]:
    """Return the implementation statement (section 3 of the driver protocol)."""
    return {
        "protocol": 1,
        "name": "reference",
        "version": VERSION,
        "language": "Python",
        "profile": "messaging",
        "roles": ["client", "server"],
        "transports": list(TRANSPORTS),
        "credentials": [
            {"kind": "x509", "keys": ["x25519"], "names": ["uri"]},
            {"kind": "psk", "expiry": True},
        ],
        "features": [
            "push",
            "place",
            "request",
            "idempotency",
            "timeouts",
            "rekey",
            "virtual-clock",
            "negotiation",
            "channel-binding",
            "durable",
            "parse",
            "revocation",
            "reload",
            "authorization",
            "cancel",
            "retries",
            "ordering-keys",
            "metadata",
            "claims",
            "tokens",
            "datagram",
            "work",
            "gate",
            "metrics",
            "faults",
            "debug",
        ],
        "observes": ["established", "delivered", "executed", "rejected", "closed"],
        "limits": {"max_message": MAX_PAYLOAD, "max_connections": MAX_CONNECTIONS},
        "timeouts": {name: round(TIMERS[timer].default * 1000) for name, timer in OPTION_TIMERS.items()},
        "wire": {"protocol": "sipc/1", "framing": "sipc"},
        "parsers": list(PARSERS),
        "faults": list(POINTS),
    }
