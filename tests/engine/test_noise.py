"""Cases that said nothing are tried again, once, if they are a handful."""

from collections.abc import Callable

import pytest

from ipc_gauntlet.engine.cases import FoundCase
from ipc_gauntlet.engine.noise import HANDFUL, REASON, NoiseFilter
from ipc_gauntlet.engine.outcome import rule
from ipc_gauntlet.errors import TooNoisy
from ipc_gauntlet.events import CaseResult
from ipc_gauntlet.verdict import Verdict

Maker = Callable[..., CaseResult]
INCONCLUSIVE = Verdict.inconclusive


@pytest.mark.parametrize("reason", [REASON, "inconclusive"])
def test_a_spoiled_result_is_kept_back_once(
    make_result: Maker, make_case: Callable[..., FoundCase], reason: str
) -> None:
    """The second result of the same case stands, whatever it is, and tells of the first; others pass at once."""
    seen: list[CaseResult] = []
    noise = NoiseFilter(seen.append)
    case = make_case()
    spoiled = make_result(case.id, verdict=INCONCLUSIVE, reason=reason, message="nobody came")
    noise.take(spoiled)
    good = make_result("replay/records/other/unix-x509")
    noise.take(good)
    assert seen == [good]
    assert noise.again([case]) == [case]
    noise.take(spoiled)
    assert [one.id for one in seen] == [good.id, spoiled.id]
    assert seen[1].verdict is INCONCLUSIVE
    assert "the first time it was inconclusive: nobody came" in seen[1].notes[-1]
    assert noise.again([case]) == []


@pytest.mark.parametrize("verdict", [Verdict.fail, Verdict.error, Verdict.pass_, Verdict.not_applicable])
def test_nothing_else_gets_a_second_chance(make_result: Maker, verdict: Verdict) -> None:
    """A failure is a failure: it is not tried until it passes."""
    seen: list[CaseResult] = []
    result = make_result(verdict=verdict, reason="gap")
    NoiseFilter(seen.append).take(result)
    assert seen == [result]


def test_many_are_not_tried_again(make_result: Maker, make_case: Callable[..., FoundCase]) -> None:
    """They are the implementation's doing; only what names noise as its reason is kept for another try."""
    seen: list[CaseResult] = []
    noise = NoiseFilter(seen.append)
    noisy = make_case()
    noise.take(make_result(noisy.id, verdict=INCONCLUSIVE, reason=REASON))
    names = [f"replay/records/case{number}/unix-x509" for number in range(HANDFUL + 3)]
    for number, name in enumerate(names):
        noise.take(make_result(name, verdict=INCONCLUSIVE, reason="inconclusive"))
        assert len(seen) == (0 if number < HANDFUL else number + 1)
    assert sorted(one.id for one in seen) == sorted(names)
    assert noise.again([noisy]) == [noisy]


def test_what_is_not_tried_again_is_passed_on(make_result: Maker) -> None:
    """When the run is interrupted, a case that was kept back is reported as it was."""
    seen: list[CaseResult] = []
    noise = NoiseFilter(seen.append)
    noise.take(make_result(reason=REASON))
    noise.give_up()
    noise.give_up()
    assert [result.reason for result in seen] == [REASON]


def test_noise_is_a_reason_of_its_own() -> None:
    """The engine recognises it by its reason."""
    ruling = rule(TooNoisy("off by a second"))
    assert ruling.verdict is INCONCLUSIVE
    assert ruling.reason == REASON
