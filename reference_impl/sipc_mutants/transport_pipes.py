"""Defects in named pipes: XPT-05 and 08 to 10, and what pipes add to defects that sockets can have, too."""

from sipc_mutants.model import Mutant, Patch

PIPES, STREAM, CALLS = "sipc_runtime.pipes", "sipc_runtime.pipe_stream", "sipc_runtime.windows_calls"

_READ = "        return self._api.read_bytes(self._reading, count)\n"
_FIRST = "        mode = _OPEN_MODE | FILE_FLAG_FIRST_PIPE_INSTANCE\n"
_MADE = "        handle = self._api.create_pipe(PipeShape(self._path, mode, _PIPE_MODE, sddl, PIPE_ROOM))\n"
_ALONE = "            if self._api.instances(handle) != 1:\n"
_NOT_ALONE = "            if False:\n"
_NAME = '    return f"{PREFIX}sipc-{SYSTEM_ENTROPY.random(16).hex()}-{next(_NUMBERS)}"\n'
_CLIENTS = "    rights = _SERVER_RIGHTS if making else CLIENT_RIGHTS\n"
_BACK = "                api.set_dacl(self._next, descriptor(self._identity, making=False))\n"
_DACL = '    dacl = f"D:P(A;;0x{rights:x};;;{who})(A;;RC;;;OW)"\n'
_WHOSE = "    if owner != user:\n"
_FLAGS = "SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION)\n"
_IDENTITY = "                self._identity = api.identity()\n"
_ATTRIBUTES = (
    "            attributes = SecurityAttributes(ctypes.sizeof(SecurityAttributes), descriptor, False)\n"
)

TOLD_BEFORE_CHECKED = Patch(
    PIPES,
    _WHOSE,
    _WHOSE
    + "        telling = api.operation(16)\n"
    + "        api.start_write(handle, telling, b'token')\n"
    + "        api.finish(handle, telling)\n",
)
"""A server of another user gets something before he is refused."""

INHERITED = Patch(CALLS, _ATTRIBUTES, _ATTRIBUTES.replace("False", "True"))
"""Programs that are started get the server's end of a pipe."""

DEBUGGED = (
    Patch(PIPES, "import itertools\n", "import itertools\nimport socket\n"),
    Patch(
        PIPES,
        _IDENTITY,
        _IDENTITY + "                _DEBUG.append(socket.create_server(('127.0.0.1', 0)))\n",
    ),
    Patch(PIPES, "_NUMBERS = itertools.count(1)\n", "_NUMBERS = itertools.count(1)\n_DEBUG = []\n"),
)
"""A port listens beside each pipe."""


def reads(*lines: str) -> Patch:
    """What the stream of a pipe does with the bytes that it has read, before it hands them on."""
    body = "".join(f"        {line}\n" for line in lines)
    return Patch(
        STREAM,
        _READ,
        f"        data = self._api.read_bytes(self._reading, count)\n{body}        return data\n",
    )


def _granted(more: str) -> Patch:
    """Somebody else is on the access list, too."""
    return Patch(PIPES, _DACL, _DACL.replace("(A;;RC;;;OW)", f"(A;;RC;;;OW){more}"))


OWNERS: tuple[Mutant, ...] = (
    Mutant(
        "XPT-05.m4", "whose pipe it is does not matter", (Patch(PIPES, _WHOSE, "    if False:\n"),), "pipes"
    ),
)

NAMES: tuple[Mutant, ...] = (
    Mutant(
        "XPT-08.m1",
        "flag only on re-creation",
        # The number of instances, which is looked at as well, would hide it.
        (Patch(PIPES, _FIRST, "        mode = _OPEN_MODE\n"), Patch(PIPES, _ALONE, _NOT_ALONE)),
        "pipes",
    ),
    Mutant(
        "XPT-08.m2",
        "random-free predictable name plus retry on ERROR_PIPE_BUSY",
        (
            Patch(PIPES, "import itertools\n", "import itertools\nimport os\n"),
            Patch(PIPES, _NAME, '    return f"{PREFIX}sipc-{os.getpid()}-{next(_NUMBERS)}"\n'),
            Patch(
                PIPES,
                _MADE,
                "        try:\n"
                f"    {_MADE}"
                "        except CallFailed:\n"
                f"    {_MADE.replace('mode,', '_OPEN_MODE,', 1)}",
            ),
            Patch(PIPES, _ALONE, _NOT_ALONE),
        ),
        "pipes",
    ),
    Mutant(
        "XPT-08.m3",
        "clients have the right to make instances",
        (Patch(PIPES, _CLIENTS, _CLIENTS.replace("CLIENT_RIGHTS", "READ_AND_WRITE")),),
        "pipes",
    ),
    Mutant(
        "XPT-08.m4",
        "the right to make instances, granted for a moment, is never taken back",
        (Patch(PIPES, _BACK, "                pass\n"),),
        "pipes",
    ),
)

ACCESS: tuple[Mutant, ...] = (
    Mutant(
        "XPT-09.m1",
        "lpSecurityAttributes NULL",
        (
            Patch(CALLS, "ctypes.byref(attributes)),\n", "None),\n"),
            # Who does not know of access lists does not change them, nor look who owns a pipe.
            Patch(CALLS, "        self._security.set_dacl(handle, sddl)\n", "        pass\n"),
            Patch(PIPES, _WHOSE, "    if False:\n"),
        ),
        "pipes",
    ),
    Mutant(
        "XPT-09.m2",
        "PIPE_REJECT_REMOTE_CLIENTS reset by a later option (tokio)",
        (
            Patch(PIPES, " | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS\n", " | PIPE_WAIT\n"),
            # A client of the network is in another session; naming the session would hide it.
            Patch(PIPES, "    who = identity.logon or identity.user\n", "    who = identity.user\n"),
        ),
        "windows",
    ),
    Mutant("XPT-09.m3", "everybody may read", (_granted("(A;;0x120089;;;WD)"),), "pipes"),
    Mutant("XPT-09.m4", "whoever has logged on may connect", (_granted("(A;;0x12019b;;;AU)"),), "pipes"),
)

CLIENTS: tuple[Mutant, ...] = (
    Mutant("XPT-10.m1", "plain CreateFile (Python open())", (Patch(PIPES, _FLAGS, "0)\n"),), "windows"),
    Mutant(
        "XPT-10.m3",
        "the level of impersonation is asked for",
        (Patch(PIPES, _FLAGS, "SECURITY_SQOS_PRESENT | 0x20000)\n"),),
        "windows",
    ),
)

MUTANTS: tuple[Mutant, ...] = (*OWNERS, *NAMES, *ACCESS, *CLIENTS)
