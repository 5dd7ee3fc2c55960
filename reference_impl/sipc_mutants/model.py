"""What a mutant is."""

from dataclasses import dataclass
from typing import Literal

System = Literal["any", "unix", "pipes", "native", "windows"]
"""Where a defect can be seen: everywhere; where there are Unix sockets; where there are named pipes, also under Wine;
on an operating system itself, not under Wine; on Windows itself."""


@dataclass(frozen=True, slots=True)
class Patch:
    """One replacement in one module.

    Args:
        module: Full name, such as `sipc.handshake_proof`.
        old: Source text that occurs exactly once in that module.
        new: What stands there instead.
    """

    module: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """The reference with one defect.

    Args:
        id: `AUTH-03.m1`, as the catalogue names the defect.
        defect: What is wrong, in the words of the catalogue.
        patches: The replacements that bring the defect in.
        system: Where it can be seen; elsewhere nothing is said of it.
    """

    id: str
    defect: str
    patches: tuple[Patch, ...]
    system: System = "any"

    @property
    def requirement(self) -> str:
        """Id of the requirement that it violates."""
        return self.id.rpartition(".")[0]

    @property
    def modules(self) -> tuple[str, ...]:
        """Names of the modules that it changes."""
        return tuple(dict.fromkeys(patch.module for patch in self.patches))

    def patches_of(self, module: str) -> tuple[Patch, ...]:
        """The replacements in one module."""
        return tuple(patch for patch in self.patches if patch.module == module)
