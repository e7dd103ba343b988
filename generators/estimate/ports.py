"""What layers have in common: the vectors between them, and how those are split."""

from __future__ import annotations

from generators.design import LayerDesign, Port, ReadoutDesign
from generators.fixed import FixedType

_MOST_BANKS = 1024
"""Into how many banks the top splits a vector between layers."""


def up(value: int, unit: int) -> int:
    return -(-value // unit)


def array_banks(port: Port) -> int:
    return min(port.size, _MOST_BANKS)


def port_banks(port: Port) -> int:
    """The top reshapes a vector that fits one pack into one word; a longer one stays a memory outside the design."""
    return port.size if port.lanes == port.size else 1


def output(layer: LayerDesign) -> Port:
    assert not isinstance(layer, ReadoutDesign)
    return layer.output


def width(kind: str) -> int:
    return FixedType.parse(kind).width
