"""Errors of the harness, split by whose fault they are.

`UsageError` is the user's, `HarnessError` ours or the machine's, `DriverError` the driver's. The three outcome
exceptions at the end are not errors: a case raises them to say how it ended.
"""


class GauntletError(Exception):
    """Base of every error this package raises on purpose."""


class UsageError(GauntletError):
    """The command line or the API was used wrongly (exit status 2)."""


class HarnessError(GauntletError):
    """The harness could not do its work (exit status 3)."""


class DriverError(GauntletError):
    """A driver could not do its work; the message names the driver.

    Args:
        driver: The driver's label and command, as a person would recognise it.
        message: What happened and what to do about it.
    """

    def __init__(self, driver: str, message: str) -> None:
        super().__init__(f"driver {driver}: {message}")
        self.driver = driver
        self.detail = message


class DriverStartError(DriverError):
    """The driver did not start, or did not answer `describe` with a usable statement."""


class DriverProtocolError(DriverError):
    """The driver printed something that is not the driver protocol."""


class DriverFlood(DriverProtocolError):
    """The driver printed more than the harness is willing to hold."""


class DriverTimeout(DriverError):
    """The driver did not answer in time."""


class DriverDied(DriverError):
    """The driver's process ended, or closed its output, when it was still needed."""


class CallFailed(GauntletError):
    """The driver answered that the operation failed (JSON-RPC code -32000).

    Args:
        reason: Reason class given by the driver, `unspecified` if it gave none.
        message: The driver's text.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.detail = message


class Unsupported(GauntletError):
    """The driver answered that it does not have a method, feature or option (-32601 or -32001)."""


class CaseOutcome(GauntletError):
    """Base of the exceptions with which a case ends other than by returning."""


class RequirementViolated(CaseOutcome):
    """The implementation under test broke the requirement.

    Args:
        expected: What the requirement demands of this case.
        seen: What was observed instead.
        reason: Short machine-readable class, such as `delivered-twice`.
    """

    def __init__(self, expected: str, seen: str, reason: str = "violated") -> None:
        super().__init__(f"expected {expected}; saw {seen}")
        self.expected = expected
        self.seen = seen
        self.reason = reason


class Inconclusive(CaseOutcome):
    """The case could not tell: the fault never fired, or the stage was not reached."""


class TooNoisy(Inconclusive):
    """This machine is too noisy at the moment for what was measured; alone it may go better."""


class NotApplicable(CaseOutcome):
    """The case lies outside what the implementation declares."""


class NotVerifiable(NotApplicable):
    """This machine cannot show whether the requirement holds, which says nothing about the implementation."""
