"""Methods on every connection of a server, or of a client that is called back."""

from collections.abc import Callable, Mapping

from sipc.envelope import Envelope, Status
from sipc.errors import AuthenticationError
from sipc.events import (
    Closed,
    Established,
    Event,
    MessageReceived,
    MessageRefused,
    RequestEnded,
    RequestReceived,
)
from sipc.exchange import Answer
from sipc_runtime.endpoint import Endpoint
from sipc_runtime.service import Desk, Method, Surroundings


def _ignore(_endpoint: Endpoint, _event: Event) -> None:
    """What a program does that only serves methods."""


class Host:
    """Serves requests and passes every other event on; its two methods fit `Handlers` and `Application`.

    Args:
        methods: Every method there is, by name.
        around: What they need.
        on_event: What else is to be done with events.
    """

    def __init__(
        self,
        methods: Mapping[str, Method],
        around: Surroundings,
        on_event: Callable[[Endpoint, Event], None] = _ignore,
    ) -> None:
        self._methods = methods
        self._around = around
        self._pass_on = on_event
        self._desks: dict[Endpoint, Desk] = {}

    def on_event(self, endpoint: Endpoint, event: Event) -> None:
        """See `Handlers.on_event`."""
        if isinstance(event, (RequestReceived, MessageReceived)) and event.envelope.is_signed:
            refusal = self._refusal(endpoint, event.envelope)
            if refusal is not None:
                # The program first: who has the answer may go by what is known here.
                self._pass_on(endpoint, refusal)
                if isinstance(event, RequestReceived):
                    endpoint.respond(event.mid, Answer(Status.DENIED))
                return
        if isinstance(event, RequestReceived):
            self._desks[endpoint].on_request(endpoint, event)
            return
        if isinstance(event, Established):
            self._desks[endpoint] = Desk(event, self._methods, self._around)
        elif isinstance(event, Closed):
            desk = self._desks.pop(endpoint, None)
            if desk is not None:
                desk.end()
        self._pass_on(endpoint, event)

    def on_request_ended(self, endpoint: Endpoint, event: RequestEnded) -> None:
        """See `Handlers.on_request_ended`."""
        desk = self._desks.get(endpoint)
        if desk is not None:
            desk.on_request_ended(event)

    def _refusal(self, endpoint: Endpoint, envelope: Envelope) -> MessageRefused | None:
        """Why a signed message is not acted upon; None if it is."""
        verifies = self._around.verifies
        if verifies is None:
            return MessageRefused(
                envelope.mid, Status.DENIED, "signatures are not verified here", "unauthorized"
            )
        try:
            verifies(self._desks[endpoint].peer, envelope)
        except AuthenticationError as error:
            if error.reason == "replay":
                self._around.metrics.count("replayed")
            return MessageRefused(envelope.mid, Status.DENIED, str(error), error.reason)
        return None
