"""FixedType: AMD's ap_fixed in exact integers; the vocabulary of every stage that knows numbers of finite width.

Values travel as mantissas ("raw"): value = raw · 2**-frac. Arrays of them are int64 up to 63 bits and object (Python
integers) beyond. Rules: AMD UG1399 "Arbitrary Precision Fixed-Point Types" and the headers ap_fixed_base.h.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hlspike.generators.exact.rounding import (
    Overflow,
    Quantization,
    Raw,
    bounded,
    confine,
    quantize,
    significant,
    to_double,
)

QUANTIZATIONS: tuple[Quantization, ...] = get_args(Quantization)
OVERFLOWS: tuple[Overflow, ...] = get_args(Overflow)
WIDEST = 1024
"""AP_INT_MAX_W of ap_common.h: the headers refuse wider types unless told otherwise."""


def _arguments(separator: str) -> str:
    number, quantization, overflow = r"(-?\d{1,9})", "|".join(QUANTIZATIONS), "|".join(OVERFLOWS)
    modes = rf"{separator}(?:AP_)?({quantization})(?:{separator}(?:AP_)?({overflow})(?:{separator}0)?)?"
    return rf"{number}(?:{separator}{number}(?:{modes})?)?"


_NAME = r"\s*(?:ap_)?(u?)(fixed|int)"
_SPELLINGS = (
    re.compile(_NAME + r"\s*<\s*" + _arguments(r"\s*,\s*") + r"\s*>\s*", re.ASCII),
    re.compile(_NAME + "_" + _arguments("_") + r"\s*", re.ASCII),
)


class Cast(NamedTuple):
    """What became of an array that was cast.

    Attributes:
        raw: the mantissas.
        beyond: mask of the values that after quantisation lay beyond the type (for SAT_SYM: beyond ±max).
        low, high: the extremes after quantisation, before overflow.
    """

    raw: Raw
    beyond: NDArray[np.bool_]
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class FixedType:
    """ap_fixed<width, integer, quantization, overflow>, or ap_ufixed if not `signed`.

    `integer` counts the bits left of the point, sign included; it may be negative or exceed `width`.

    Raises:
        ValueError: a number out of range or an unknown mode.
    """

    width: int
    integer: int
    signed: bool = True
    quantization: Quantization = "TRN"
    overflow: Overflow = "WRAP"

    def __post_init__(self) -> None:
        if not 1 <= self.width <= WIDEST:
            raise ValueError(f"the width must lie in 1..{WIDEST}, found {self.width}")
        if abs(self.integer) > WIDEST:
            raise ValueError(f"the integer bits must lie in -{WIDEST}..{WIDEST}, found {self.integer}")
        if self.quantization not in QUANTIZATIONS:
            raise ValueError(f"the quantization must be one of {', '.join(QUANTIZATIONS)}, found {self.quantization!r}")
        if self.overflow not in OVERFLOWS:
            raise ValueError(f"the overflow must be one of {', '.join(OVERFLOWS)}, found {self.overflow!r}")

    @staticmethod
    def parse(text: str) -> FixedType:
        """The type written as in HLS (`ap_fixed<16,6,AP_RND,AP_SAT>`, `ap_uint<1>`) or as `ap_fixed_16_6_RND_SAT`.

        Raises:
            ValueError: one line with the text, the rule it breaks, and what to write.
        """
        match = next(filter(None, (spelling.fullmatch(text) for spelling in _SPELLINGS)), None)
        if match is None or (match[2] == "int") != (match[4] is None):
            raise ValueError(
                f"{text!r} is not a fixed-point type; write ap_fixed<W,I>, ap_fixed<W,I,Q,O>, ap_ufixed<W,I,Q,O>, "
                f"ap_int<W>, ap_uint<W> or ap_fixed_W_I_Q_O, with Q one of {', '.join(QUANTIZATIONS)} and O one of "
                f"{', '.join(OVERFLOWS)}"
            )
        modes = cast(tuple[Quantization, Overflow], (match[5] or "TRN", match[6] or "WRAP"))
        try:
            return FixedType(int(match[3]), int(match[4] or match[3]), not match[1], *modes)
        except ValueError as error:
            raise ValueError(f"{text!r}: {error}") from None

    def __str__(self) -> str:
        """The canonical spelling; `parse` reads it back."""
        if self.width == self.integer and (self.quantization, self.overflow) == ("TRN", "WRAP"):
            return f"ap_{'' if self.signed else 'u'}int<{self.width}>"
        return self.cpp_fixed

    @property
    def cpp(self) -> str:
        """The type in generated C++: never ap_int but for a spike, since ap_int truncates an ap_fixed towards zero."""
        return str(self) if self == SPIKE else self.cpp_fixed

    @property
    def cpp_fixed(self) -> str:
        """The type as ap_fixed or ap_ufixed, a spike too: what states and sums are kept in."""
        modes = f",AP_{self.quantization},AP_{self.overflow}"
        name = f"ap_{'' if self.signed else 'u'}fixed"
        return f"{name}<{self.width},{self.integer}{'' if modes == ',AP_TRN,AP_WRAP' else modes}>"

    @property
    def frac(self) -> int:
        """Bits right of the point."""
        return self.width - self.integer

    @property
    def min_raw(self) -> int:
        """The smallest mantissa of `width` bits."""
        return -(1 << self.width - 1) if self.signed else 0

    @property
    def max_raw(self) -> int:
        """The largest mantissa."""
        return (1 << self.width - self.signed) - 1

    @property
    def _low(self) -> int:
        # AP_SAT_SYM sets the last bit of the most negative mantissa: −max, or −1 in a single bit
        return self.min_raw | 1 if self.signed and self.overflow == "SAT_SYM" else self.min_raw

    def cast(self, raw: ArrayLike, frac: int) -> Raw:
        """Assign values with `frac` fractional bits to this type, as `operator=` of ap_fixed_base.h does.

        Args:
            raw: integer mantissas of any shape and size.
        Returns:
            Mantissas of this type, of the same shape; `raw` itself where there was nothing to do.
        """
        quantized, low, high = self._quantized(raw, frac)
        return self._confined(quantized, self.holds(low, high))

    def cast_checked(self, raw: ArrayLike, frac: int) -> Cast:
        """`cast`, and what did not fit."""
        quantized, low, high = self._quantized(raw, frac)
        if self.holds(low, high):
            return Cast(self._confined(quantized, True), np.zeros(quantized.shape, np.bool_), low, high)
        return Cast(self._confined(quantized, False), self.beyond(quantized), low, high)

    def _quantized(self, raw: ArrayLike, frac: int) -> tuple[Raw, int, int]:
        values, low, high = bounded(raw)
        return self.settled(values, frac, low, high)

    def holds(self, low: int, high: int) -> bool:
        """Whether mantissas `low`..`high`, with the fractional bits of this type, do not overflow."""
        return self._low <= low and high <= self.max_raw

    def _confined(self, quantized: Raw, fits: bool) -> Raw:
        if not fits:
            quantized = self.confined(quantized)
        return quantized.astype(np.int64 if self.width <= 63 else object, copy=False)

    def from_float(self, values: ArrayLike) -> Raw:
        """Doubles as mantissas, in the modes of this type, as the constructor from double of ap_fixed_base.h.

        Raises:
            ValueError: a value is NaN or infinite.
        """
        raw, frac = self.mantissas(values)
        return self.cast(raw, frac)

    def mantissas(self, values: ArrayLike) -> tuple[Raw, int]:
        """Doubles as mantissas and their fractional bits, which `cast` takes to what `from_float` gives.

        Raises:
            ValueError: a value is NaN or infinite.
        """
        return significant(_finite(values), self.frac + 2), self.frac + 2

    def settled(self, raw: Raw, frac: int, low: int, high: int) -> tuple[Raw, int, int]:
        """Mantissas that lie in `low`..`high`, rounded to the resolution of this type, before any overflow.

        Args:
            raw: int32, int64 or object, which must have room for them; `raw` itself comes back if nothing is to do.
        Returns:
            Mantissas, the smallest and the largest that `low` and `high` become.
        """
        return quantize(raw, low, high, frac - self.frac, self.quantization) if frac != self.frac else (raw, low, high)

    def beyond(self, raw: Raw) -> NDArray[np.bool_]:
        """Mask of mantissas, with the fractional bits of this type, that overflow."""
        return np.asarray((raw < self._low) | (raw > self.max_raw))

    def confined(self, raw: Raw) -> Raw:
        """Mantissas with the fractional bits of this type, brought into its range."""
        return confine(raw, self.width, self.signed, self.overflow, self._low, self.max_raw)

    @property
    def storage(self) -> np.dtype[Any]:
        """The narrowest integer dtype that holds every mantissa; object beyond 64 bits."""
        dtypes = (np.uint8, np.uint16, np.uint32, np.uint64) if not self.signed else (
            np.int8, np.int16, np.int32, np.int64
        )
        return np.dtype(next((dtype for dtype in dtypes if np.iinfo(dtype).max >= self.max_raw), object))

    def held(self, values: NDArray[Any]) -> tuple[Raw, int, int] | None:
        """Mantissas of numbers that are all values of this type, in few passes; None if any is not.

        Args:
            values: floats or integers.

        Returns:
            Mantissas, in the narrowest integer dtype that holds those of this type and mixes with int64; the smallest
            and the largest of them.
        """
        if values.dtype.kind not in "fiu" or not values.size or not 0 <= self.frac <= 60 or self.width > 62:
            return None
        dtype = self.storage if self.width <= 32 else np.dtype(np.int64)
        if values.dtype.kind != "f":
            low, high = int(values.min()) << self.frac, int(values.max()) << self.frac
            return (values.astype(dtype, "C") << dtype.type(self.frac), low, high) if self.holds(low, high) else None
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = values * values.dtype.type(2.0**self.frac) if self.frac else values
            raw = scaled.astype(dtype, "C")
        # A float that is no integer of that dtype, NaN and infinity among them, becomes some other one. Where floats
        # hold all of its integers, they are compared as such: it is faster.
        same = raw.astype(values.dtype) if values.dtype.itemsize >= 2 * dtype.itemsize else raw
        if not (same == scaled).all():
            return None
        low, high = int(raw.min()), int(raw.max())
        return (raw, low, high) if self.holds(low, high) else None

    def round_parameter(self, values: ArrayLike) -> tuple[Raw, NDArray[np.bool_], NDArray[np.bool_]]:
        """Nearest mantissas, ties to even, saturated, whatever the type's own modes.

        Returns:
            Mantissas; a mask of those that were saturated; a mask of the nonzero values that became zero.
        Raises:
            ValueError: a value is NaN or infinite.
        """
        floats = _finite(values)
        overflow: Overflow = "SAT_SYM" if self.overflow == "SAT_SYM" else "SAT"
        nearest = replace(self, quantization="RND_CONV", overflow=overflow)
        cast = nearest.cast_checked(significant(floats, self.frac + 2), self.frac + 2)
        return cast.raw, cast.beyond, np.asarray((cast.raw == 0) & (floats != 0))

    def to_float(self, raw: ArrayLike) -> NDArray[np.float64]:
        """The values of mantissas of this type: the nearest doubles."""
        return to_double(bounded(raw)[0], self.frac)


def _finite(values: ArrayLike) -> NDArray[np.float64]:
    floats = np.asarray(values, np.float64)
    if not np.isfinite(floats).all():
        raise ValueError(f"only finite values have a fixed-point form, found {floats[~np.isfinite(floats)].flat[0]}")
    return floats


SPIKE = FixedType(1, 1, signed=False)
"""A spike: ap_uint<1>, always."""
