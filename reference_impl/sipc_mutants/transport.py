"""Defects in where endpoints are, who gets in, and what leaks out: XPT-01 to 07 and 11 to 13.

What reads and what listens is another module for pipes than for sockets; a defect that both can have is built into both.
"""

from dataclasses import replace

from sipc_mutants import transport_pipes
from sipc_mutants.model import Mutant, Patch

UNIX, TCP, SOCKETS, PEERCRED = (
    "sipc_runtime.unix",
    "sipc_runtime.tcp",
    "sipc_runtime.sockets",
    "sipc_runtime.peercred",
)

_NAME = (
    '    if "/" in name or name in {"", ".", ".."}:\n'
    '        raise EndpointRefused(f"{name!r} is not the name of a file")\n'
)
_PATH = "    path = Path(directory) / name\n"
_STALE = "    if not os.path.lexists(path):\n        return\n"
_OPEN = "    if stat.S_IMODE(found.st_mode) & 0o077:\n"
_OWNER = (
    "    if found.st_uid != os.geteuid():\n"
    '        raise EndpointRefused(f"the directory {directory} belongs to uid {found.st_uid}, not to us")\n'
)
_FILE_OWNER = (
    "    if found.st_uid != os.geteuid():\n"
    '        raise EndpointRefused(f"the socket {path} belongs to uid {found.st_uid}, not to us")\n'
)
_CHECKED = "        return SocketStream(connecting, require_own_user(connecting))\n"
_OTHER_USER = "    if peer.user != _own_user():\n"
_PAIR = "        self._wakened, self._waker = socket.socketpair()\n"
_ACCEPTED = "                connected, _ = self._socket.accept()\n"
_READ = (
    "                while not (self._hung_up or _readable(self._socket, seconds=_LOOK_AGAIN_S)):\n"
    "                    continue\n"
    "            return self._socket.recv(limit)\n"
)
_CONNECTING = "    connecting = socket.socket(_family(address.host), socket.SOCK_STREAM)\n"
_TCP_STREAM = "        return SocketStream(connecting)\n"
_FAMILIES = '_FAMILIES = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6}\n'


def _reads(*lines: str) -> tuple[Patch, ...]:
    """What a stream does with the bytes that it has read, before it hands them on."""
    body = "".join(f"            {line}\n" for line in lines)
    return (
        Patch(
            SOCKETS,
            _READ,
            _READ.replace(
                "return self._socket.recv(limit)\n",
                f"data = self._socket.recv(limit)\n{body}            return data\n",
            ),
        ),
        transport_pipes.reads(*lines),
    )


PLACES: tuple[Mutant, ...] = (
    Mutant("XPT-01.m1", "umask restored late", (Patch(UNIX, "            path.chmod(0o600)\n", ""),)),
    Mutant(
        "XPT-01.m2", "socket in /tmp", (Patch(UNIX, _PATH, "    path = Path(directory).parent / name\n"),)
    ),
    Mutant(
        "XPT-01.m3",
        "a directory that its group can use is accepted",
        (Patch(UNIX, _OPEN, _OPEN.replace("0o077", "0o007")),),
    ),
    Mutant(
        "XPT-01.m4",
        "a directory that others can only enter is accepted",
        (Patch(UNIX, _OPEN, _OPEN.replace("0o077", "0o076")),),
    ),
    Mutant("XPT-01.m5", "whose directory it is does not matter", (Patch(UNIX, _OWNER, ""),)),
    Mutant(
        "XPT-01.m6",
        "a link to a directory is followed",
        (
            Patch(
                UNIX, "        found = Path(directory).lstat()\n", "        found = Path(directory).stat()\n"
            ),
        ),
    ),
    Mutant(
        "XPT-02.m1",
        "unlink() unconditionally",
        (Patch(UNIX, _STALE, _STALE + "    if not path.is_dir():\n        path.unlink()\n        return\n"),),
    ),
    Mutant(
        "XPT-02.m2",
        "truncates long path silently",
        (Patch(UNIX, _PATH, "    path = Path((directory + '/' + name)[:MAX_PATH_BYTES])\n"),),
    ),
    Mutant(
        "XPT-02.m3",
        "a link to a socket is followed",
        (Patch(UNIX, "        found = os.lstat(path)\n", "        found = os.stat(path)\n"),),
    ),
    Mutant(
        "XPT-02.m4",
        "a socket is replaced while somebody listens",
        (
            Patch(
                UNIX, "    if code != errno.ECONNREFUSED:\n", "    if code not in (0, errno.ECONNREFUSED):\n"
            ),
        ),
    ),
    Mutant("XPT-02.m5", "somebody else's dead socket is replaced", (Patch(UNIX, _FILE_OWNER, ""),)),
    Mutant("XPT-02.m6", "a name may lead out of the directory", (Patch(UNIX, _NAME, ""),)),
    Mutant(
        "XPT-02.m7",
        "its own dead socket is in the way for ever",
        (Patch(UNIX, "    path.unlink()\n\n", '    raise TransportError("in use", "limit")\n\n'),),
    ),
)

PEERS: tuple[Mutant, ...] = (
    Mutant(
        "XPT-03.m1",
        "parses remote address string",
        (
            Patch(
                PEERCRED,
                _OTHER_USER,
                '    if peer.user != _own_user() and f"uid={_own_user()};" not in str(connected.getpeername()):\n',
            ),
        ),
    ),
    Mutant(
        "XPT-03.m2",
        "credentials of the listener instead of the peer",
        (
            Patch(
                PEERCRED,
                "    peer = peer_of(connected)\n",
                "    peer = Peer(str(os.geteuid()), os.getpid())\n",
            ),
        ),
    ),
    Mutant(
        "XPT-03.m3",
        "other users are told something before they are closed",
        (
            Patch(
                PEERCRED,
                _OTHER_USER,
                _OTHER_USER + '        connected.send(b"not for you")\n',
            ),
        ),
    ),
    Mutant(
        "XPT-04.m1",
        "/proc/<pid>/exe allow-list",
        (
            Patch(
                PEERCRED,
                _OTHER_USER,
                "    ours = os.readlink('/proc/self/exe')\n"
                "    if peer.user != _own_user() and os.readlink(f'/proc/{peer.process}/exe') != ours:\n",
            ),
        ),
    ),
    Mutant(
        "XPT-04.m2",
        "pid cache",
        (
            Patch(PEERCRED, _OTHER_USER, "    if peer.user != _own_user() and peer.process not in _KNOWN:\n"),
            Patch(
                PEERCRED,
                "    return peer\n\n\ndef _own_user",
                "    _KNOWN.add(peer.process)\n    return peer\n\n\n_KNOWN: set[int | None] = set()\n\n\ndef _own_user",
            ),
        ),
    ),
    Mutant(
        "XPT-05.m1",
        "verifies after sending the token",
        (
            Patch(
                UNIX,
                _CHECKED,
                "        try:\n"
                "            peer = require_own_user(connecting)\n"
                "        except EndpointRefused:\n"
                "            connecting.send(b'token')\n"
                "            raise\n"
                "        return SocketStream(connecting, peer)\n",
            ),
            transport_pipes.TOLD_BEFORE_CHECKED,
        ),
    ),
    Mutant(
        "XPT-05.m3",
        "the owner of the socket's file is all that counts",
        (Patch(UNIX, _CHECKED, "        return SocketStream(connecting)\n"),),
    ),
    Mutant(
        "XPT-06.m1",
        "leading NUL from empty path",
        (
            Patch(
                UNIX,
                _NAME,
                '    if name.startswith("\\0"):\n'
                "        hidden = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)\n"
                '        hidden.bind(f"{name}-{directory}"[:MAX_PATH_BYTES])\n'
                "        return SocketListener(hidden, UnixAddress(name), require_own_user, lambda: None)\n"
                + _NAME,
            ),
        ),
    ),
    Mutant(
        "XPT-06.m2",
        "helper/forkserver channel in abstract namespace",
        (
            Patch(
                SOCKETS,
                _PAIR,
                _PAIR + "        _HELPERS.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))\n"
                '        _HELPERS[-1].bind(f"\\0helper-{os.getpid()}-{len(_HELPERS)}")\n'
                "        _HELPERS[-1].listen(1)\n",
            ),
            Patch(
                SOCKETS,
                "class SocketListener:\n",
                "_HELPERS: list[socket.socket] = []\n\n\nclass SocketListener:\n",
            ),
        ),
    ),
    Mutant(
        "XPT-06.m3",
        "a port for debugging listens, too",
        (
            Patch(
                SOCKETS,
                _PAIR,
                _PAIR + "        _HELPERS.append(socket.create_server(('127.0.0.1', 0)))\n",
            ),
            Patch(
                SOCKETS,
                "class SocketListener:\n",
                "_HELPERS: list[socket.socket] = []\n\n\nclass SocketListener:\n",
            ),
            *transport_pipes.DEBUGGED,
        ),
        "native",
    ),
    Mutant(
        "XPT-07.m1",
        "subprocess with close_fds=False",
        (
            Patch(SOCKETS, _ACCEPTED, _ACCEPTED + "                connected.set_inheritable(True)\n"),
            transport_pipes.INHERITED,
        ),
    ),
    Mutant(
        "XPT-07.m2",
        "fds kept until GC",
        (
            Patch(
                SOCKETS,
                _READ,
                _READ.replace(
                    "return self._socket.recv(limit)\n",
                    "if self._socket.family != socket.AF_UNIX:\n"
                    "                return self._socket.recv(limit)\n"
                    "            data, given, _, _ = self._socket.recvmsg(limit, socket.CMSG_SPACE(4 * 253))\n"
                    "            _GIVEN.append(given)\n"
                    "            return data\n",
                ),
            ),
            Patch(SOCKETS, "class SocketStream:\n", "_GIVEN: list[object] = []\n\n\nclass SocketStream:\n"),
        ),
    ),
)

WIRES: tuple[Mutant, ...] = (
    Mutant(
        "XPT-11.m1",
        "'' = all",
        (
            Patch(
                TCP,
                "        listening.bind((address.host, address.port))\n",
                "        listening.bind(('', address.port))\n",
            ),
        ),
    ),
    Mutant(
        "XPT-11.m2",
        "::ffff:0:0/96 accepted",
        (
            Patch(TCP, _FAMILIES, _FAMILIES.replace("}", ', "::ffff:127.0.0.1": socket.AF_INET6}')),
            # On Windows sockets of IPv6 are for nothing else unless they are told.
            Patch(
                TCP,
                _CONNECTING,
                _CONNECTING
                + "    if connecting.family == socket.AF_INET6:\n"
                + "        connecting.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)\n",
            ),
        ),
    ),
    Mutant(
        "XPT-11.m3",
        "SO_REUSEADDR hijack on Windows (no SO_EXCLUSIVEADDRUSE)",
        (
            Patch(
                TCP,
                "socket.SO_EXCLUSIVEADDRUSE, 1)\n",
                "socket.SO_EXCLUSIVEADDRUSE, 0)\n",
            ),
        ),
        "windows",
    ),
    Mutant(
        "XPT-11.m4",
        "names are resolved",
        (Patch(TCP, _FAMILIES, _FAMILIES.replace("}", ', "localhost": socket.AF_INET}')),),
    ),
    Mutant(
        "XPT-11.m5",
        "every spelling that the system takes for loopback is accepted",
        (
            Patch(
                TCP,
                "    family = _FAMILIES.get(host)\n",
                "    family = _FAMILIES.get(host, socket.AF_INET)\n",
            ),
        ),
    ),
    Mutant(
        "XPT-12.m1",
        "waits for more data until handshake timeout with echo",
        _reads("if data and data[:1] > b'\\x02':", "    self.write_some(data)"),
    ),
    Mutant(
        "XPT-12.m2",
        "HTTP compatible debug endpoint on same port",
        _reads("if data[:5] in (b'GET /', b'POST '):", "    self.write_some(b'HTTP/1.1 200 OK\\r\\n\\r\\n')"),
    ),
    Mutant(
        "XPT-12.m3",
        "tells whoever asks what it is",
        _reads(
            "if data and data[:1] > b'\\x02':",
            "    self.write_some(b'this is sipc_runtime of the reference implementation; see docs/sipc1.md for how to talk to it')",
        ),
    ),
    Mutant(
        "XPT-13.m1",
        "message-mode pipe truncates large messages",
        (
            Patch(TCP, _TCP_STREAM, "        return _Short(connecting)\n"),
            Patch(
                TCP,
                "def _nothing_to_remove() -> None:\n",
                "class _Short(SocketStream):\n"
                "    def write_some(self, data):\n"
                "        super().write_some(data[: 1 << 15])\n"
                "        return len(data)\n"
                "\n\n"
                "def _nothing_to_remove() -> None:\n",
            ),
        ),
    ),
    Mutant(
        "XPT-13.m2",
        "different EOF semantics",
        (
            Patch(TCP, _TCP_STREAM, "        return _Abrupt(connecting)\n"),
            Patch(
                TCP,
                "def _nothing_to_remove() -> None:\n",
                "class _Abrupt(SocketStream):\n"
                "    def read(self, limit):\n"
                "        import time\n"
                "\n"
                "        data = super().read(limit)\n"
                "        while not data and not self._hung_up:\n"
                "            time.sleep(0.01)\n"
                "        return data\n"
                "\n\n"
                "def _nothing_to_remove() -> None:\n",
            ),
        ),
    ),
)

_EVERYWHERE = ("XPT-05.m1", "XPT-06.m3", "XPT-07.m1")


def _of_unix(mutants: tuple[Mutant, ...]) -> tuple[Mutant, ...]:
    """These mutants, of which most are seen at Unix sockets only."""
    return tuple(one if one.id in _EVERYWHERE else replace(one, system="unix") for one in mutants)


MUTANTS: tuple[Mutant, ...] = (*_of_unix(PLACES), *_of_unix(PEERS), *transport_pipes.MUTANTS, *WIRES)
