"""Exact integer matrix products at the speed of floating-point BLAS.

A floating-point product of integers is exact while every partial sum stays below 2^24 (float32) or 2^53 (float64).
Wider operands are cut into limbs that do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_DOUBLE = 53


def exact_product(values: NDArray[Any], weight: NDArray[Any]) -> NDArray[Any]:
    """values @ weight.T, exactly.

    Args:
        values: (..., n_in) integers, of any integer dtype or Python integers.
        weight: (n_out, n_in) integers.
    Returns:
        (..., n_out) int64, or Python integers (dtype object) where a result may need more than 62 bits.
    """
    flat = values.reshape(-1, values.shape[-1])
    terms = max(1, weight.shape[1])
    largest, heaviest = _magnitude(flat), _magnitude(weight)
    bound = terms * largest * heaviest
    if bound < 1 << 24:
        product = (flat.astype(np.float32) @ weight.astype(np.float32).T).astype(np.int64)
    elif bound < 1 << _DOUBLE:
        product = (flat.astype(np.float64) @ weight.astype(np.float64).T).astype(np.int64)
    else:
        product = _by_limbs(flat, weight, largest.bit_length(), heaviest.bit_length(), bound.bit_length() <= 62)
    return product.reshape(*values.shape[:-1], weight.shape[0])


def _by_limbs(
    values: NDArray[Any], weight: NDArray[Any], value_bits: int, weight_bits: int, narrow: bool
) -> NDArray[Any]:
    budget = _DOUBLE - weight.shape[1].bit_length()
    value_limb = min(value_bits, max(budget - weight_bits, budget // 2))
    weight_limb = budget - value_limb
    total = np.zeros((values.shape[0], weight.shape[0]), np.int64 if narrow else object)
    for value_shift, value_part in _limbs(values, value_bits, value_limb):
        for weight_shift, weight_part in _limbs(weight, weight_bits, weight_limb):
            partial = (value_part @ weight_part.T).astype(np.int64)
            shift = value_shift + weight_shift
            total += (partial if narrow else partial.astype(object)) * (1 << shift)
    return total


def _limbs(array: NDArray[Any], bits: int, limb: int) -> list[tuple[int, NDArray[np.float64]]]:
    """`array` = Σ part · 2^shift, each part below 2^limb in magnitude, with the sign of its value."""
    parts = []
    # an integer dtype has no magnitude of its own smallest value
    array = array.astype(np.int64 if bits <= 62 else object)
    sign: NDArray[Any] = np.where(array < 0, -1, 1)
    rest: Any = abs(array)
    for shift in range(0, max(bits, 1), limb):
        parts.append((shift, (sign * (rest & ((1 << limb) - 1))).astype(np.float64)))
        rest = rest >> limb
    return parts


def _magnitude(array: NDArray[Any]) -> int:
    return max(abs(int(array.max())), abs(int(array.min()))) if array.size else 0
