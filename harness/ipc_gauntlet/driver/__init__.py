"""Driver processes: how they are started, talked to, supervised and ended."""

from ipc_gauntlet.driver.call import Call
from ipc_gauntlet.driver.client import Driver
from ipc_gauntlet.driver.command import DriverCommand
from ipc_gauntlet.driver.limits import SupervisionLimits
from ipc_gauntlet.driver.observation import Observation
from ipc_gauntlet.driver.statement import CredentialSupport, Limits, Statement, Timeouts, Wire

__all__ = [
    "Call",
    "CredentialSupport",
    "Driver",
    "DriverCommand",
    "Limits",
    "Observation",
    "Statement",
    "SupervisionLimits",
    "Timeouts",
    "Wire",
]
