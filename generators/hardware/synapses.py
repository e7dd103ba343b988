"""Scheduling of synapses: what is done at once, and the order of the weights.

A synapse of M = in · out products with reuse factor RF works on g_in = gcd(RF, in) groups of inputs and
g_out = RF / g_in groups of outputs, one pair of groups per cycle: M / RF products at once. With strategy event a group
of inputs is one input, and RF what a timestep takes if all of them spike.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import gcd

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.design import LinearDesign, Parameter
from hlspike.generators.fixed import SPIKE, FixedType
from hlspike.generators.hardware import distributed, legal, limits
from hlspike.generators.hardware.storage import settled_constants
from hlspike.generators.hardware.strategy import Strategy
from hlspike.generators.hardware.wires import Port
from hlspike.generators.precision.resolve import Choice, Resolution
from hlspike.generators.typed import Integers, TypedLinear, weighted_sum

_ABREAST = 32
"""Outputs whose sums `kernels/linear.h` forms side by side."""


def scheduled(
    layer: TypedLinear, integers: Integers, resolution: Resolution, identifier: str, warnings: list[str]
) -> tuple[LinearDesign, dict[str, NDArray[np.int64]]]:
    name, n_in, n_out = layer.layer.name, layer.layer.in_features, layer.layer.out_features
    weight, reuse = integers[f"{name}/weight"], resolution.reuse_factor(layer.layer)
    asked_strategy = resolution.strategy(layer.layer)
    strategy = legal.strategy(asked_strategy, *_broken(asked_strategy.value, layer, weight, reuse), warnings)
    at_once = partial(_at_once, strategy, n_in, n_out)
    reuse_factor = legal.reuse_factor(
        reuse, name, n_in * n_out, "products", partial(_crowded, at_once), warnings,
        n_in if strategy == "event" else 1,
    )
    in_parallel, out_parallel = at_once(reuse_factor)
    stored = _stored(layer.weight)
    # a single row is part of the logic, wherever weights are to lie
    asked = legal.storage(
        resolution.storage(layer.layer), name, "weights", n_in * n_out if reuse_factor > 1 else 0, True, warnings
    )
    products = weighted_sum(n_in, layer.weight, layer.input, None)
    kept = products
    # Whole turns of accum change nothing that wraps, unless it is rounded by the sign of the sum.
    by_sign = layer.accum.quantization in ("TRN_ZERO", "RND_ZERO", "RND_INF")
    if layer.accum.overflow == "WRAP" and not by_sign and layer.accum.integer < products.integer:
        width = max(1, layer.accum.integer + products.frac)
        kept = FixedType(width, width - products.frac, products.signed)
    sums = None
    if strategy == "distributed_arithmetic":
        sums, arrays = distributed.shared(weight, layer.input, kept.width, name)
    else:
        arrays = {"weight": _rows(weight, in_parallel, out_parallel)}
    if layer.bias is not None:
        arrays["bias"] = integers[f"{name}/bias"].reshape(-1, out_parallel)
    design = LinearDesign(
        identifier,
        Port.of(n_in, layer.input),
        Port.of(n_out, layer.result),
        reuse_factor,
        in_parallel,
        out_parallel,
        strategy,
        max(legal.divisors(n_in, limits.BANKS)) if strategy == "event" else in_parallel,
        sums,
        settled_constants(asked, reuse_factor, in_parallel * out_parallel * stored),
        stored,
        None if layer.bias is None else Parameter.of(layer.bias, integers[f"{name}/bias"]),
        products.width + (not products.signed),
        kept.width,
        kept.cpp_fixed,
        layer.accum.cpp_fixed,
        layer.result.cpp_fixed,
    )
    return design, arrays


def _broken(strategy: Strategy, layer: TypedLinear, weight: NDArray[np.int64], reuse: Choice) -> tuple[str, str]:
    """The rule that `layer` breaks if its sums are formed so, and what mends it; both empty if it breaks none."""
    name, n_in, n_out = layer.layer.name, layer.layer.in_features, layer.layer.out_features
    if strategy == "event" and layer.input != SPIKE:
        return f"event adds the weights of spikes, and the inputs of layer '{name}' are {layer.input}", ""
    if strategy != "distributed_arithmetic":
        return "", ""
    if reuse.value != 1:
        return (
            f"distributed_arithmetic does the work of layer '{name}' at once, and {reuse.where} is {reuse.value}",
            f"set hls.layers.{name}.reuse_factor to 1"
        )
    crowded = _crowded(partial(_at_once, "dense", n_in, n_out), 1)
    if crowded:
        return f"distributed_arithmetic does the work of layer '{name}' at once, which is more than {crowded}", ""
    bits = distributed.unseen(weight)
    if bits:
        return f"{distributed.PACKAGE} sees 24 bits of a weight, and those of layer '{name}' have {bits}", ""
    return "", ""


def _rows(weight: NDArray[np.int64], in_parallel: int, out_parallel: int) -> NDArray[np.int64]:
    """The weights of each iteration as a row, groups of outputs outermost.

    The kernel forms the sums of `_ABREAST` outputs side by side: their weights lie side by side, input after input, and
    then come those of the next outputs.
    """
    n_out, n_in = weight.shape
    grouped = weight.reshape(n_out // out_parallel, out_parallel, n_in // in_parallel, in_parallel).swapaxes(1, 2)
    rows = grouped.reshape(-1, out_parallel, in_parallel)
    abreast = (rows[:, first : first + _ABREAST] for first in range(0, out_parallel, _ABREAST))
    return np.ascontiguousarray(np.concatenate([part.swapaxes(1, 2).reshape(len(rows), -1) for part in abreast], 1))


def _at_once(strategy: Strategy, n_in: int, n_out: int, reuse_factor: int) -> tuple[int, int]:
    """Inputs and outputs of one iteration."""
    groups_in = n_in if strategy == "event" else gcd(reuse_factor, n_in)
    return n_in // groups_in, n_out // (reuse_factor // groups_in)


def _crowded(at_once: Callable[[int], tuple[int, int]], reuse_factor: int) -> str:
    inputs, outputs = at_once(reuse_factor)
    return limits.crowded(inputs * outputs, {"inputs": inputs, "outputs": outputs})


def _stored(kind: FixedType) -> int:
    """Bits of a mantissa of `kind` with a sign."""
    return kind.width + (not kind.signed)
