"""What every layer computes with: operations, of values as wide as they come about."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Literal

from hlspike.generators.design import Parameter
from hlspike.generators.exact.widths import Exact, cast
from hlspike.generators.fixed import FixedType

Kind = Literal["add", "multiply", "compare", "select"]


@dataclass(frozen=True, slots=True)
class Operation:
    """`count` of one kind that work side by side.

    Attributes:
        width: bits of the result, or of what is compared.
        other: of a product: bits of the smaller factor; `width` is then that of the larger.
        serial: how many of them follow each other at most, one waiting for the other.
        state: whether the next update of a state waits for it.
    """

    kind: Kind
    width: int
    count: int
    serial: int = 1
    state: bool = False
    other: int = 0


def multiplies(beta: Parameter | None) -> bool:
    """Whether it takes a multiplier: a power of two that is known is only wiring."""
    return beta is not None and (beta.scalar is None or beta.scalar & (beta.scalar - 1) != 0)


def largest(values: int, bits: int, groups: bool, state: bool = False) -> Iterator[Operation]:
    """The largest of values and its place, in a tree, and over several groups."""
    count, serial = values - 1 + groups, levels(values) + groups
    if count:
        yield Operation("compare", bits, count, serial, state)
        yield Operation("select", bits + max((values - 1).bit_length(), 1), count, serial, state)


def exactly(parameter: Parameter) -> Exact:
    """Without the zeros in which a value of the whole layer ends."""
    kind = Exact.of(parameter.type)
    value = parameter.scalar
    zeros = 0 if not value else (value & -value).bit_length() - 1
    return Exact(kind.integer, kind.frac - zeros, kind.signed)


def cast_to(value: Exact, kind: str, count: int, state: bool = False) -> Generator[Operation, None, Exact]:
    """An addition to round, a second where the value decides what is added; two comparisons with two selections to
    saturate; nothing where bits are only cut off. The bits that are left.
    """
    target = FixedType.parse(kind)
    drop = value.frac - target.frac
    if drop > 0 and target.quantization != "TRN":
        if target.quantization in ("RND_INF", "RND_CONV"):
            yield Operation("add", drop, count, state=state)
        yield Operation("add", cast(value, Exact.of(kind)), count, state=state)
    room = target.integer - target.signed, value.integer - value.signed + (drop > 0 and target.quantization != "TRN")
    beyond = room[1] > room[0] or (value.signed and not target.signed) or target.overflow == "SAT_SYM"
    if target.overflow != "WRAP" and beyond:
        bits = max(value.width - max(drop, 0), target.width)
        yield Operation("compare", bits, 2 * count, state=state)
        yield Operation("select", target.width, 2 * count, state=state)
    return Exact(target.integer, min(value.frac, target.frac), target.signed)


def levels(values: int) -> int:
    """Of a balanced tree over so many values."""
    return (values - 1).bit_length()
