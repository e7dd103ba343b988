"""Arithmetic on mantissas behind `generators.fixed`: arrays in, arrays out, exact throughout.

A mantissa array is int64, int32 where its bounds are known to be that small, or object (Python integers) where 63 bits
may not be enough. Rules: AMD UG1399 "Arbitrary Precision Fixed-Point Types", as carried out by ap_fixed_base.h
(`quantization_adjust`, `overflow_adjust`, `operator=`).
"""

from __future__ import annotations

import math
import operator
from typing import Any, Literal, TypeVar, assert_never

import numpy as np
from numpy.typing import ArrayLike, NDArray

Raw = NDArray[Any]
"""Mantissas: int64 or object."""
Quantization = Literal["TRN", "TRN_ZERO", "RND", "RND_ZERO", "RND_INF", "RND_MIN_INF", "RND_CONV"]
Overflow = Literal["WRAP", "SAT", "SAT_ZERO", "SAT_SYM"]

_LARGEST = 2**63 - 1
_LARGEST_INT32 = 2**31 - 1
_index = np.frompyfunc(operator.index, 1, 1)
_Integers = TypeVar("_Integers", int, NDArray[Any])


def bounded(raw: ArrayLike) -> tuple[Raw, int, int]:
    """`raw` as int64 where that holds it, else as Python integers, with its smallest and largest element (0 if empty).

    Raises:
        TypeError: an element is no integer.
    """
    array = np.asarray(raw)
    if array.size == 0:
        return array.astype(np.int64), 0, 0
    if array.dtype == object:
        array = np.asarray(_index(array), object)  # a NumPy integer inside an object array would still wrap
    elif array.dtype.kind not in "biu":
        raise TypeError(f"mantissas are integers, found {array.dtype}")
    low, high = int(array.min()), int(array.max())
    if array.dtype != np.int64 and within_int64(low, high):
        array = array.astype(np.int64)
    return array.astype(object) if array.dtype.kind == "u" else array, low, high


def within_int64(low: int, high: int) -> bool:
    return low >= -_LARGEST - 1 and high <= _LARGEST


def quantize(raw: Raw, low: int, high: int, drop: int, mode: Quantization) -> tuple[Raw, int, int]:
    """Divide by 2**drop under `mode`; `low` and `high` bound `raw`, and the result by the ones returned.

    Every mode is monotone, so the bounds pass through the same rule as the elements do.
    """
    reach = (low << -drop, high << -drop) if drop < 0 else (low, high + (1 << drop))
    if raw.dtype == np.int32 and not -_LARGEST_INT32 <= reach[0] <= reach[1] <= _LARGEST_INT32:
        raw = raw.astype(np.int64)
    if raw.dtype == np.int64 and not within_int64(*reach):
        raw = raw.astype(object)
    quantized = np.asarray(_quantize(raw, drop, mode), raw.dtype)
    return quantized, _quantize(low, drop, mode), _quantize(high, drop, mode)


def quantize_here(raw: Raw, drop: int, mode: Quantization) -> None:
    """As `quantize`, in place, where the dtype has room for values half of 2**drop larger; drop is not negative."""
    if mode == "TRN":
        np.right_shift(raw, drop, out=raw)
    elif drop:
        raw[...] = _quantize(raw, drop, mode)


def _quantize(x: _Integers, drop: int, mode: Quantization) -> _Integers:
    # `quantization_adjust` adds 1 to the floor where the first dropped bit, those after it, the sign and the last bit
    # kept say so. Adding up to one half before the shift carries in the same cases, and needs no masks.
    if drop <= 0:
        return x << -drop
    half = 1 << drop - 1
    match mode:
        case "TRN":  # towards −∞
            return x >> drop
        case "TRN_ZERO":  # towards 0
            floor = x >> drop
            floor += (x < 0) & (floor << drop != x)
            return floor
        case "RND":  # ties towards +∞
            moved = x + half
        case "RND_MIN_INF":  # ties towards −∞
            moved = x + (half - 1)
        case "RND_INF":  # ties away from 0
            moved = x + half
            moved -= x < 0
        case "RND_ZERO":  # ties towards 0
            moved = x + (half - 1)
            moved += x < 0
        case "RND_CONV":  # ties to even
            moved = x >> drop
            moved &= 1
            moved += half - 1
            moved += x
        case _:
            assert_never(mode)
    moved >>= drop
    return moved


def confine(raw: Raw, width: int, signed: bool, mode: Overflow, low: int, high: int) -> Raw:
    """Bring mantissas into a type of `width` bits with the bounds `low` and `high` (`overflow_adjust`)."""
    if width > 63:
        raw = raw.astype(object)
    elif width > 31 and raw.dtype == np.int32:
        raw = raw.astype(np.int64)
    match mode:
        case "WRAP":
            sign = 1 << width - 1 if signed else 0
            return np.asarray(((raw & (1 << width) - 1) ^ sign) - sign, raw.dtype)
        case "SAT" | "SAT_SYM":
            raised = np.asarray(np.maximum(raw, low), raw.dtype)  # of a 0-d object array NumPy makes an int
            return np.asarray(np.minimum(raised, high), raw.dtype)
        case "SAT_ZERO":
            return np.where((raw < low) | (raw > high), 0, raw)
        case _:
            assert_never(mode)


def significant(values: NDArray[np.float64], frac: int) -> Raw:
    """Finite doubles as mantissas with `frac` fractional bits: the floor, its last bit set where that is not exact.

    Such a bit decides every rounding two or more places above it as the digits it stands for would.
    """
    with np.errstate(over="ignore", under="ignore"):
        scaled = np.asarray(np.ldexp(values, frac))
        reversible = np.array_equal(np.ldexp(scaled, -frac), values)
    if reversible and (np.abs(scaled) < 2.0**62).all():
        floor = np.floor(scaled)
        return np.asarray(floor.astype(np.int64) | (floor != scaled), np.int64)
    return np.asarray(np.frompyfunc(lambda value: _significant(float(value), frac), 1, 1)(values), object)


def _significant(value: float, frac: int) -> int:
    numerator, denominator = value.as_integer_ratio()
    quotient, rest = divmod(numerator << max(frac, 0), denominator << max(-frac, 0))
    return quotient | (rest != 0)


def to_double(raw: Raw, frac: int) -> NDArray[np.float64]:
    """raw · 2**-frac, each rounded once, to nearest even."""
    if raw.dtype == np.int64 and -900 <= frac <= 1000:  # clear of infinity and of the subnormals
        return np.asarray(np.ldexp(raw.astype(np.float64), -frac))
    return np.asarray(np.frompyfunc(lambda value: _to_double(value, frac), 1, 1)(raw), np.float64)


def _to_double(value: int, frac: int) -> float:
    try:
        return (value << max(-frac, 0)) / (1 << max(frac, 0))  # Python rounds the quotient of integers once
    except OverflowError:
        return math.inf if value > 0 else -math.inf
