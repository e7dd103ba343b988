"""Where an array of the hardware lies: registers, LUTs as RAM, block RAM, ultra RAM."""

from __future__ import annotations

from typing import Literal, get_args

Storage = Literal["registers", "lutram", "bram", "uram"]
"""Of an array, once it is settled."""
STORAGES: tuple[str, ...] = ("auto", *get_args(Storage))
"""What may be asked for."""
SHALLOW = 2
"""Words up to which a memory is no block of RAM, however wide (AMD UG1399, config_storage, auto_srl_max_depth)."""
SMALL = 1024
"""Bits below which it is none either: a block has 18 Kb, and a LUT 32 words of a bit."""


def settled(asked: Literal["auto"] | Storage, words: int, width: int) -> Storage:
    """`asked`, and where it is left open what suits a memory of `words` words of `width` bits.

    Several words in registers would be selected by a multiplexer: that is only for who asks for it.
    """
    if asked != "auto":
        return asked
    if words == 1:
        return "registers"
    return "lutram" if words <= SHALLOW or words * width < SMALL else "bram"
