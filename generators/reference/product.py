"""Exact integer matrix products at the speed of floating-point BLAS.

A floating-point product of integers is exact while every partial sum stays below 2^24 (float32) or 2^53 (float64).
Where sums are so short that several fit beside each other, several outputs share one number; wider operands are cut
into limbs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SINGLE, _DOUBLE = 24, 53
_FEWEST = 32
"""Inputs and outputs below which taking numbers apart costs more than a narrower product saves."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """How inputs of one width are multiplied.

    Attributes:
        weight: (n_in, n_out / fields): column k holds the weights of outputs k, k + n_out / fields, … as digits of
            base 2^bits.
        bias: (n_out,), added before numbers are taken apart only if `fields` is 1.
        dtype: of the sums.
    """

    weight: NDArray[np.floating]
    bias: NDArray[Any] | None
    fields: int
    bits: int
    dtype: type[Any]


class Product:
    """x ↦ (W x)·2^shift + b·2^bias_shift, exactly, for one W and b and many x.

    Args:
        weight: (n_out, n_in) int64.
        bias: (n_out,) int64, or None.
    """

    def __init__(self, weight: NDArray[Any], shift: int, bias: NDArray[Any] | None, bias_shift: int) -> None:
        self._weight, self._shift, self._bias, self._bias_shift = weight, shift, bias, bias_shift
        wide = _magnitude(weight).bit_length() + weight.shape[1].bit_length() > 62
        exact = weight.astype(object) if wide else weight
        up, down = (int(abs((exact * (exact * sign > 0)).sum(1)).max()) for sign in (1, -1))
        self._longest = {False: max(up, down), True: int(np.abs(exact).sum(1).max())}
        self._offset = 0 if bias is None else _magnitude(bias) << bias_shift
        self._plans: dict[tuple[int, bool], _Plan | None] = {}
        self._spread: NDArray[Any] = np.empty((0, 0))

    def __call__(self, values: NDArray[Any]) -> NDArray[Any]:
        """Sums (R, n_out) of `values` (R, n_in), in int32, int64 or, beyond 62 bits, as Python integers."""
        bits = max(1, _magnitude(values).bit_length())
        signed = values.dtype.kind not in "bu"
        if (bits, signed) not in self._plans:
            self._plans[bits, signed] = self._planned((1 << bits) - 1, signed)
        plan = self._plans[bits, signed]
        if plan is None:
            return self._wide(values, (1 << bits) - 1)
        total = values.astype(plan.weight.dtype) @ plan.weight
        if plan.bias is not None and plan.fields == 1:
            total += self._rows(plan.bias, len(total))
        sums: NDArray[Any] = total.astype(plan.dtype)
        if plan.fields > 1:
            sums = _apart(sums, plan.fields, plan.bits)
            sums <<= self._shift
            if plan.bias is not None:
                sums += plan.bias
        return sums

    def _planned(self, largest: int, signed: bool) -> _Plan | None:
        products = self._longest[signed] * largest
        reach = (products << self._shift) + self._offset
        if reach >= 1 << _DOUBLE or max(self._shift, self._bias_shift) > _DOUBLE:
            return None
        outputs, inputs = self._weight.shape
        bits = products.bit_length() + 1
        most = (_SINGLE + 1) // bits if min(inputs, outputs) >= _FEWEST and reach < 1 << 31 else 1
        fields = next((n for n in range(most, 1, -1) if outputs % n == 0 and outputs // n >= _FEWEST), 1)
        kind = np.float32 if fields > 1 or reach < 1 << _SINGLE else np.float64
        dtype: Any = np.int32 if reach < 1 << 31 else np.int64
        weight = _together(self._weight.T, fields, bits, kind)
        bias = None if self._bias is None else self._bias.astype(dtype) << dtype(self._bias_shift)
        if fields == 1:
            weight *= kind(2.0**self._shift)
            bias = None if bias is None else bias.astype(kind)
        return _Plan(weight, bias, fields, bits, dtype)

    def _rows(self, bias: NDArray[Any], rows: int) -> NDArray[Any]:
        # NumPy adds a short row to each of many rows one by one, which takes longer than adding a matrix
        if len(bias) >= _FEWEST:
            return bias
        if len(self._spread) < rows or self._spread.dtype != bias.dtype:
            self._spread = np.tile(bias, (rows, 1))
        return self._spread[:rows]

    def _wide(self, values: NDArray[Any], largest: int) -> NDArray[Any]:
        total, bias = exact_product(values, self._weight), self._bias
        reach = (self._longest[True] * largest << self._shift) + self._offset
        if reach >= 1 << 62 or max(self._shift, self._bias_shift) > 62:
            total, bias = total.astype(object), None if bias is None else bias.astype(object)
        total = total * (1 << self._shift)
        return total if bias is None else total + bias * (1 << self._bias_shift)


def _together(columns: NDArray[Any], fields: int, bits: int, kind: type[Any]) -> NDArray[Any]:
    """(m, n) → (m, n / fields), each number the digits of base 2^bits that `_apart` takes it to."""
    parts = columns.astype(kind).reshape(len(columns), fields, -1)
    digits = np.array([2.0 ** (bits * place) for place in range(fields)], kind)
    return np.ascontiguousarray(np.einsum("mfk,f->mk", parts, digits))


def _apart(sums: NDArray[np.int32], fields: int, bits: int) -> NDArray[np.int32]:
    """(R, m) sums of `fields` numbers each → (R, fields · m); the lowest digit's sign is that of its highest bit."""
    rows, width = sums.shape
    unused = 32 - bits
    out = np.empty((rows, fields, width), np.int32)
    raised = np.empty_like(sums)
    for place in range(fields - 1):
        digit = out[:, place]
        np.left_shift(sums, unused, out=raised)
        np.right_shift(raised, unused, out=digit)
        sums -= digit
        sums >>= bits
    out[:, -1] = sums
    return out.reshape(rows, -1)


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
    if bound < 1 << _SINGLE:
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
    if not array.size:
        return 0
    # an unsigned array, such as one of spikes, has no smaller side
    return max(int(array.max()), 0 if array.dtype.kind in "bu" else -int(array.min()))
