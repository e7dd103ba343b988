"""Types of exact results: what an expression of AMD's fixed-point types is, before anything casts it."""

from __future__ import annotations

from dataclasses import dataclass

from hlspike.generators.fixed import FixedType


@dataclass(frozen=True, slots=True)
class Exact:
    """A type as wide as it has to be, which may be wider than any that can be written.

    Attributes:
        integer, frac: bits on either side of the point, the sign among those on the left.
    """

    integer: int
    frac: int
    signed: bool

    @staticmethod
    def of(kind: str) -> Exact:
        """The values of a C++ type."""
        parsed = FixedType.parse(kind)
        return Exact(parsed.integer, parsed.frac, parsed.signed)

    @property
    def width(self) -> int:
        return self.integer + self.frac

    def __mul__(self, other: Exact) -> Exact:
        return Exact(self.integer + other.integer, self.frac + other.frac, self.signed or other.signed)

    def __add__(self, other: Exact) -> Exact:
        both = self | other
        return Exact(both.integer + 1, both.frac, both.signed)

    def __sub__(self, other: Exact) -> Exact:
        both = self | other
        return Exact(both.integer + 1, both.frac, True)

    def __or__(self, other: Exact) -> Exact:
        """What holds the values of both, as to select or to compare them."""
        signed = self.signed or other.signed
        integer = max(one.integer + (signed and not one.signed) for one in (self, other))
        return Exact(integer, max(self.frac, other.frac), signed)


def cast(value: Exact, target: Exact) -> int:
    """Bits in which `hls_src/kernels/cast.h` rounds and confines `value` to `target`."""
    drop = value.frac - target.frac
    moved = value.width + (not value.signed) + max(1, -drop)
    return 1 + max(moved, drop + 2 if drop > 0 else 0, target.width + (not target.signed))
