"""Changes that several defects in protection against replay share."""

from sipc_mutants.model import Patch

#: Messages are numbered inside the records as well: a second line of defence, which would hide the first.
UNNUMBERED = Patch(
    module="sipc.exchange",
    old=(
        "        if envelope.mid != self.received:\n"
        '            raise ProtocolError(f"message {envelope.mid} came where {self.received} was due")\n'
    ),
    new="",
)
