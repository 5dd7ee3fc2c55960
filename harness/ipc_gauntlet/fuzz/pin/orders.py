"""What the process that pins is told, and what it tells: files, because a mutant may kill it at any moment.

orders.json      what to do
names.json       mutants by number, in the order in which they were found
running          number of the mutant that runs, and a beat as long as threads run; mapped into memory; for whoever finds the process dead
state.json       inputs that pin something so far, replaced every few seconds
result.json      at the end
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.pin.score import Score
from ipc_gauntlet.fuzz.pin.vectors import VectorFile

ORDERS, NAMES, RUNNING, STATE, RESULT = "orders.json", "names.json", "running", "state.json", "result.json"
_NUMBER = struct.Struct("<q")
_BOTH = struct.Struct("<qQ")


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What to do.

    Attributes:
        target: Name of the target.
        module: Module or file that it comes from.
        folder: Where to write.
        seed: Of every random choice.
        seconds: CPU seconds to search for; 0 for none.
        executions: Inputs to try; 0 for no limit. With neither, there is no search.
        corpus: Folders of inputs to begin with, beside the target's seeds.
        inputs: Further inputs, base64.
        without: Mutants that must not be run, because they killed a process.
        hang_seconds: CPU seconds after which one call is a hang that only the end of the process stops.
        memory_mb: Memory beyond the start.
    """

    target: str
    module: str
    folder: str
    seed: int = 1
    seconds: float = 0.0
    executions: int = 0
    corpus: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    hang_seconds: float = 3.0
    memory_mb: int = 1024


class State(msgspec.Struct, kw_only=True):
    """What is known so far.

    Attributes:
        before: Score of the seeds, None while it is not known.
        inputs: Inputs that pin something, base64.
        executions: Inputs tried.
        seconds: CPU seconds searched.
    """

    before: Score | None = None
    inputs: list[str] = []
    executions: int = 0
    seconds: float = 0.0


class Survivor(msgspec.Struct, frozen=True, kw_only=True):
    """A mutant that nothing tells from the parser.

    Attributes:
        name: `module:line:operator:index`.
        function: Where.
        before: The code.
        after: What the mutant has.
        source: The line in the file.
        entered: Whether any input entered the block around it.
    """

    name: str
    function: str
    before: str
    after: str
    source: str
    entered: bool


class Pinned(msgspec.Struct, kw_only=True):
    """What came of it.

    Attributes:
        target: Name of the target.
        before: Score of the seeds and of the corpus.
        after: Score with what was found.
        minimal: Score of the minimal set: the same as `after`, in few inputs.
        same: Mutants that compile to the same code as others.
        unviable: Mutants that cannot be imported, and why.
        deadly: Mutants that hang or kill their process beyond the reach of a count of steps.
        survivors: Mutants that nothing pins.
        vectors: The minimal set.
        executions: Inputs tried.
        seconds: CPU seconds of the search.
        broke: Inputs on which the unchanged parser came to no verdict (findings!), base64.
    """

    target: str
    before: Score
    after: Score
    minimal: Score
    same: int
    unviable: dict[str, str]
    deadly: dict[str, str]
    survivors: list[Survivor]
    vectors: VectorFile
    executions: int
    seconds: float
    broke: list[str]


class Running:
    """The number of the mutant that runs, where another process can read it. Use it as a context.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        path.write_bytes(_BOTH.pack(-1, 0))
        self._file = path.open("r+b")
        self._map = mmap.mmap(self._file.fileno(), _BOTH.size)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._map.close()
        self._file.close()

    def tell(self, number: int) -> None:
        """This one runs from now on; -1 for the parser itself."""
        _NUMBER.pack_into(self._map, 0, number)

    def beat(self, count: int) -> None:
        """The process is alive: its threads run."""
        _NUMBER.pack_into(self._map, _NUMBER.size, count)


def read_beat(folder: Path) -> int:
    """How often the process said that its threads run; -1 before it says anything."""
    try:
        beat: int = _BOTH.unpack((folder / RUNNING).read_bytes())[1]
    except (OSError, struct.error):
        return -1
    return beat


def read_running(folder: Path) -> str:
    """The mutant that ran last; empty for the parser itself, or before any."""
    try:
        number: int = _BOTH.unpack((folder / RUNNING).read_bytes())[0]
        names = msgspec.json.decode((folder / NAMES).read_bytes(), type=list[str])
        return names[number] if 0 <= number < len(names) else ""
    except (OSError, struct.error, msgspec.DecodeError):
        return ""


def read_orders(path: Path) -> Orders:
    """Read orders.

    Raises:
        GauntletError: The file cannot be read, or is something else.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Orders)
    except (OSError, msgspec.DecodeError) as error:
        raise GauntletError(f"cannot read the orders of `fuzz pin` in {path}: {error}") from error


def read_state(folder: Path) -> State:
    """What was known when the process last told; nothing if it never did."""
    try:
        return msgspec.json.decode((folder / STATE).read_bytes(), type=State)
    except (OSError, msgspec.DecodeError):
        return State()


def read_pinned(folder: Path) -> Pinned | None:
    """The result, None if the process did not come to its end."""
    try:
        return msgspec.json.decode((folder / RESULT).read_bytes(), type=Pinned)
    except (OSError, msgspec.DecodeError):
        return None
