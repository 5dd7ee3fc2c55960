"""The lab: sessions between two drivers with an adversary in between, and the evidence they leave."""

from ipc_gauntlet.lab.access import CaseFacts
from ipc_gauntlet.lab.asking import Answer
from ipc_gauntlet.lab.bench import Bench, BenchConfig
from ipc_gauntlet.lab.clocks import Fired
from ipc_gauntlet.lab.evidence import Evidence
from ipc_gauntlet.lab.inside import Execution
from ipc_gauntlet.lab.lab import Lab
from ipc_gauntlet.lab.outside import Visit
from ipc_gauntlet.lab.plan import SessionPlan
from ipc_gauntlet.lab.playing import Recording
from ipc_gauntlet.lab.served import Served
from ipc_gauntlet.lab.session import Session
from ipc_gauntlet.lab.sockets import Descriptor, Socket
from ipc_gauntlet.lab.timing import Noise
from ipc_gauntlet.lab.wirepeer import WirePeer

__all__ = [
    "Answer",
    "Bench",
    "BenchConfig",
    "CaseFacts",
    "Descriptor",
    "Evidence",
    "Execution",
    "Fired",
    "Lab",
    "Noise",
    "Recording",
    "Served",
    "Session",
    "SessionPlan",
    "Socket",
    "Visit",
    "WirePeer",
]
