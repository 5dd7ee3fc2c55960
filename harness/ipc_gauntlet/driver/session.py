"""One life of a driver's process: its pipes, its limits, and its end.

Rule of this file: the first thing that goes wrong is the failure; it kills the process tree at once, and nothing that
the process printed after it counts.
"""

import errno
import sys
from collections.abc import Callable

import msgspec

from ipc_gauntlet.driver.codec import CodecError, LineBuffer, LineTooLong, Message, decode_message, quote
from ipc_gauntlet.driver.command import DriverCommand
from ipc_gauntlet.driver.explain import describe_exit, examine_hint, explain
from ipc_gauntlet.driver.limits import SupervisionLimits
from ipc_gauntlet.driver.process import DriverProcess, Launch, spawn
from ipc_gauntlet.errors import DriverDied, DriverError, DriverFlood, DriverProtocolError, DriverStartError
from ipc_gauntlet.reactor import Reactor

_READ_SIZE = 65536

# The end of the output is seen a moment before the exit status is there. Waiting this long for a process that did not
# end at all happens once per failure, not per case.
_EXIT_SECONDS = 0.25

MessageHandler = Callable[[Message, float], None]
FailureHandler = Callable[[DriverError], None]


class Session:
    """A running driver, up to its first failure.

    Args:
        command: What to start.
        reactor: Where its pipes are watched.
        driver: How the driver is called in messages.
        limits: Bounds on its output and its input.
        handlers: The first is called with every message and the reactor time at which it was read, the second with
            the failure, once, after the process tree is gone.

    Attributes:
        failure: The first thing that went wrong, None so far.
        ended: Whether its standard output has ended.

    Raises:
        DriverStartError: When the program cannot be started.
    """

    def __init__(
        self,
        command: DriverCommand,
        reactor: Reactor,
        *,
        driver: str,
        limits: SupervisionLimits,
        handlers: tuple[MessageHandler, FailureHandler],
    ) -> None:
        self.failure: DriverError | None = None
        self.ended = False
        self._driver = driver
        self._command = command
        self._reactor = reactor
        self._limits = limits
        self._on_message, self._on_failure = handlers
        self._lines = LineBuffer(limits.line_bytes)
        self._output_left = limits.output_bytes
        self._notifications_left = limits.notifications
        self._unwritten = bytearray()
        self._stderr = bytearray()
        self._leaving = False
        self._exit_status: int | None = None
        self._process: DriverProcess | None = self._spawn()

    @property
    def running(self) -> bool:
        """Whether the process can still be talked to."""
        return not self.ended and self._process is not None and self._process.exit_status() is None

    @property
    def pid(self) -> int | None:
        """The process id, None after the end."""
        return None if self._process is None else self._process.pid

    @property
    def others(self) -> list[int]:
        """The living processes that the program started."""
        return [] if self._process is None else self._process.others()

    @property
    def exit_status(self) -> int | None:
        """The exit status, minus a signal's number, None while the program runs."""
        return self._exit_status if self._process is None else self._process.exit_status()

    @property
    def stderr_tail(self) -> str:
        """The end of its standard error."""
        return self._stderr[-self._limits.stderr_bytes :].decode("utf-8", "replace")

    @property
    def unread(self) -> int:
        """How many bytes of requests it has not read yet, without those in the operating system's pipe."""
        return len(self._unwritten)

    def renew_budget(self) -> None:
        """Begin a new case: what was printed so far does not count any more."""
        self._output_left = self._limits.output_bytes
        self._notifications_left = self._limits.notifications

    def write(self, data: bytes) -> None:
        """Send bytes to its standard input as it takes them; never blocks, and says nothing when it is gone."""
        if self._process is None or self._process.stdin.closed:
            return
        if self._unwritten:
            self._unwritten += data
        else:
            self._unwritten += data[self._write_now(data) :]
            if self._unwritten:
                self._reactor.add_writer(self._process.stdin, self._flush)
        if len(self._unwritten) > self._limits.unread_bytes:
            self.fail(
                DriverProtocolError,
                f"it does not read its standard input: {len(self._unwritten)} bytes of requests wait",
                "let the driver read requests while it works on others",
            )

    def close_stdin(self) -> None:
        """End its standard input, which asks it to leave."""
        self._leaving = True
        self._close_stdin()

    def expect_exit(self) -> None:
        """Do not call its end a failure from now on."""
        self._leaving = True

    def fail(self, kind: type[DriverError], what: str, hint: str | None = None) -> None:
        """Give the process up: kill it and remember why; only the first failure counts.

        Args:
            kind: The class of the failure.
            what: What happened.
            hint: What to do about it; examining the driver when None.
        """
        if self.failure is None:
            self._read_stderr_to_the_end()
            hint = examine_hint(self._command) if hint is None else hint
            self.failure = kind(self._driver, explain(what, hint, self.stderr_tail))
            self.stop()
            self._on_failure(self.failure)

    def stop(self) -> None:
        """Kill the process tree and free the pipes; idempotent."""
        process, self._process = self._process, None
        if process is not None:
            self.ended = True
            self._unwritten.clear()
            for pipe in (process.stdout, process.stderr):
                self._reactor.remove_reader(pipe)
            self._reactor.remove_writer(process.stdin)
            try:
                process.kill()
            finally:
                self._exit_status = process.exit_status()

    def _spawn(self) -> DriverProcess:
        command = self._command
        program = command.locate(self._driver)
        try:
            process = spawn(
                Launch(program, (program, *command.argv[1:]), command.cwd, command.environment({}))
            )
        except OSError as error:
            raise DriverStartError(self._driver, _explain_start(program, error)) from error
        self._reactor.add_reader(process.stdout, self._read_stdout)
        self._reactor.add_reader(process.stderr, self._read_stderr)
        return process

    def _read_stdout(self) -> None:
        if self._process is None:
            return
        try:
            data = self._process.stdout.read(_READ_SIZE)
        except BlockingIOError:
            return
        if not data:
            self._stdout_ended()
            return
        if not self._spend(len(data)):
            return
        try:
            lines = self._lines.feed(data)
        except LineTooLong as error:
            self.fail(
                DriverFlood,
                f"it printed {error}",
                "keep every message below the limit of the driver protocol",
            )
            return
        arrived = self._reactor.now()
        for line in lines:
            try:
                message = decode_message(line)
            except CodecError as error:
                self.fail(
                    DriverProtocolError,
                    f"it printed {error}",
                    "print only the driver protocol on standard output, and everything else on standard error",
                )
                return
            if message.method is not msgspec.UNSET:
                self._notifications_left -= 1
                if self._notifications_left < 0:
                    self.fail(
                        DriverFlood,
                        f"it sent more than {self._limits.notifications} notifications in one case",
                    )
                    return
            self._on_message(message, arrived)
            if self.failure is not None or self.ended:  # the handler gave it up
                return

    def _spend(self, size: int) -> bool:
        self._output_left -= size
        if self._output_left < 0:
            self.fail(DriverFlood, f"it printed more than {self._limits.output_bytes} bytes in one case")
        return self._output_left >= 0

    def _stdout_ended(self) -> None:
        process = self._process
        if process is None:
            return
        self.ended = True
        self._reactor.remove_reader(process.stdout)
        if self._leaving:
            return
        what = f"it {describe_exit(process.wait(_EXIT_SECONDS))}"
        if self._lines.partial:
            what += f", after half a line: {quote(self._lines.partial)}"
        self.fail(DriverDied, what)

    def _read_stderr(self) -> None:
        if self._process is None:
            return
        try:
            data = self._process.stderr.read(_READ_SIZE)
        except BlockingIOError:
            return
        if not data:
            self._reactor.remove_reader(self._process.stderr)
            return
        self._keep_stderr(data)
        self._spend(len(data))

    def _read_stderr_to_the_end(self) -> None:
        """Take what is in the pipe: often it explains the failure that is about to be reported."""
        if self._process is None:
            return
        for _ in range(self._limits.stderr_bytes // _READ_SIZE + 2):
            try:
                data = self._process.stderr.read(_READ_SIZE)
            except BlockingIOError:
                return
            if not data:
                return
            self._keep_stderr(data)

    def _keep_stderr(self, data: bytes) -> None:
        self._stderr += data
        if len(self._stderr) > 2 * self._limits.stderr_bytes:
            del self._stderr[: -self._limits.stderr_bytes]

    def _write_now(self, data: bytes | bytearray) -> int:
        """Write what the pipe takes and return how much that was."""
        if self._process is None:
            return 0
        try:
            return self._process.stdin.write(data)
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            self._stdin_broke()
            return len(data)

    def _flush(self) -> None:
        del self._unwritten[: self._write_now(self._unwritten)]
        if not self._unwritten and self._process is not None:
            self._reactor.remove_writer(self._process.stdin)

    def _stdin_broke(self) -> None:
        # What it printed before it closed its input is still to be read, and its end, if this is it, says more.
        self._close_stdin()
        if not self._leaving:
            self._reactor.call_at(self._reactor.now() + _EXIT_SECONDS, self._report_closed_stdin)

    def _report_closed_stdin(self) -> None:
        if self._process is not None and not self._leaving:
            self.fail(DriverDied, "it closed its standard input", "read requests until standard input ends")

    def _close_stdin(self) -> None:
        if self._process is not None:
            self._reactor.remove_writer(self._process.stdin)
            self._process.close_stdin()
            self._unwritten.clear()


def _explain_start(program: str, error: OSError) -> str:
    """Say why the operating system refused a program that is there and executable."""
    why = error.strerror or str(error)
    if sys.platform != "win32" and isinstance(error, FileNotFoundError):
        why = "the interpreter in its first line (#!...) does not exist"
    elif error.errno == errno.ENOEXEC:
        why = "it is neither a binary of this system nor does it begin with #!"
        if sys.platform == "win32":
            why = "it is no program of Windows; put its interpreter in front"
    return f"{program!r} could not be started: {why}"
