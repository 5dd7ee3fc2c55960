"""Named pipes in memory, for every operating system: what Windows does, and what Wine does not enforce.

A `Machine` has pipes; a `FakePipes` is one process on it, and a `PipeApi`. Access lists and integrity levels are
checked as Windows checks them, and every call that has flags or a descriptor is written down.
"""

import itertools
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from sipc_runtime.windows_api import (
    ERROR_ACCESS_DENIED,
    ERROR_BROKEN_PIPE,
    ERROR_FILE_NOT_FOUND,
    ERROR_NO_DATA,
    ERROR_OPERATION_ABORTED,
    ERROR_PIPE_BUSY,
    ERROR_PIPE_NOT_CONNECTED,
    FILE_CREATE_PIPE_INSTANCE,
    FILE_FLAG_FIRST_PIPE_INSTANCE,
    WRITE_DAC,
    CallFailed,
    Identity,
    Operation,
    PipeShape,
)

USER = Identity("S-1-5-21-1-2-3-1001", "S-1-5-5-0-4711", "S-1-16-8192")
OTHER_USER = Identity("S-1-5-21-1-2-3-1002", "S-1-5-5-0-815", "S-1-16-8192")
SANDBOXED = Identity(USER.user, USER.logon, "S-1-16-4096")
_ALLOW = re.compile(r"\(A;;(0x[0-9a-f]+|RC);;;([^)]+)\)")
_LABEL = re.compile(r"\(ML;;NWNR;;;S-1-16-(\d+)\)")
_OWNER = re.compile(r"O:(S-[0-9-]+)")
_READ_CONTROL = 0x20000


@dataclass(eq=False)
class FakeOperation:
    """See `Operation`."""

    event: int
    pending: bool = False
    done: bool = False
    code: int = 0
    count: int = 0
    data: bytes = b""
    limit: int = 0


@dataclass(eq=False)
class End:
    """One end of an instance: what it has to read, and the calls that wait for that."""

    process: int
    instance: "Instance"
    closed: bool = False
    inbox: bytearray = field(default_factory=bytearray)
    reading: FakeOperation | None = None
    # A write into our inbox that does not fit.
    writing: FakeOperation | None = None


@dataclass(eq=False)
class Instance:
    """An instance of a pipe."""

    pipe: "Pipe"
    room: int
    server: End = field(init=False)
    client: End | None = None
    listening: bool = True
    connecting: FakeOperation | None = None


@dataclass(eq=False)
class Pipe:
    """All instances of one name."""

    sddl: str
    instances: list[Instance] = field(default_factory=list)

    def grants(self, who: Identity, wanted: int) -> bool:
        """Whether somebody may do all of that."""
        label = _LABEL.search(self.sddl)
        if label and int(who.integrity.rpartition("-")[2]) < int(label[1]):
            return False
        owner = _OWNER.search(self.sddl)
        granted = 0
        for rights, name in _ALLOW.findall(self.sddl):
            mine = name in {who.user, who.logon} or (name == "OW" and owner and owner[1] == who.user)
            granted |= (_READ_CONTROL if rights == "RC" else int(rights, 16)) if mine else 0
        return not wanted & ~granted


class Machine:
    """Pipes by name, and processes by number.

    Args:
        honours_first: Whether FILE_FLAG_FIRST_PIPE_INSTANCE does anything.
    """

    def __init__(self, *, honours_first: bool = True) -> None:
        self.honours_first = honours_first
        self.changed = threading.Condition()
        self.pipes: dict[str, Pipe] = {}
        self.users: dict[int, str] = {}
        self.events: dict[int, bool] = {}
        self.numbers = itertools.count(1000, 4)

    def process(self, identity: Identity = USER) -> "FakePipes":
        """Start a process."""
        number = next(self.numbers)
        self.users[number] = identity.user
        return FakePipes(self, number, identity)


class FakePipes:
    """A process's calls; see `PipeApi`.

    Attributes:
        calls: Each call with flags or a descriptor, in order.
        failing: Calls that shall fail, with their error; each once.
    """

    def __init__(self, machine: Machine, number: int, identity: Identity) -> None:
        self.machine = machine
        self.number = number
        self.calls: list[tuple[object, ...]] = []
        self.failing: dict[str, int] = {}
        self._identity = identity
        self._ends: dict[int, End] = {}
        self._events: set[int] = set()

    def open_handles(self) -> int:
        """How many handles this process has not closed."""
        return len(self._ends) + len(self._events)

    def _note(self, *call: object) -> None:
        self.calls.append(call)
        code = self.failing.pop(str(call[0]), None)
        if code is not None:
            raise CallFailed(str(call[0]), code)

    def identity(self) -> Identity:
        self._note("identity")
        return self._identity

    def user_of(self, process: int) -> str:
        self._note("user_of", process)
        return self.machine.users[process]

    # --- pipes ---

    def create_pipe(self, shape: PipeShape) -> int:
        self._note("create_pipe", shape)
        machine = self.machine
        with machine.changed:
            pipe = machine.pipes.get(shape.name.lower())
            if pipe is None:
                pipe = machine.pipes[shape.name.lower()] = Pipe(shape.sddl)
            else:
                if shape.open_mode & FILE_FLAG_FIRST_PIPE_INSTANCE and machine.honours_first:
                    raise CallFailed("create_pipe", ERROR_ACCESS_DENIED)
                wanted = 0x12019F | (shape.open_mode & WRITE_DAC) | FILE_CREATE_PIPE_INSTANCE
                if machine.honours_first and not pipe.grants(self._identity, wanted):
                    raise CallFailed("create_pipe", ERROR_ACCESS_DENIED)
            instance = Instance(pipe, shape.buffer)
            instance.server = End(self.number, instance)
            pipe.instances.append(instance)
            return self._handle(instance.server)

    def open_pipe(self, name: str, access: int, flags: int) -> int:
        self._note("open_pipe", name, access, flags)
        with self.machine.changed:
            pipe = self.machine.pipes.get(name.lower())
            if pipe is None:
                raise CallFailed("open_pipe", ERROR_FILE_NOT_FOUND)
            if not pipe.grants(self._identity, access):
                raise CallFailed("open_pipe", ERROR_ACCESS_DENIED)
            for instance in pipe.instances:
                if instance.listening:
                    break
            else:
                raise CallFailed("open_pipe", ERROR_PIPE_BUSY)
            instance.listening = False
            instance.client = End(self.number, instance)
            if instance.connecting is not None:
                self._end(instance.connecting)
                instance.connecting = None
            return self._handle(instance.client)

    def _handle(self, end: End) -> int:
        number = next(self.machine.numbers)
        self._ends[number] = end
        return number

    def instances(self, handle: int) -> int:
        self._note("instances")
        with self.machine.changed:
            return len(self._ends[handle].instance.pipe.instances)

    def set_dacl(self, handle: int, sddl: str) -> None:
        self._note("set_dacl", sddl)
        with self.machine.changed:
            pipe = self._ends[handle].instance.pipe
            pipe.sddl = pipe.sddl[: pipe.sddl.index("D:")] + sddl[sddl.index("D:") :]

    def describe(self, handle: int) -> str:
        return self._ends[handle].instance.pipe.sddl

    def owner(self, handle: int) -> str:
        self._note("owner")
        found = _OWNER.search(self.describe(handle))
        assert found is not None
        return found[1]

    def client_process(self, handle: int) -> int:
        self._note("client_process")
        client = self._ends[handle].instance.client
        assert client is not None
        return client.process

    def server_process(self, handle: int) -> int:
        self._note("server_process")
        return self._ends[handle].instance.server.process

    def disconnect(self, handle: int) -> None:
        self._note("disconnect")
        with self.machine.changed:
            instance = self._ends[handle].instance
            thrown_out = instance.client
            if thrown_out is not None:
                thrown_out.inbox.clear()
                self._break(thrown_out, ERROR_PIPE_NOT_CONNECTED)
                gone = Instance(instance.pipe, 0, client=thrown_out)
                gone.server = End(self.number, gone, closed=True)
                thrown_out.instance = gone
            instance.client = None
            instance.server.inbox.clear()

    def close(self, handle: int) -> None:
        with self.machine.changed:
            if handle in self._events:
                self._events.remove(handle)
                del self.machine.events[handle]
                return
            end = self._ends.pop(handle)
            end.closed = True
            end.instance.listening = False
            other = self._other(end)
            if other is not None and not other.closed:
                # What is in the pipe can still be read.
                self._break(other, ERROR_BROKEN_PIPE)
                return
            pipe = end.instance.pipe
            if end.instance in pipe.instances:
                pipe.instances.remove(end.instance)
            if not pipe.instances:
                self.machine.pipes = {
                    name: one for name, one in self.machine.pipes.items() if one is not pipe
                }

    def _break(self, end: End, code: int) -> None:
        """The other end is gone."""
        if end.reading is not None:
            self._end(end.reading, code)
            end.reading = None
        other = self._other(end)
        if other is not None and other.writing is not None:
            self._end(other.writing, ERROR_NO_DATA)
            other.writing = None

    @staticmethod
    def _other(end: End) -> End | None:
        return end.instance.client if end is end.instance.server else end.instance.server

    # --- operations ---

    def operation(self, size: int) -> FakeOperation:
        self._note("operation", size)
        return FakeOperation(self.new_event())

    def start_connect(self, handle: int, operation: Operation) -> bool:
        one = self._begin("start_connect", operation)
        with self.machine.changed:
            instance = self._ends[handle].instance
            if instance.client is not None:
                if instance.client.closed:
                    raise CallFailed("start_connect", ERROR_NO_DATA)
                return True
            instance.listening = one.pending = True
            instance.connecting = one
            return False

    def start_read(self, handle: int, operation: Operation, limit: int) -> bool:
        one = self._begin("start_read", operation)
        with self.machine.changed:
            end = self._ends[handle]
            other = self._other(end)
            if not end.inbox and (other is None or other.closed):
                raise CallFailed("start_read", ERROR_BROKEN_PIPE if other else ERROR_PIPE_NOT_CONNECTED)
            end.reading, one.limit, one.pending = one, limit, True
            self._move(end)
            if not one.done:
                return False
            one.pending = False
            return True

    def start_write(self, handle: int, operation: Operation, data: bytes | memoryview) -> bool:
        one = self._begin("start_write", operation)
        with self.machine.changed:
            other = self._other(self._ends[handle])
            if other is None or other.closed:
                raise CallFailed("start_write", ERROR_NO_DATA)
            if not data:
                # Windows tells the reader of nothing.
                if other.reading is not None:
                    self._end(other.reading)
                    other.reading = None
                return True
            one.data, one.pending, other.writing = bytes(data), True, one
            self._move(other)
            if not one.done:
                return False
            one.pending = False
            return True

    def _begin(self, call: str, operation: Operation) -> FakeOperation:
        assert isinstance(operation, FakeOperation)
        assert not operation.pending
        self._note(call)
        operation.done, operation.code, operation.count = False, 0, 0
        self.machine.events[operation.event] = False
        return operation

    def _move(self, end: End) -> None:
        """Let what is written reach the one who reads, as far as there is room."""
        moved = True
        while moved:
            moved = False
            writing, reading = end.writing, end.reading
            room = end.instance.room + (reading.limit if reading is not None else 0)
            if writing is not None and len(end.inbox) + len(writing.data) <= room:
                end.inbox += writing.data
                end.writing, moved = None, True
                self._end(writing, count=len(writing.data))
            if reading is not None and end.inbox:
                reading.data = bytes(end.inbox[: reading.limit])
                del end.inbox[: reading.limit]
                end.reading, moved = None, True
                self._end(reading, count=len(reading.data))

    def _end(self, operation: FakeOperation, code: int = 0, count: int = 0) -> None:
        operation.done, operation.code, operation.count = True, code, count
        self.machine.events[operation.event] = True
        self.machine.changed.notify_all()

    def finish(self, handle: int, operation: Operation) -> int:
        assert isinstance(operation, FakeOperation)
        with self.machine.changed:
            self.machine.changed.wait_for(lambda: operation.done or not operation.pending)
            operation.pending = False
            if operation.code:
                raise CallFailed("finish", operation.code)
            return operation.count

    def read_bytes(self, operation: Operation, count: int) -> bytes:
        assert isinstance(operation, FakeOperation)
        return operation.data[:count]

    def cancel(self, handle: int, operation: Operation) -> None:
        assert isinstance(operation, FakeOperation)
        with self.machine.changed:
            if operation.pending and not operation.done:
                self.abort(handle, operation)
            operation.pending = False

    def abort(self, handle: int, operation: FakeOperation) -> None:
        """What Windows does to a call whose thread has ended."""
        with self.machine.changed:
            end = self._ends[handle]
            other = self._other(end)
            if end.reading is operation:
                end.reading = None
            if other is not None and other.writing is operation:
                other.writing = None
            if end.instance.connecting is operation:
                end.instance.connecting = None
            self._end(operation, ERROR_OPERATION_ABORTED)

    def free(self, operation: Operation) -> None:
        assert not operation.pending
        self.close(operation.event)

    # --- events ---

    def new_event(self) -> int:
        self._note("new_event")
        with self.machine.changed:
            number = next(self.machine.numbers)
            self.machine.events[number] = False
            self._events.add(number)
            return number

    def set_event(self, event: int) -> None:
        with self.machine.changed:
            self.machine.events[event] = True
            self.machine.changed.notify_all()

    def reset_event(self, event: int) -> None:
        with self.machine.changed:
            self.machine.events[event] = False

    def wait(self, events: Sequence[int], seconds: float | None) -> int | None:
        with self.machine.changed:
            self.machine.changed.wait_for(lambda: any(self.machine.events[one] for one in events), seconds)
            return next((place for place, one in enumerate(events) if self.machine.events[one]), None)
