"""Cases that notice some flaws."""

import os
import time

import pytest

from ipc_gauntlet import Inconclusive
from ipc_gauntlet.declaration import case
from ipc_gauntlet.errors import DriverDied, RequirementViolated, TooNoisy
from toy_kills.toybench import Lab


@case("TOY-01")
@pytest.mark.parametrize("role", ["client", "server"])
@pytest.mark.parametrize("size", ["small", "large"])
def test_main(lab: Lab, role: str, size: str) -> None:
    """Notices most."""
    match lab.flaw:
        case "killed":
            raise RequirementViolated("all", "less", "gap")
        case "large-only" if size == "large" and role == "server":
            raise RequirementViolated("all", "less", "gap")
        case "dead-code":
            raise RequirementViolated("all", "less", "gap")
        case "wrong-reason":
            raise RequirementViolated("all", "less", "other")
        case "wrong-stage":
            lab.evidence.stage = "handshake"
            raise RequirementViolated("all", "less", "gap")
        case "no-control":
            raise Inconclusive("the positive control failed")
        case "noisy":
            if lab.first_time:
                raise TooNoisy("this machine is too busy")
            raise RequirementViolated("all", "less", "gap")
        case "crash":
            raise DriverDied("toy", "it ended with status 7")
        case "hang":
            time.sleep(60)
        case "worker-dies":
            os._exit(9)
    if os.environ.get("TOY_SICK") and lab.flaw == "plain":
        raise RequirementViolated("all", "less", "gap")


@case("TOY-01")
def test_second(lab: Lab) -> None:
    """Notices one flaw, not before the main case has."""
    if lab.flaw == "killed":
        raise RequirementViolated("all", "less", "gap")


@case("TOY-02")
def test_other(lab: Lab) -> None:
    """Belongs to another requirement."""
    if lab.flaw in ("elsewhere", "second"):
        raise RequirementViolated("all", "less", "gap")


@case("TOY-02")
def test_blind(lab: Lab) -> None:
    """Notices nothing, ever."""
