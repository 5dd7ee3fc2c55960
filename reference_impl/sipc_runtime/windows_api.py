"""What named pipes need of Windows: few calls, behind one Protocol.

`windows_calls` makes these calls; tests have a stand-in that plays pipes in memory and writes down flags and
descriptors. Rule of this file: numbers and shapes only, so that it can be imported everywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

# CreateNamedPipe, open mode.
PIPE_ACCESS_DUPLEX = 0x00000003
FILE_FLAG_FIRST_PIPE_INSTANCE = 0x00080000
FILE_FLAG_OVERLAPPED = 0x40000000
WRITE_DAC = 0x00040000
# CreateNamedPipe, pipe mode. Bytes, read as bytes, waiting: all three are 0.
PIPE_TYPE_BYTE = 0x00000000
PIPE_READMODE_BYTE = 0x00000000
PIPE_WAIT = 0x00000000
PIPE_REJECT_REMOTE_CLIENTS = 0x00000008
# CreateFile, flags: a server may learn who we are, and may not act as we.
SECURITY_SQOS_PRESENT = 0x00100000
SECURITY_IDENTIFICATION = 0x00010000
# Rights: those of FILE_GENERIC_READ and FILE_GENERIC_WRITE.
READ_AND_WRITE = 0x0012019F
# One right has two meanings: for a file to append, for a pipe to make another instance of it. GENERIC_WRITE holds it.
FILE_CREATE_PIPE_INSTANCE = 0x00000004

ERROR_FILE_NOT_FOUND = 2
ERROR_ACCESS_DENIED = 5
ERROR_BROKEN_PIPE = 109
ERROR_PIPE_BUSY = 231
ERROR_NO_DATA = 232
ERROR_PIPE_NOT_CONNECTED = 233
ERROR_PIPE_CONNECTED = 535
ERROR_OPERATION_ABORTED = 995
ERROR_IO_PENDING = 997


class CallFailed(Exception):
    """A call of Windows failed.

    Attributes:
        call: Its name.
        code: The number that GetLastError gave.
    """

    def __init__(self, call: str, code: int) -> None:
        super().__init__(f"{call}: Windows error {code}")
        self.call = call
        self.code = code


@dataclass(frozen=True, slots=True)
class Identity:
    """As whom this process runs, in the form `S-1-...`.

    Attributes:
        user: The user.
        logon: This logon session of the user; None where there is none, as for some services.
        integrity: The integrity level.
    """

    user: str
    logon: str | None
    integrity: str


class Operation(Protocol):
    """One call that may be under way, with its buffer. Reused; made and freed by a `PipeApi`."""

    @property
    def event(self) -> int:
        """Is set when the call has ended."""

    @property
    def pending(self) -> bool:
        """The call is under way: its buffer belongs to the operating system."""


@dataclass(frozen=True, slots=True)
class PipeShape:
    """How to make an instance of a pipe.

    Attributes:
        name: The whole name of the pipe.
        open_mode: Direction, flags, and rights that the handle shall have in addition.
        pipe_mode: Kind of pipe, and who may connect.
        sddl: Its security descriptor; Windows looks at that of the first instance.
        buffer: Bytes of room in either direction.
    """

    name: str
    open_mode: int
    pipe_mode: int
    sddl: str
    buffer: int


class PipeApi(Protocol):
    """The calls. A handle is a number. Every method may raise `CallFailed`, unless it says otherwise."""

    def identity(self) -> Identity:
        """As whom this process runs."""

    def user_of(self, process: int) -> str:
        """The user of a running process of this machine."""

    def create_pipe(self, shape: PipeShape) -> int:
        """Make an instance."""

    def open_pipe(self, name: str, access: int, flags: int) -> int:
        """Connect as a client. Does not wait."""

    def instances(self, handle: int) -> int:
        """How many instances there are of a pipe, whoever made them."""

    def set_dacl(self, handle: int, sddl: str) -> None:
        """Replace the list of who may do what; the handle needs the right WRITE_DAC."""

    def describe(self, handle: int) -> str:
        """The security descriptor, without the part that only administrators may read."""

    def owner(self, handle: int) -> str:
        """Who owns the pipe."""

    def client_process(self, handle: int) -> int:
        """The process that connected to this instance."""

    def server_process(self, handle: int) -> int:
        """The process that made the instance we are connected to."""

    def operation(self, size: int) -> Operation:
        """Make an operation with a buffer of so many bytes."""

    def start_connect(self, handle: int, operation: Operation) -> bool:
        """Wait for a client; True if there is one already."""

    def start_read(self, handle: int, operation: Operation, limit: int) -> bool:
        """Read; True if that has ended already."""

    def start_write(self, handle: int, operation: Operation, data: bytes | memoryview) -> bool:
        """Write all of `data`, which fits into the buffer; True if that has ended already."""

    def finish(self, handle: int, operation: Operation) -> int:
        """Wait for the end of the call; the number of bytes moved."""

    def read_bytes(self, operation: Operation, count: int) -> bytes:
        """What a read put into the buffer. Never raises."""

    def cancel(self, handle: int, operation: Operation) -> None:
        """End the call if it is under way, and wait until it has ended. Never raises."""

    def free(self, operation: Operation) -> None:
        """Release an operation that is not under way. Never raises."""

    def new_event(self) -> int:
        """Make an event that stays set once it is set."""

    def set_event(self, event: int) -> None:
        """Set an event."""

    def reset_event(self, event: int) -> None:
        """Take that back."""

    def wait(self, events: Sequence[int], seconds: float | None) -> int | None:
        """Wait until one of the events is set: the place of the first that is. None after so many seconds."""

    def disconnect(self, handle: int) -> None:
        """Throw out the client of an instance, so that it can wait for another."""

    def close(self, handle: int) -> None:
        """Release a handle or an event. Never raises."""
