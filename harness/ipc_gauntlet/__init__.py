"""ipc-gauntlet: conformance suites and an on-path adversary for secure inter-process communication.

This module is the public API, for people who write suites, drivers' launchers or their own runners. Names are
imported on first use, so that `import ipc_gauntlet.sdk` in a driver stays cheap.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipc_gauntlet.adversary import Cut as Cut
    from ipc_gauntlet.adversary import Delay as Delay
    from ipc_gauntlet.adversary import Drop as Drop
    from ipc_gauntlet.adversary import Duplicate as Duplicate
    from ipc_gauntlet.adversary import Edit as Edit
    from ipc_gauntlet.adversary import Fault as Fault
    from ipc_gauntlet.adversary import Flip as Flip
    from ipc_gauntlet.adversary import Hold as Hold
    from ipc_gauntlet.adversary import Inject as Inject
    from ipc_gauntlet.adversary import InjectOnOpen as InjectOnOpen
    from ipc_gauntlet.adversary import Link as Link
    from ipc_gauntlet.adversary import RawPeer as RawPeer
    from ipc_gauntlet.adversary import Rechunk as Rechunk
    from ipc_gauntlet.adversary import Recorded as Recorded
    from ipc_gauntlet.adversary import Redirect as Redirect
    from ipc_gauntlet.adversary import Reflect as Reflect
    from ipc_gauntlet.adversary import Replace as Replace
    from ipc_gauntlet.adversary import Selector as Selector
    from ipc_gauntlet.adversary import Stall as Stall
    from ipc_gauntlet.adversary import Swap as Swap
    from ipc_gauntlet.adversary import Takeover as Takeover
    from ipc_gauntlet.adversary import body_offset as body_offset
    from ipc_gauntlet.credentials import DEFECTS as DEFECTS
    from ipc_gauntlet.credentials import ROOT_DEFECTS as ROOT_DEFECTS
    from ipc_gauntlet.credentials import Defect as Defect
    from ipc_gauntlet.credentials import Deployment as Deployment
    from ipc_gauntlet.declaration import case as case
    from ipc_gauntlet.driver import Call as Call
    from ipc_gauntlet.errors import CallFailed as CallFailed
    from ipc_gauntlet.errors import Inconclusive as Inconclusive
    from ipc_gauntlet.errors import NotApplicable as NotApplicable
    from ipc_gauntlet.errors import NotVerifiable as NotVerifiable
    from ipc_gauntlet.errors import Unsupported as Unsupported
    from ipc_gauntlet.judge import Check as Check
    from ipc_gauntlet.judge import Direction as Direction
    from ipc_gauntlet.judge import EndView as EndView
    from ipc_gauntlet.judge import Finding as Finding
    from ipc_gauntlet.judge import Outcome as Outcome
    from ipc_gauntlet.judge import Role as Role
    from ipc_gauntlet.judge import checks as checks
    from ipc_gauntlet.judge import receiver as receiver
    from ipc_gauntlet.judge import sender as sender
    from ipc_gauntlet.lab import Answer as Answer
    from ipc_gauntlet.lab import Descriptor as Descriptor
    from ipc_gauntlet.lab import Execution as Execution
    from ipc_gauntlet.lab import Fired as Fired
    from ipc_gauntlet.lab import Lab as Lab
    from ipc_gauntlet.lab import Recording as Recording
    from ipc_gauntlet.lab import Served as Served
    from ipc_gauntlet.lab import Session as Session
    from ipc_gauntlet.lab import Socket as Socket
    from ipc_gauntlet.lab import Visit as Visit
    from ipc_gauntlet.lab import WirePeer as WirePeer
    from ipc_gauntlet.peer import LOW_ORDER as LOW_ORDER
    from ipc_gauntlet.peer import CertificateQuirks as CertificateQuirks
    from ipc_gauntlet.peer import EnvelopeQuirks as EnvelopeQuirks
    from ipc_gauntlet.peer import HandshakeQuirks as HandshakeQuirks
    from ipc_gauntlet.peer import MessageSigner as MessageSigner
    from ipc_gauntlet.peer import NegotiationQuirks as NegotiationQuirks
    from ipc_gauntlet.peer import Quirks as Quirks
    from ipc_gauntlet.peer import ReadyValues as ReadyValues
    from ipc_gauntlet.peer import RecordQuirks as RecordQuirks
    from ipc_gauntlet.peer import RecordType as RecordType
    from ipc_gauntlet.peer import TimingQuirks as TimingQuirks
    from ipc_gauntlet.peer import TokenIssuer as TokenIssuer
    from ipc_gauntlet.peer import Transition as Transition
    from ipc_gauntlet.peer import cbor as cbor
    from ipc_gauntlet.peer import negotiation as negotiation
    from ipc_gauntlet.peer import transitions as transitions
    from ipc_gauntlet.transport import blackhole as blackhole
    from ipc_gauntlet.verdict import Verdict as Verdict

_HOMES = {
    "adversary": (
        "Cut Delay Drop Duplicate Edit Fault Flip Hold Inject InjectOnOpen Link RawPeer Rechunk Recorded Redirect "
        "Reflect Replace Selector Stall Swap Takeover body_offset"
    ),
    "declaration": "case",
    "credentials": "DEFECTS ROOT_DEFECTS Defect Deployment",
    "driver": "Call",
    "errors": "CallFailed Inconclusive NotApplicable NotVerifiable Unsupported",
    "judge": "Check Direction EndView Finding Outcome Role checks receiver sender",
    "lab": "Answer Descriptor Execution Fired Lab Recording Served Session Socket Visit WirePeer",
    "peer": (
        "CertificateQuirks EnvelopeQuirks HandshakeQuirks LOW_ORDER MessageSigner NegotiationQuirks Quirks ReadyValues RecordQuirks "
        "RecordType TimingQuirks TokenIssuer Transition cbor negotiation transitions"
    ),
    "transport": "blackhole",
    "verdict": "Verdict",
}
_HOME = {name: f"ipc_gauntlet.{module}" for module, names in _HOMES.items() for name in names.split()}

__all__ = [
    "DEFECTS",
    "LOW_ORDER",
    "ROOT_DEFECTS",
    "Answer",
    "Call",
    "CallFailed",
    "CertificateQuirks",
    "Check",
    "Cut",
    "Defect",
    "Delay",
    "Deployment",
    "Descriptor",
    "Direction",
    "Drop",
    "Duplicate",
    "Edit",
    "EndView",
    "EnvelopeQuirks",
    "Execution",
    "Fault",
    "Finding",
    "Fired",
    "Flip",
    "HandshakeQuirks",
    "Hold",
    "Inconclusive",
    "Inject",
    "InjectOnOpen",
    "Lab",
    "Link",
    "MessageSigner",
    "NegotiationQuirks",
    "NotApplicable",
    "NotVerifiable",
    "Outcome",
    "Quirks",
    "RawPeer",
    "ReadyValues",
    "Rechunk",
    "RecordQuirks",
    "RecordType",
    "Recorded",
    "Recording",
    "Redirect",
    "Reflect",
    "Replace",
    "Role",
    "Selector",
    "Served",
    "Session",
    "Socket",
    "Stall",
    "Swap",
    "Takeover",
    "TimingQuirks",
    "TokenIssuer",
    "Transition",
    "Unsupported",
    "Verdict",
    "Visit",
    "WirePeer",
    "blackhole",
    "body_offset",
    "case",
    "cbor",
    "checks",
    "negotiation",
    "receiver",
    "sender",
    "transitions",
]


def __getattr__(name: str) -> object:
    """Import a public name on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
