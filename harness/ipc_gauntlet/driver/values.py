"""What messages of the driver protocol are made of: bytes and numbers with bounds, addresses, and the base of all types."""

from typing import Annotated

import msgspec

from ipc_gauntlet.driver.statement import Text

Key32 = Annotated[bytes, msgspec.Meta(description="32 bytes")]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class Base(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What all message types have in common: they are values, and absent members stay absent."""


class UnixAddress(Base, frozen=True, kw_only=True, tag_field="transport", tag="unix"):
    """A unix socket in the directory that `listen` was given."""

    path: Text


class TcpAddress(Base, frozen=True, kw_only=True, tag_field="transport", tag="tcp"):
    """A literal loopback address and a port."""

    host: Text
    port: Port


class PipeAddress(Base, frozen=True, kw_only=True, tag_field="transport", tag="pipe"):
    r"""A named pipe of Windows on this machine, by its full name, beginning with `\\.\pipe\`."""

    path: Text


Address = UnixAddress | TcpAddress | PipeAddress
