"""The lab: sessions between two drivers with an adversary in between, and the evidence they leave."""

from ipc_gauntlet.lab.bench import Bench, BenchConfig
from ipc_gauntlet.lab.evidence import Evidence
from ipc_gauntlet.lab.lab import CaseFacts, Lab
from ipc_gauntlet.lab.plan import SessionPlan
from ipc_gauntlet.lab.served import Served
from ipc_gauntlet.lab.session import Session
from ipc_gauntlet.lab.timing import Noise

__all__ = [
    "Bench",
    "BenchConfig",
    "CaseFacts",
    "Evidence",
    "Lab",
    "Noise",
    "Served",
    "Session",
    "SessionPlan",
]
