"""Requirements of which a run could see nothing.

Inside a claimed profile, "cannot be tested" must not look like "holds": an implementation that declares no means to
observe a MUST, or whose driver refuses every such case, fails that requirement with a result of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from ipc_gauntlet.engine.cases import FoundCase, blank_result
from ipc_gauntlet.engine.selection import Selection
from ipc_gauntlet.engine.settings import Settings
from ipc_gauntlet.events import CaseResult
from ipc_gauntlet.report.merge import UNTESTABLE, untestable_result
from ipc_gauntlet.requirements import Catalogue
from ipc_gauntlet.verdict import Verdict


def untestable(
    found: Sequence[FoundCase], results: Mapping[str, CaseResult], catalogue: Catalogue, settings: Settings
) -> Iterator[CaseResult]:
    """Results for requirements that no case could test although the implementation has to meet them.

    Args:
        found: All cases for the implementation.
        results: Results of the chosen ones.
        catalogue: The requirements.
        settings: The run's settings.

    Yields:
        One failed result for each such requirement of which every case on the chosen transports has a result.
    """
    scope = Selection(transports=settings.selection.transports)
    by_requirement: dict[str, list[FoundCase]] = defaultdict(list)
    for case in filter(scope.chooses, found):
        by_requirement[case.requirement].append(case)
    for name, cases in by_requirement.items():
        requirement = catalogue[name]
        if requirement.level != "MUST" or any(case.id not in results for case in cases):
            continue
        ended = [results[case.id] for case in cases]
        blamed = dict.fromkeys(result.message for result in ended if result.reason in UNTESTABLE)
        if not blamed or any(result.verdict is not Verdict.not_applicable for result in ended):
            continue
        blank = blank_result(cases[0], requirement, Verdict.not_applicable, "")
        yield untestable_result(blank, len(cases), "; ".join(blamed), settings.replay)
