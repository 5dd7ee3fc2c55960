"""What the reference must never do: each kind has a class of its own, so that findings are told apart."""


class Violation(Exception):
    """A promise of docs/sipc1.md that was broken."""


class SegmentationMatters(Violation):
    """The same bytes in other pieces gave something else (section 1, rule 5)."""


class FaultAccepted(Violation):
    """A record under a wrong key, with a wrong number, or from another place did not end the session (sections 9 and 11)."""


class FaultEndedSession(Violation):
    """A record that profile D drops did more than that (section 20)."""


class DeliveredAfterFault(Violation):
    """Something was delivered although the stream was not authentic any more (section 12)."""


class FragmentTaken(Violation):
    """A fragment that is empty or out of place was taken, or the last one did not end its message."""


class DeliveredTwice(Violation):
    """A record or a message was taken a second time."""


class EventsAfterEnd(Violation):
    """The last event was not the last, or came twice."""


class OutOfOrder(Violation):
    """Messages were delivered in another order than they were numbered in (section 13)."""


class Unsettled(Violation):
    """A request had no outcome, or more than one (section 14)."""


class TimerAfterEnd(Violation):
    """A session that has ended still waits for a time."""


class BrokenOutput(Violation):
    """What it sent is not of docs/sipc1.md."""


class SpokeAfterSilence(Violation):
    """It sent something although it had ended in silence."""


class NotAuthenticated(Violation):
    """A handshake was finished although the proof was not that of an acceptable peer."""


class InternalFailure(Violation):
    """Something went wrong on this side: an exception nobody expected was turned into a refusal."""


class ForgedAccepted(Violation):
    """A message whose protected bytes were changed was accepted."""


class WrongAnswer(Violation):
    """The driver did not answer a line as its protocol says."""
