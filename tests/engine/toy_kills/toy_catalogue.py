"""A catalogue of its own, as a user's package would bring one."""

from types import SimpleNamespace

FAILURE = {"stages": ("established",), "reasons": ("gap",)}


def _requirement(number: int, **more: object) -> dict[str, object]:
    name = f"TOY-{number:02}"
    facts: dict[str, object] = {
        "id": name,
        "suite": "toy",
        "level": "MUST",
        "profile": "local",
        "statement": f"Toy {number}.",
        "source": "us",
        "mutants": ({"id": f"{name}.m1", "defect": "a defect"}, {"id": f"{name}.m2", "defect": "another"}),
        "failure": FAILURE,
    }
    return facts | more


def suites() -> list[SimpleNamespace]:
    """One suite: two requirements with cases, one without any, one that nobody can violate."""
    impossible = ({"id": "TOY-04.m1", "defect": "magic", "not_expressible": "there is no magic"},)
    requirements = (
        _requirement(1),
        _requirement(2),
        _requirement(3),
        _requirement(4, mutants=impossible),
    )
    return [SimpleNamespace(name="toy", code="TOY", title="Toys", requirements=requirements)]
