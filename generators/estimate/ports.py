"""What the formulas have in common."""

from __future__ import annotations

from hlspike.generators.fixed import FixedType

WORD = 32
"""Most spikes among which `kernels/event.h` seeks the next one."""


def up(value: int, unit: int) -> int:
    """How many times `unit` covers `value`."""
    return -(-value // unit)


def width(kind: str) -> int:
    return FixedType.parse(kind).width
