"""Framers: where one message ends and the next begins, for protocols that the adversary knows."""

from ipc_gauntlet.adversary.framing.base import Framer, Lost, Shape
from ipc_gauntlet.adversary.framing.reader import FrameReader, Piece
from ipc_gauntlet.adversary.framing.registry import body_offset, framer_names, new_framer

__all__ = ["FrameReader", "Framer", "Lost", "Piece", "Shape", "body_offset", "framer_names", "new_framer"]
