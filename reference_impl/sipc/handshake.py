"""The handshake of SIPC/1: negotiation, Noise, and the proof of both identities.

Use: make an `Initiator` or a `Responder`, give bytes of the stream to `receive`, send what `data_to_send` returns,
until `result` is there. Bytes behind the last handshake frame are `trailing` and belong to the records.
"""

from sipc.handshake_initiator import Initiator
from sipc.handshake_party import HandshakeResult, Role, State
from sipc.handshake_responder import Responder

__all__ = ["HandshakeResult", "Initiator", "Responder", "Role", "State"]
