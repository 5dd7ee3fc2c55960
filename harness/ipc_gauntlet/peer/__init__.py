"""The harness's own SIPC/1 peer: follows docs/sipc1.md, or breaks any of its rules on request.

It is written from that page alone and shares no code with the reference implementation, so that a misreading on
either side shows as a disagreement. It does no I/O: bytes in, what was heard out; keys and randomness are arguments.
"""

from ipc_gauntlet.peer import cbor, negotiation
from ipc_gauntlet.peer.autopilot import Autopilot
from ipc_gauntlet.peer.config import Identity, PeerConfig, ReadyValues
from ipc_gauntlet.peer.heard import Heard, HeardFrame, HeardMessage, HeardRecord, Noted, Outgoing
from ipc_gauntlet.peer.peer import Agreed, Peer
from ipc_gauntlet.peer.points import LOW_ORDER
from ipc_gauntlet.peer.quirks import (
    CertificateQuirks,
    EnvelopeQuirks,
    HandshakeQuirks,
    NegotiationQuirks,
    Quirks,
    RecordQuirks,
    TimingQuirks,
)
from ipc_gauntlet.peer.records import RecordType
from ipc_gauntlet.peer.signing import MessageSigner
from ipc_gauntlet.peer.states import Transition, transitions
from ipc_gauntlet.peer.tokens import TokenIssuer

__all__ = [
    "LOW_ORDER",
    "Agreed",
    "Autopilot",
    "CertificateQuirks",
    "EnvelopeQuirks",
    "HandshakeQuirks",
    "Heard",
    "HeardFrame",
    "HeardMessage",
    "HeardRecord",
    "Identity",
    "MessageSigner",
    "NegotiationQuirks",
    "Noted",
    "Outgoing",
    "Peer",
    "PeerConfig",
    "Quirks",
    "ReadyValues",
    "RecordQuirks",
    "RecordType",
    "TimingQuirks",
    "TokenIssuer",
    "Transition",
    "cbor",
    "negotiation",
    "transitions",
]
