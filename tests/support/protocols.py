"""What classes have, read from their source: those of another system cannot be imported here."""

import ast
from dataclasses import dataclass, field
from pathlib import Path

import ipc_gauntlet

HARNESS = Path(ipc_gauntlet.__file__).parent


@dataclass
class Members:
    """Of a class or a Protocol, without what begins with an underscore.

    Args:
        methods: Names of their parameters, without `self`; those that need not be given are marked.
        values: Properties and attributes.
    """

    methods: dict[str, list[str]] = field(default_factory=dict)
    values: set[str] = field(default_factory=set)


def members(*places: str) -> Members:
    """The members of a class and its bases.

    Args:
        *places: `transport/base.py:ByteStream`; bases first.
    """
    found = Members()
    for place in places:
        path, _, name = place.partition(":")
        tree = ast.parse((HARNESS / path).read_text(encoding="utf-8"))
        (node,) = [one for one in ast.walk(tree) if isinstance(one, ast.ClassDef) and one.name == name]
        for one in node.body:
            _add(found, one)
    return found


def _add(found: Members, node: ast.stmt) -> None:
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        found.values.add(node.target.id)
    if not isinstance(node, ast.FunctionDef):
        return
    if node.name == "__init__":
        found.values |= {
            one.attr
            for one in ast.walk(node)
            if isinstance(one, ast.Attribute)
            and isinstance(one.ctx, ast.Store)
            and not one.attr.startswith("_")
        }
    elif any(isinstance(one, ast.Name) and one.id == "property" for one in node.decorator_list):
        found.values.add(node.name)
    elif not node.name.startswith("_"):
        needed = len(node.args.args) - len(node.args.defaults)
        names = [one.arg for one in node.args.args]
        found.methods[node.name] = [*names[1:needed], *(f"{name}=" for name in names[max(needed, 1) :])]


def lacking(protocol: str, *places: str) -> list[str]:
    """What a class does not have that a Protocol asks for.

    Args:
        protocol: Its place.
        *places: Of the class and its bases; bases first.
    """
    wanted, there = members(protocol), members(*places)
    assert wanted.methods
    missing = sorted(wanted.values - there.values)
    for name, parameters in wanted.methods.items():
        if name not in there.methods:
            missing.append(f"{name}()")
            continue
        has = there.methods[name]
        more = has[len(parameters) :]
        if has[: len(parameters)] != parameters or not all(one.endswith("=") for one in more):
            missing.append(f"{name}({', '.join(parameters)}), but it is {name}({', '.join(has)})")
    return missing
