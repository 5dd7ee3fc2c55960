"""Names of cases: `suite/module/function/variant`, safe in shells and file names.

A name depends on the source code and the implementation's statement only, never on the run.
"""

from __future__ import annotations

import re
from pathlib import PurePath

_UNSAFE = re.compile(r"[^A-Za-z0-9._+=-]+")


def slug(text: str) -> str:
    """Make one segment of a name from any text: other characters become `_`, and it never starts with a dot."""
    cleaned = _UNSAFE.sub("_", text)
    return "_" + cleaned if cleaned[:1] in {"", "."} else cleaned


def function_name(package: PurePath, module: PurePath, function: str) -> str:
    """Name of a case without its variant.

    Args:
        package: Folder of the suites' package.
        module: The module's file inside it.
        function: Name of the test function, with its `test_`.

    Returns:
        `replay/records/duplicated_record`; deeper folders join the module's name with dots.
    """
    *folders, name = module.relative_to(package).with_suffix("").parts
    suite = folders[0] if folders else "none"
    modules = ".".join([*folders[1:], name.removeprefix("test_")])
    return "/".join(slug(part) for part in (suite, modules, function.removeprefix("test_")))


def case_name(function: str, place: str, params: str) -> str:
    """Full name of a case: `replay/records/duplicated_record/unix-x509-c2s`."""
    return f"{function}/{slug('-'.join(part for part in (place, params) if part))}"
