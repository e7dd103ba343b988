"""Where an array of the hardware lies: registers, LUTs as RAM, block RAM, ultra RAM."""

from __future__ import annotations

from typing import Literal, get_args

Storage = Literal["registers", "lutram", "bram", "uram"]
"""Of an array, once it is settled. Of constants, registers are the logic itself."""
Asked = Literal["auto", "registers", "lutram", "bram", "uram"]
STORAGES: tuple[str, ...] = get_args(Asked)
"""What may be asked for."""
SHALLOW = 2
"""Words up to which a memory is no block of RAM, however wide (AMD UG1399, config_storage, auto_srl_max_depth)."""
SMALL = 1024
"""Bits below which it is none either: a block has 18 Kb, and a LUT 32 words of a bit."""
LUTS_PER_BLOCK = 190
"""Of the smallest shipped part, xc7z020: 53,200 LUTs and 280 blocks of 18 Kb."""
_ROM_WORDS = 64
"""Words of a bit that a LUT holds if they are constants (AMD UG474, "ROM")."""
_BLOCKS = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
"""Words and bits of a block of 18 Kb (AMD UG473, "Block RAM Resources")."""


def fault(value: object) -> str:
    """The rule that `value` breaks as a storage; empty if it is one."""
    return "" if value in STORAGES else f"must be {', '.join(STORAGES[:-1])} or {STORAGES[-1]}"


def settled(asked: Asked, words: int, width: int) -> Storage:
    """`asked`, and where it is left open what suits a memory of `words` words of `width` bits.

    Several words in registers would be selected by a multiplexer: that is only for who asks for it.
    """
    if asked != "auto":
        return asked
    if words == 1:
        return "registers"
    return "lutram" if words <= SHALLOW or words * width < SMALL else "bram"


def settled_constants(asked: Asked, words: int, width: int) -> Storage:
    """Likewise of constants, such as weights.

    A single word is part of the logic, whatever is asked for. Else block RAM if LUTs would take more of the smallest
    shipped part: LUTs take ⌈words / 64⌉ · width of its LUTs, blocks as many as `blocks` says of its blocks.
    """
    if words == 1:
        return "registers"
    if asked != "auto":
        return asked
    return "bram" if -(-words // _ROM_WORDS) * width > LUTS_PER_BLOCK * blocks(words, width) else "lutram"


def blocks(words: int, width: int) -> int:
    """Blocks of 18 Kb: min over shapes of ⌈words / depth⌉ · ⌈width / bits⌉; all blocks are of one shape."""
    return min(-(-words // depth) * -(-width // bits) for depth, bits in _BLOCKS)
