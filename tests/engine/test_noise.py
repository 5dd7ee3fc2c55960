"""Cases that noise has spoiled are tried again, once."""

from collections.abc import Callable

from ipc_gauntlet.engine.cases import FoundCase
from ipc_gauntlet.engine.noise import REASON, NoiseFilter
from ipc_gauntlet.engine.outcome import rule
from ipc_gauntlet.errors import TooNoisy
from ipc_gauntlet.events import CaseResult
from ipc_gauntlet.verdict import Verdict

Maker = Callable[..., CaseResult]


def test_a_spoiled_result_is_kept_back_once(make_result: Maker, make_case: Callable[..., FoundCase]) -> None:
    """The second result of the same case stands, whatever it is; others pass at once."""
    seen: list[CaseResult] = []
    noise = NoiseFilter(seen.append)
    case = make_case()
    spoiled = make_result(case.id, verdict=Verdict.inconclusive, reason=REASON)
    noise.take(spoiled)
    good = make_result("replay/records/other/unix-x509")
    noise.take(good)
    assert seen == [good]
    assert noise.again([case]) == [case]
    noise.take(spoiled)
    assert seen == [good, spoiled]
    assert noise.again([case]) == []


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
    assert ruling.verdict is Verdict.inconclusive
    assert ruling.reason == REASON
