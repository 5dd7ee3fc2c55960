"""The numbers of the envelope and their names."""

from enum import IntEnum


class Kind(IntEnum):
    """What a message is."""

    REQUEST = 0
    RESPONSE = 1
    EVENT = 2
    CANCEL = 3


class Field(IntEnum):
    """The keys of the map."""

    VER = 0
    KIND = 1
    MID = 2
    CORR = 3
    METHOD = 4
    SCHEMA = 5
    IDEM = 6
    BUDGET = 7
    LABEL = 8
    PURPOSE = 9
    CAP = 10
    PROV = 11
    OKEY = 12
    TRACE = 13
    BODY = 14
    STATUS = 15
    ERR = 16
    CRIT = 17
    FROM = 18
    TO = 19
    SIG = 20
    ONCE = 21


class Status(IntEnum):
    """Error codes of responses and of ERROR records; 0 is success."""

    OK = 0
    PROTOCOL = 1
    TOO_LARGE = 2
    BUSY = 3
    DENIED = 4
    SCHEMA = 5
    SCHEMA_UNSUPPORTED = 6
    DEADLINE_EXCEEDED = 7
    CANCELLED = 8
    IDEM_REQUIRED = 9
    IDEM_MISMATCH = 10
    IN_PROGRESS = 11
    OUTCOME_UNKNOWN = 12
    UNAVAILABLE = 13
    INTERNAL = 14


class Label(IntEnum):
    """How confidential a message is. A missing label is the strictest."""

    PUBLIC = 0
    INTERNAL = 1
    CONFIDENTIAL = 2
    RESTRICTED = 3
