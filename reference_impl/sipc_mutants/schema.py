"""Defects in what parsers accept: other spellings of a value, and fields that are not what they have to be."""

from sipc_mutants.model import Mutant, Patch

_LONGER = '        if argument < 24:\n            raise MalformedError("CBOR head is longer than needed")\n'
_UINT = "    return lambda value: type(value) is int and low <= value <= high\n"
_NUMBER = "    if type(value) is not int or not low <= value <= high:\n"
_FROM_STRING = "    value = int.from_bytes(value) if type(value) is bytes else value\n"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        id="SCH-01.m1",
        defect="lenient integer decode",
        patches=(Patch(module="sipc.cbor", old=_LONGER, new=""),),
    ),
    Mutant(
        id="SCH-01.m2",
        defect="last duplicate wins",
        patches=(
            Patch(
                module="sipc.cbor", old="        if key <= previous:\n", new="        if key < previous:\n"
            ),
            Patch(
                module="sipc.cbor",
                old="        if encoded <= previous:\n",
                new="        if encoded < previous:\n",
            ),
        ),
    ),
    Mutant(
        id="SCH-01.m3",
        defect="trailing bytes ignored",
        patches=(
            Patch(module="sipc.cbor", old="    if end != len(data):\n", new="    if end > len(data):\n"),
        ),
    ),
    Mutant(
        id="SCH-01.m4",
        defect="text beyond ASCII is refused",
        patches=(
            Patch(
                module="sipc.cbor",
                old="        return raw.decode(), end\n",
                new='        return raw.decode("ascii"), end\n',
            ),
        ),
    ),
    Mutant(
        id="SCH-05.m1",
        defect="bool accepted as int",
        patches=(
            Patch(
                module="sipc.envelope",
                old=_UINT,
                new=_UINT.replace("type(value) is int", "isinstance(value, int)"),
            ),
        ),
    ),
    Mutant(
        id="SCH-05.m2",
        defect="int from string",
        patches=(Patch(module="sipc.control", old=_NUMBER, new=_FROM_STRING + _NUMBER),),
    ),
    Mutant(
        id="SCH-05.m3",
        defect="a text as long as is allowed is refused",
        patches=(
            Patch(
                module="sipc.envelope",
                old="low <= _size(value) <= high",
                new="low <= _size(value) < high",
            ),
        ),
    ),
)
