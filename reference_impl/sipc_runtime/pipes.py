r"""Named pipes: listening at and connecting to `\\.\pipe\NAME`.

What keeps others out, on the server's side:

- the first instance is made with FILE_FLAG_FIRST_PIPE_INSTANCE and has to be the only one: if anybody, also we, has a
  pipe of that name, this listener does not open;
- the descriptor names this logon session of this user and nobody else, and carries our integrity level, so that
  programs below it can neither read nor write;
- clients have no right to make instances. We need it for the next one, and have the same SID as our clients: it is
  granted for the moment in which that is made, through a handle that may change the list. The owner's right to do the
  same is taken away, so for the rest of the time nobody has it;
- clients of other machines are rejected; what Windows says is the client's process has to run as our user.

On the client's side: the pipe has to be owned by our user, or nothing is sent; and whoever made it may ask who we are,
and may not act as we.

The next instance is made before a connection is handed out, so the name never disappears while the listener is open.
"""

import itertools
import re
import threading
from contextlib import ExitStack

from sipc_runtime.clock import Clock
from sipc_runtime.entropy import SYSTEM_ENTROPY
from sipc_runtime.pipe_stream import PIPE_ROOM, PipeStream
from sipc_runtime.sockets import until_connected
from sipc_runtime.transport import DialLimits, EndpointRefused, Peer, PipeAddress, TransportError
from sipc_runtime.windows_api import (
    ERROR_ACCESS_DENIED,
    ERROR_FILE_NOT_FOUND,
    ERROR_NO_DATA,
    ERROR_PIPE_BUSY,
    FILE_CREATE_PIPE_INSTANCE,
    FILE_FLAG_FIRST_PIPE_INSTANCE,
    FILE_FLAG_OVERLAPPED,
    PIPE_ACCESS_DUPLEX,
    PIPE_READMODE_BYTE,
    PIPE_REJECT_REMOTE_CLIENTS,
    PIPE_TYPE_BYTE,
    PIPE_WAIT,
    READ_AND_WRITE,
    SECURITY_IDENTIFICATION,
    SECURITY_SQOS_PRESENT,
    WRITE_DAC,
    CallFailed,
    Identity,
    PipeApi,
    PipeShape,
)

PREFIX = "\\\\.\\pipe\\"
# What a client may do: read, write, wait, look at the descriptor. Not: make instances.
CLIENT_RIGHTS = READ_AND_WRITE & ~FILE_CREATE_PIPE_INSTANCE
_SERVER_RIGHTS = READ_AND_WRITE | WRITE_DAC
_OPEN_MODE = PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | WRITE_DAC
_PIPE_MODE = PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS
# One component, in characters that mean nothing to Windows; not beginning with a dot, which can mean a folder.
_NAME = re.compile(r"[!#-)+\--.0-9;=@A-Z\[\]^_`a-z{}~][ !#-)+\--.0-9;=@A-Z\[\]^_`a-z{}~]{0,199}")
_NUMBERS = itertools.count(1)


def fresh_name() -> str:
    """A name of a pipe that nobody can have guessed."""
    return f"{PREFIX}sipc-{SYSTEM_ENTROPY.random(16).hex()}-{next(_NUMBERS)}"


def check_name(path: str) -> None:
    """Refuse what is not the name of a pipe of this machine.

    Args:
        path: Beginning with `PREFIX`.

    Raises:
        EndpointRefused: It is a path to something else, or Windows might read it differently.
    """
    name = path.removeprefix(PREFIX)
    if name == path or name.startswith(".") or not _NAME.fullmatch(name):
        raise EndpointRefused(f"a pipe is named {PREFIX} and one component of printable ASCII, not {path!r}")


def descriptor(identity: Identity, *, making: bool) -> str:
    """Who may do what with a pipe of ours, as SDDL.

    Args:
        identity: As whom we run.
        making: The list for the moment in which an instance is made.
    """
    who = identity.logon or identity.user
    rights = _SERVER_RIGHTS if making else CLIENT_RIGHTS
    # Protected from inheritance; allow us; of the owner's rights leave reading the descriptor.
    dacl = f"D:P(A;;0x{rights:x};;;{who})(A;;RC;;;OW)"
    # Programs of lower integrity can neither read nor write.
    label = f"S:(ML;;NWNR;;;{identity.integrity})"
    return f"O:{identity.user}G:{identity.user}{dacl}{label}"


class PipeListener:
    """A `Listener` at a named pipe.

    Args:
        path: The name.
        api: Calls of Windows.

    Raises:
        EndpointRefused: The name is not acceptable.
        TransportError: There is a pipe of that name, or Windows refused.
    """

    def __init__(self, path: str, api: PipeApi) -> None:
        check_name(path)
        self._api = api
        self._path = path
        self._interrupted = False
        self._closed = False
        # Guards the waker against being set while it is closed.
        self._lock = threading.Lock()
        try:
            with ExitStack() as undo:
                self._identity = api.identity()
                self._waker = api.new_event()
                undo.callback(api.close, self._waker)
                self._connecting = api.operation(0)
                undo.callback(api.free, self._connecting)
                # The instance that waits for the next client.
                self._next = self._first_instance()
                undo.pop_all()
        except CallFailed as error:
            if error.code == ERROR_ACCESS_DENIED:
                raise TransportError(
                    f"there is a pipe {path} already, or it is not for us", "limit"
                ) from error
            raise TransportError(f"cannot listen at {path}: {error}", "internal") from error

    @property
    def address(self) -> PipeAddress:
        """See `Listener.address`."""
        return PipeAddress(self._path)

    def accept(self) -> PipeStream | None:
        """See `Listener.accept`."""
        while not self._interrupted:
            try:
                if self._connected():
                    return self._handed_out()
            except CallFailed as error:
                raise TransportError(f"accept failed: {error}", "internal") from error
        return None

    def interrupt(self) -> None:
        """See `Listener.interrupt`."""
        with self._lock:
            self._interrupted = True
            if not self._closed:
                self._api.set_event(self._waker)

    def close(self) -> None:
        """See `Listener.close`."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._api.cancel(self._next, self._connecting)
        self._api.close(self._next)
        self._api.free(self._connecting)
        self._api.close(self._waker)

    def _first_instance(self) -> int:
        """Make the pipe; nobody else may have one of this name."""
        sddl = descriptor(self._identity, making=False)
        mode = _OPEN_MODE | FILE_FLAG_FIRST_PIPE_INSTANCE
        handle = self._api.create_pipe(PipeShape(self._path, mode, _PIPE_MODE, sddl, PIPE_ROOM))
        with ExitStack() as undo:
            undo.callback(self._api.close, handle)
            # The flag alone is not trusted: not every Windows honours it.
            if self._api.instances(handle) != 1:
                raise TransportError(f"there is a pipe {self._path} already", "limit")
            undo.pop_all()
        return handle

    def _further_instance(self) -> int:
        """Make the next instance, having for this moment the right to do so."""
        api, sddl = self._api, descriptor(self._identity, making=True)
        api.set_dacl(self._next, sddl)
        made: int | None = None
        try:
            # Windows takes the descriptor of the pipe, not this one.
            made = api.create_pipe(PipeShape(self._path, _OPEN_MODE, _PIPE_MODE, sddl, PIPE_ROOM))
        finally:
            try:
                api.set_dacl(self._next, descriptor(self._identity, making=False))
            except CallFailed:
                if made is not None:
                    api.close(made)
                raise
        return made

    def _connected(self) -> bool:
        """Wait for a client at the next instance; False after an interrupt, or if the client has gone again."""
        api, operation = self._api, self._connecting
        try:
            if not operation.pending:
                api.start_connect(self._next, operation)
            if operation.pending:
                if api.wait((self._waker, operation.event), None) == 0:
                    return False
                api.finish(self._next, operation)
        except CallFailed as error:
            if error.code != ERROR_NO_DATA:
                raise
            api.disconnect(self._next)
            return False
        return True

    def _handed_out(self) -> PipeStream:
        """Put another instance in the place of the connected one, and check who connected."""
        connected = self._next
        try:
            self._next = self._further_instance()
        except CallFailed:
            # The name stays: this instance waits for another client, and the one it had learns that it was dropped.
            self._api.disconnect(connected)
            raise
        try:
            return PipeStream(self._api, connected, self._peer_of(connected))
        except (CallFailed, TransportError):
            self._api.close(connected)
            raise

    def _peer_of(self, handle: int) -> Peer:
        """Who connected. A second look, which can only refuse: who gets in is decided by the access list.

        The client's token would tell more, but Windows lets a server see it only after the first byte was read. The
        number of a process can be used again, so for a client that has ended this may look at another one.
        """
        try:
            process = self._api.client_process(handle)
            peer = Peer(self._api.user_of(process), process)
        except CallFailed as error:
            raise EndpointRefused(f"cannot learn who the peer is: {error}") from error
        if peer.user != self._identity.user:
            raise EndpointRefused(f"the peer runs as {peer.user}, not as we")
        return peer


def connect_pipe(address: PipeAddress, api: PipeApi, clock: Clock, limits: DialLimits) -> PipeStream:
    """Connect to a pipe that is owned by this user.

    Args:
        address: Where.
        api: Calls of Windows.
        clock: The clock of the deadline.
        limits: When to give up.

    Raises:
        EndpointRefused: The name or the pipe's owner is not acceptable, or the pipe is not for us. Nothing was sent.
        ConnectTimeout: The deadline has passed and all instances were busy.
        TransportError: There is no such pipe.
    """
    check_name(address.path)
    opened: list[int] = []

    def connected() -> bool:
        handle = _opened(address.path, api)
        if handle is None:
            return False
        opened.append(handle)
        return True

    until_connected(connected, limits.cancelled.wait, address.path, clock, limits)
    (handle,) = opened
    try:
        return PipeStream(api, handle, _server_of(address.path, handle, api))
    except CallFailed as error:
        api.close(handle)
        raise TransportError(f"connecting to {address.path} failed: {error}", "internal") from error
    except TransportError:
        api.close(handle)
        raise


def _opened(path: str, api: PipeApi) -> int | None:
    """Open a pipe; None while all of its instances are busy."""
    try:
        return api.open_pipe(path, CLIENT_RIGHTS, SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION)
    except CallFailed as error:
        if error.code == ERROR_PIPE_BUSY:
            return None
        if error.code == ERROR_ACCESS_DENIED:
            raise EndpointRefused(f"the pipe {path} is not for us") from error
        text = "there is none" if error.code == ERROR_FILE_NOT_FOUND else str(error)
        raise TransportError(f"cannot connect to {path}: {text}", "peer-closed") from error


def _server_of(path: str, handle: int, api: PipeApi) -> Peer:
    """Who made the pipe; refuse another user's."""
    try:
        owner, user = api.owner(handle), api.identity().user
        process = api.server_process(handle)
    except CallFailed as error:
        raise EndpointRefused(f"cannot learn who made the pipe {path}: {error}") from error
    if owner != user:
        raise EndpointRefused(f"the pipe {path} belongs to {owner}, not to us")
    return Peer(owner, process)
