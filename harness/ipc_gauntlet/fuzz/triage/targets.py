"""From a finding to the target that it is about, and how another process gets that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.child.handle import Child
from ipc_gauntlet.fuzz.child.messages import Orders
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.registry import Found, find
from ipc_gauntlet.fuzz.target import Target


@dataclass(frozen=True, slots=True)
class Settings:
    """How inputs are executed.

    Attributes:
        hang_seconds: One execution may take so long.
        memory_mb: A process may use so much memory beyond its start; 0 for no limit.
        driver: Command line of an implementation under test, for findings about one.
    """

    hang_seconds: float = 0.5
    memory_mb: int = 512
    driver: str = ""


class Targets:
    """The targets that are known, by name.

    Args:
        modules: Modules or files of targets beside the installed ones.
        settings: How inputs are executed.

    Attributes:
        modules: As given.
        settings: As given, or the usual ones.
    """

    def __init__(self, modules: Sequence[str] = (), settings: Settings | None = None) -> None:
        self.settings = settings if settings is not None else Settings()
        self.modules = tuple(modules)
        self._found = {one.target.name: one for one in find((), tuple(modules))}

    def __contains__(self, name: object) -> bool:
        return name in self._found

    def names(self) -> list[str]:
        """All names, in the order of their modules."""
        return list(self._found)

    def get(self, name: str) -> Target:
        """A target.

        Raises:
            UsageError: There is none of this name.
        """
        return self._one(name).target

    def orders(self, name: str, *, coverage: bool = False, remote: bool = False) -> Orders:
        """How a child gets a target.

        Args:
            name: Of the target.
            coverage: Whether its branches are measured there.
            remote: Whether inputs go to the implementation under test too.

        Raises:
            UsageError: There is no such target, or no implementation was named.
        """
        one = self._one(name)
        if remote and not self.settings.driver:
            raise UsageError(
                f"this finding of {name} is about an implementation behind a driver: name it with --driver"
            )
        return Orders(
            target=name,
            module=one.source.module,
            measured=one.target.measured,
            coverage=coverage,
            hang_seconds=self.settings.hang_seconds,
            memory_mb=self.settings.memory_mb,
            driver=self.settings.driver if remote else "",
        )

    def module(self, name: str) -> str:
        """Where a target comes from.

        Raises:
            UsageError: There is none of this name.
        """
        return self._one(name).source.module

    def orders_for(self, finding: Finding) -> Orders:
        """How a child can show a finding again.

        Raises:
            UsageError: There is no such target, or no implementation was named.
        """
        return self.orders(finding.target, remote=is_remote(finding))

    def _one(self, name: str) -> Found:
        if name not in self._found:
            raise UsageError(
                f"there is no fuzz target {name}; if it is yours, name its module with --targets"
            )
        return self._found[name]


def is_remote(finding: Finding) -> bool:
    """Whether a finding is about an implementation behind a driver."""
    return finding.engine == "driver"


class Children:
    """Processes that execute inputs, one for each module of targets: a context manager.

    Args:
        targets: Where targets are found.
    """

    def __init__(self, targets: Targets) -> None:
        self._targets = targets
        self._children: dict[str, Child] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in self._children.values():
            child.close()

    def get(self, name: str) -> Child:
        """The process for a target, turned to it.

        Raises:
            UsageError: There is no such target.
        """
        module = self._targets.module(name)
        if module not in self._children:
            self._children[module] = Child(self._targets.orders(name))
        child = self._children[module]
        child.turn_to(self._targets.get(name))
        return child
