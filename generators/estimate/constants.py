"""What a synapse is made of whose weights are constants of the logic: adders as wide as the sums that occur.

A product with a constant is a sum of shifted inputs, one for each digit of the constant in signed digits, of which no
two neighbours are set; a weight of zero, and the sum with it, is nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.design import LinearDesign
from hlspike.generators.fixed import FixedType

Ints = NDArray[Any]
_ABREAST = 32
"""Outputs whose weights lie side by side in a row, see hls_src/kernels/linear.h."""


def adder_bits(layer: LinearDesign, row: Ints) -> int:
    """Bits of all adders of products and trees.

    Args:
        row: weights of the single iteration, in the order of the kernel.
    """
    weights = _by_input(row.reshape(-1).astype(object), layer.in_parallel, layer.out_parallel)
    kind = FixedType.parse(layer.input.type)
    ends = weights * kind.min_raw, weights * kind.max_raw
    low, high = np.minimum(*ends), np.maximum(*ends)
    within = int(((_digits(weights) - 1).clip(0) * _bits(low, high)).sum())
    return within + _tree(low, high, layer.acc_width)[2]


def waiting(layer: LinearDesign, steps: Ints, outputs: Ints, at_once: int) -> int:
    """Bits of registers between additions that outputs share, so many one after the other in a cycle: a sum waits from
    the cycle in which it is formed until the last that needs it, and all outputs leave together.

    Args:
        steps, outputs: tables of `hardware.distributed`.
    """
    n_in, bits = layer.input.size, FixedType.parse(layer.input.type).width
    formed, widths, last = [1] * n_in, [bits] * n_in, [0] * (n_in + len(steps))
    for number, (first, _, second, _, _, kept, _, level) in enumerate(steps.tolist(), n_in):
        formed.append(max(-(-level // at_once), 1))
        widths.append(kept)
        last[first] = max(last[first], formed[number])
        last[second] = max(last[second], formed[number])
    for value in outputs[:, 0].tolist():
        if value >= 0:
            last[value] = max(formed)
    return sum(width * max(end - begin, 0) for width, begin, end in zip(widths, formed, last, strict=True))


def _by_input(row: Ints, n_in: int, n_out: int) -> Ints:
    """(n_in, n_out)"""
    whole = n_out - n_out % min(n_out, _ABREAST)
    side = row[: whole * n_in].reshape(-1, n_in, min(n_out, _ABREAST)).transpose(1, 0, 2).reshape(n_in, whole)
    return np.concatenate([side, row[whole * n_in:].reshape(n_in, n_out - whole)], axis=1)


def _tree(low: Ints, high: Ints, most: int) -> tuple[Ints, Ints, int]:
    """Least and largest sum of every output over a balanced tree, and the bits of its adders."""
    if len(low) == 1:
        return low[0], high[0], 0
    half = (len(low) + 1) // 2
    (a, b, one), (c, d, other) = _tree(low[:half], high[:half], most), _tree(low[half:], high[half:], most)
    added = ((a != 0) | (b != 0)) & ((c != 0) | (d != 0))
    bits = np.minimum(_bits(a + c, b + d), most)
    return a + c, b + d, one + other + int((bits * added).sum())


def _bits(low: Ints, high: Ints) -> Ints:
    """Of a signed integer that holds both."""
    widths = [1 + max(_magnitude(a), _magnitude(b)) for a, b in zip(low.flat, high.flat, strict=True)]
    return np.array(widths, object).reshape(low.shape)


def _magnitude(value: int) -> int:
    return (~value if value < 0 else value).bit_length()


def _digits(values: Ints) -> Ints:
    """Signed digits that are set in each value; 0 has none."""
    digits = [((3 * abs(value)) ^ abs(value)).bit_count() for value in values.flat]
    return np.array(digits, object).reshape(values.shape)
