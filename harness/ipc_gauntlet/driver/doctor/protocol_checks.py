"""Checks of a driver as a program: what it answers, what it prints, and how it leaves."""

from ipc_gauntlet.driver.codec import encode_request
from ipc_gauntlet.driver.doctor.exam import Exam, Wrong
from ipc_gauntlet.driver.doctor.raw import RawTalk
from ipc_gauntlet.driver.vocabulary import METHOD_NOT_FOUND, UNSUPPORTED
from ipc_gauntlet.errors import CallFailed, DriverError, DriverProtocolError, Unsupported

_MISSPELT = "no_such_thing"
_ODD_INPUTS = (b"", b"\x00", b"\xff" * 64, bytes(range(256)) * 8)

# What is sent, and the id in it if an answer with that id would make sense.
_BAD_REQUESTS: tuple[tuple[str, int | None, str], ...] = (
    ("a line that is not JSON", None, "this is not JSON"),
    ("JSON that is not an object", None, "[1, 2]"),
    ("a request without a method", 101, '{"jsonrpc":"2.0","id":101}'),
    ("a method that is not text", 102, '{"jsonrpc":"2.0","id":102,"method":7,"params":{}}'),
    ("parameters that are not an object", 103, '{"jsonrpc":"2.0","id":103,"method":"send","params":[]}'),
    ("missing parameters", 104, '{"jsonrpc":"2.0","id":104,"method":"send","params":{}}'),
    (
        "a payload that is not base64",
        105,
        '{"jsonrpc":"2.0","id":105,"method":"send","params":{"conn":"c9","payload":"?"}}',
    ),
    (
        "sending on an unknown connection",
        106,
        '{"jsonrpc":"2.0","id":106,"method":"send","params":{"conn":"c9","payload":""}}',
    ),
)


def starts(exam: Exam) -> str:
    """It must start, and answer `describe` in time with a usable statement."""
    before = exam.reactor.now()
    statement = exam.driver.start()
    took = exam.reactor.now() - before
    return f"{statement.name} {statement.version}, profile {statement.profile}, in {took:.2f} s"


def claims_fit_together(exam: Exam) -> str:
    """What the statement claims must not contradict itself."""
    statement = exam.statement
    features = set(statement.features)
    wrong = []
    if statement.profile != "local" and not statement.credentials:
        wrong.append(f"profile {statement.profile} without credentials")
    if statement.profile in ("messaging", "governed") and "request" not in features:
        wrong.append(f"profile {statement.profile} without the feature request")
    if "idempotency" in features and "request" not in features:
        wrong.append("the feature idempotency without request")
    if "durable" in features and "idempotency" not in features:
        wrong.append("the feature durable without idempotency")
    if ("parse" in features) != bool(statement.parsers):
        wrong.append("the feature parse and a list of parsers go together")
    if statement.coverage and not statement.parsers:
        wrong.append("coverage without parsers")
    if "delivered" not in statement.observes and not statement.has_parsers_only:
        wrong.append("without observing `delivered` nothing can be judged")
    if any(one.kind == "x509" and not (one.keys and one.names) for one in statement.credentials):
        wrong.append("x509 credentials need lists of keys and of names")
    if wrong:
        raise Wrong("; ".join(wrong))
    return f"features: {', '.join(statement.features) or 'none'}; observes: {', '.join(statement.observes)}"


def parsers_answer(exam: Exam) -> str:
    """Each parser answers whatever it is given, and an unknown one is refused; coverage that is claimed is told."""
    statement = exam.statement
    if not statement.parsers:
        return "not checked: it has no parsers"
    wanted = {"coverage": statement.coverage} if statement.coverage else {}
    for parser in statement.parsers:
        for data in _ODD_INPUTS:
            answer = exam.driver.call("parse", {"parser": parser, "data": data, **wanted})
            if statement.coverage and not isinstance(answer.get("edges"), list):
                raise Wrong(f"it claims coverage, and its answer of the parser {parser} has no list of edges")
    try:
        exam.driver.call("parse", {"parser": _MISSPELT, "data": b""})
    except Unsupported:
        return f"parsers: {', '.join(statement.parsers)}; coverage: {statement.coverage or 'none'}"
    except CallFailed as error:
        raise Wrong(f"an unknown parser was answered with error -32000 instead of {UNSUPPORTED}") from error
    raise Wrong(f"an unknown parser was not refused; answer error {UNSUPPORTED}")


def refuses_unknown_method(exam: Exam) -> str:
    """An unknown method is answered with -32601."""
    with exam.raw() as talk:
        talk.session.write(encode_request(2, _MISSPELT, {}))
        if not talk.wait_for_answer(2, exam.limits.call_s):
            raise Wrong(f"no answer to an unknown method; answer error {METHOD_NOT_FOUND}")
        code = talk.error_code(2)
    if code != METHOD_NOT_FOUND:
        seen = "a result" if code is None else f"error {code}"
        raise Wrong(f"an unknown method was answered with {seen} instead of error {METHOD_NOT_FOUND}")
    return f"error {METHOD_NOT_FOUND}"


def refuses_unknown_option(exam: Exam) -> str:
    """An unknown option is answered with -32001: ignoring it would test something else than was asked for."""
    params = exam.listen_params(exam.statement.transports[0], exam.credentials()[0], options={_MISSPELT: 1})
    _expect_unsupported(exam, params, "an unknown option of `listen`")
    return f"error {UNSUPPORTED}"


def refuses_unknown_transport(exam: Exam) -> str:
    """A transport that the statement does not name is answered with -32001."""
    _expect_unsupported(exam, exam.listen_params(_MISSPELT, exam.credentials()[0]), "an unknown transport")
    return f"error {UNSUPPORTED}"


def refuses_unknown_credential(exam: Exam) -> str:
    """A credential kind that the statement does not name is answered with -32001."""
    foreign = {"kind": _MISSPELT, "name": "x", "keys": []}
    params = exam.listen_params(
        exam.statement.transports[0], exam.credentials()[0], credential=foreign, trust=foreign
    )
    _expect_unsupported(exam, params, "an unknown credential kind")
    return f"error {UNSUPPORTED}"


def _expect_unsupported(exam: Exam, params: dict[str, object], what: str) -> None:
    exam.driver.reset()
    try:
        exam.driver.call("listen", params)
    except Unsupported:
        return
    except CallFailed as error:
        raise Wrong(f"{what} was answered with error -32000 ({error}) instead of {UNSUPPORTED}") from error
    except DriverProtocolError as error:
        raise Wrong(
            f"{what} was not answered with error {UNSUPPORTED}: {error.detail.splitlines()[0]}"
        ) from error
    raise Wrong(f"{what} was accepted instead of refused with error {UNSUPPORTED}")


def survives_bad_requests(exam: Exam) -> str:
    """After any bad request it still answers the next good one, and never answers a bad one with a result."""
    with exam.raw() as talk:
        for number, (what, bad, line) in enumerate(_BAD_REQUESTS, 201):
            talk.session.write(line.encode() + b"\n" + encode_request(number, "describe", {}))
            try:
                answered = talk.wait_for_answer(number, exam.limits.call_s)
            except DriverError as error:
                raise Wrong(f"after {what}, {error.detail}") from error
            if not answered:
                raise Wrong(f"after {what} it does not answer any more")
            if bad is not None and talk.answers(bad) and talk.error_code(bad) is None:
                raise Wrong(f"{what} was answered with a result instead of an error")
            if len(talk.answers(number)) > 1:
                raise Wrong(f"after {what} one request was answered twice")
    return f"{len(_BAD_REQUESTS)} kinds"


def reads_requests_in_pieces(exam: Exam) -> str:
    """Requests may arrive in one piece or cut anywhere, and each is answered once."""
    numbers = range(2, 7)
    text = b"".join(encode_request(number, "describe", {}) for number in numbers)
    with exam.raw() as talk:
        talk.session.write(text[:-30])
        if not talk.wait_for_answer(5, exam.limits.call_s):
            raise Wrong(
                "requests that arrive together are not all answered; read line by line, and do not wait for more"
            )
        talk.session.write(text[-30:])
        if not talk.wait_for_answer(6, exam.limits.call_s):
            raise Wrong(
                "a request that arrives in two pieces is not answered; collect bytes up to the newline"
            )
        if any(len(talk.answers(number)) != 1 for number in numbers):
            raise Wrong("not every request was answered exactly once")
    return "five requests in two pieces"


def leaves_when_input_ends(exam: Exam) -> str:
    """When standard input ends, it leaves at once, and leaves no process behind."""
    with exam.raw() as talk:
        talk.session.close_stdin()
        return _leaves(exam, talk, "after its standard input ended; leave when a read returns nothing")


def leaves_on_shutdown(exam: Exam) -> str:
    """After `shutdown` it leaves at once, and leaves no process behind."""
    with exam.raw() as talk:
        talk.session.expect_exit()
        talk.session.write(encode_request(2, "shutdown", {}))
        return _leaves(exam, talk, "after `shutdown`; leave once it is answered")


def _leaves(exam: Exam, talk: RawTalk, when: str) -> str:
    seconds = 2 * exam.limits.grace_s
    if not talk.wait_for_exit(seconds):
        raise Wrong(f"it still runs {seconds:g} s {when}")
    others = talk.session.others
    if others:
        raise Wrong(f"it left processes behind: {others}; end what the driver started")
    status = talk.session.exit_status
    if status:
        by = f", which is signal {-status}" if status < 0 else ""
        raise Wrong(
            f"it left with exit status {status}{by}; a driver that is told to leave leaves with status 0"
        )
    return "exit status 0"


def can_be_started_again(exam: Exam) -> str:
    """After it was killed in the middle of its work it can be started again."""
    if exam.statement.has_parsers_only:
        exam.driver.kill()
        exam.driver.start()
        exam.driver.call("parse", {"parser": exam.statement.parsers[0], "data": b""})
        return "killed, then started"
    params = exam.listen_params(exam.statement.transports[0], exam.credentials()[0])
    exam.driver.call("listen", params)
    exam.driver.kill()
    exam.driver.start()
    exam.driver.call("listen", {**params, "directory": exam.directory()})
    return "killed while it listened, then started"
