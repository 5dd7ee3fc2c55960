"""What went wrong in the world is tied to requirements that exist."""

import re

from ipc_gauntlet_corpora import evidence, requirement, requirements


def test_every_piece_leads_to_a_requirement() -> None:
    """Each has a name, a sentence, a source, and at least one requirement of the catalogue."""
    assert len(evidence()) > 100
    for one in evidence():
        assert one.ids
        assert one.what
        assert one.source
        assert one.requirements, one
        assert all(requirement(name) for name in one.requirements)


def test_a_vulnerability_of_one_requirement_is_in_the_catalogue() -> None:
    """A number that only one requirement would have caught is named there too."""
    numbers = {item.id: set(item.cves) for item in requirements()}
    missing = [
        (name, one.requirements[0])
        for one in evidence()
        for name in one.ids
        if len(one.requirements) == 1
        and re.fullmatch(r"CVE-\d{4}-\d{4,}", name)
        and name not in numbers[one.requirements[0]]
    ]
    assert missing == []
