"""Cases with every kind of end."""

import os

import pytest

from ipc_gauntlet import Inconclusive
from ipc_gauntlet.declaration import case
from ipc_gauntlet.errors import RequirementViolated
from toy_suites.toybench import ToyLab


@case("REPL-01", title="A good case", reasons=("replay",))
@pytest.mark.parametrize("direction", ["c2s", "s2c"])
def test_good(lab: ToyLab, direction: str) -> None:
    """Judges something and is content."""
    lab.judged = True


@case("REPL-01")
def test_bad(lab: ToyLab) -> None:
    """Finds a message that was delivered twice."""
    lab.evidence.done = ["duplicated record 0"]
    lab.evidence.trace = ["0.001 c2s 0 record 32 aabb", "0.002 c2s 1 record 32 aabb  duplicated"]
    lab.evidence.stderr = {"client": "", "server": "hello\x1b[31m from the server\x00\n"}
    mood = os.environ.get("TOY_MOOD")
    if mood == "good":
        lab.judged = True
        return
    reason = "delivered-thrice" if mood == "other" else "delivered-twice"
    raise RequirementViolated("each message once", "the first message twice\x1b[0m", reason)


@case("REPL-02")
def test_vacuous(lab: ToyLab) -> None:
    """Judges nothing."""


@case("REPL-03", needs=("push",))
def test_needs_push(lab: ToyLab) -> None:
    """Needs a feature that an implementation may do without."""
    lab.judged = True


@case("REPL-07", needs=("parse",))
def test_needs_parse(lab: ToyLab) -> None:
    """Needs a feature that only helps to test."""
    lab.judged = True


@case("REPL-12")
def test_advice(lab: ToyLab) -> None:
    """A SHOULD that does not hold."""
    raise RequirementViolated("constant cost", "linear cost", "slow")


@case("REPL-04")
def test_dead_driver(lab: ToyLab) -> None:
    """Its driver is dead before it begins."""


@case("REPL-06")
def test_bug(lab: ToyLab) -> None:
    """Has a bug of its own."""
    lab.no_such_thing()


@case("REPL-09")
def test_governed(lab: ToyLab) -> None:
    """Belongs to a requirement for authenticated channels."""
    raise Inconclusive("the stage was not reached")
