"""Examines a driver before any verdict that rests on it is believed (driver protocol, section 8)."""

from ipc_gauntlet.driver.doctor.exam import Check, Provision, Provisioned
from ipc_gauntlet.driver.doctor.examine import examine

__all__ = ["Check", "Provision", "Provisioned", "examine"]
