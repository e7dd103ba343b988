"""Neurons of the reference: one layer walked through time, in exact integers, for all sequences at once.

The equations are those of `generators.ir.Leaky`. An update is formed exactly and cast once, into the membrane's type;
firing compares the cast value with θ, strictly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, assert_never

import numpy as np
from numpy.typing import NDArray

from generators.tally import Tally
from generators.typed import Integers, TypedLeaky

Mantissas = NDArray[Any]


@dataclass(frozen=True, slots=True)
class _Aligned:
    """Constants of a layer, shifted to the points at which they meet the membrane.

    Attributes:
        update_frac: fractional bits of the exact update; `beta`, `theta` and `input_scale` lead there.
        bound: U > θ holds exactly if the mantissa of U exceeds this.
        after_frac: fractional bits at which θ is taken from a membrane, for `mem_scale` and `theta_after`.
        dtype: of every exact value: int64 if no update can leave 62 bits, else Python integers.
    """

    update_frac: int
    beta: Mantissas
    theta: Mantissas
    input_scale: int
    bound: Mantissas
    after_frac: int
    mem_scale: int
    theta_after: Mantissas
    dtype: type[Any]


def _aligned(layer: TypedLeaky, integers: Integers) -> _Aligned:
    mem, theta_type, beta_type = layer.membrane, layer.threshold, layer.beta
    decayed = mem.frac + (beta_type.frac if beta_type else 0)
    update = max(decayed, layer.input.frac, theta_type.frac)
    after = max(mem.frac, theta_type.frac)
    widest = max(
        mem.width + (beta_type.width if beta_type else 0) + update - decayed,
        layer.input.width + update - layer.input.frac,
        theta_type.width + update - theta_type.frac,
        mem.width + 1 + after - mem.frac,
        theta_type.width + after - theta_type.frac,
    )
    dtype: type[Any] = np.int64 if widest + 2 <= 62 else object
    name = layer.layer.name
    theta = np.asarray(integers[f"{name}/threshold"]).astype(object)
    beta = np.asarray(integers[f"{name}/beta"] if beta_type else 1).astype(object)
    rise = mem.frac - theta_type.frac
    return _Aligned(
        update,
        _of(dtype, beta * (1 << update - decayed)),
        _of(dtype, theta * (1 << update - theta_type.frac)),
        1 << update - layer.input.frac,
        _of(dtype, theta * (1 << rise) if rise >= 0 else theta // (1 << -rise)),
        after,
        1 << after - mem.frac,
        _of(dtype, theta * (1 << after - theta_type.frac)),
        dtype,
    )


def _of(dtype: type[Any], values: Any) -> Mantissas:
    return np.asarray(values, object).astype(dtype)


def run_leaky(
    layer: TypedLeaky,
    integers: Integers,
    values: Mantissas,
    last: NDArray[np.bool_],
    tally: Tally,
    keep: Literal["left", "compared"] | None,
) -> tuple[NDArray[np.uint8], Mantissas | None]:
    """Every timestep of every sequence.

    Args:
        values: (N, T, n) mantissas of the input's type.
        last: (T,) timesteps after which the state returns to 0.
        keep: whether to return the membranes too, as each timestep left them or as it compared them with θ.
    Returns:
        Spikes (N, T, n), and the mantissas (N, T, n) of the membranes or None.
    """
    k = _aligned(layer, integers)
    sequences, timesteps, size = values.shape
    spikes = np.empty((sequences, timesteps, size), np.uint8)
    kept = np.empty(values.shape, np.int64 if layer.membrane.width <= 63 else object) if keep else None
    mem: Mantissas = np.zeros((sequences, size), k.dtype)
    for t, ends in enumerate(last):
        reset = mem > k.bound
        exact = values[:, t].astype(k.dtype) * k.input_scale
        match layer.layer.reset_mechanism:
            case "subtract":
                exact += mem * k.beta
                exact -= np.where(reset, k.theta, 0)
            case "zero":
                exact += np.where(reset, 0, mem * k.beta)
            case "none":
                exact += mem * k.beta
            case mechanism:
                assert_never(mechanism)
        mem = _cast(layer, tally, exact, k.update_frac, t, k)
        spike = mem > k.bound
        if layer.layer.inhibition:
            margin = mem * k.mem_scale - k.theta_after
            only = np.zeros_like(spike)
            only[np.arange(sequences), margin.argmax(1)] = True
            spike &= only
        compared = mem
        if not layer.layer.reset_delay and layer.layer.reset_mechanism != "none":
            mem = _after(layer, tally, mem, spike, reset, t, k)
        spikes[:, t] = spike
        if kept is not None:
            kept[:, t] = mem if keep == "left" else compared
        if ends:
            mem = np.zeros_like(mem)
    return spikes, kept


def _after(
    layer: TypedLeaky,
    tally: Tally,
    mem: Mantissas,
    spike: NDArray[np.bool_],
    reset: NDArray[np.bool_],
    t: int,
    k: _Aligned,
) -> Mantissas:
    """The reset within the timestep: d = S − R, then U − dθ or U − dU."""
    direction = spike.astype(np.int8) - reset.astype(np.int8)
    aligned = mem * k.mem_scale
    taken = k.theta_after if layer.layer.reset_mechanism == "subtract" else aligned
    return _cast(layer, tally, aligned - direction * taken, k.after_frac, t, k, again=True)


def _cast(
    layer: TypedLeaky, tally: Tally, exact: Mantissas, frac: int, t: int, k: _Aligned, again: bool = False
) -> Mantissas:
    mem = tally.cast_step(layer.layer.name, "membrane", layer.membrane, exact, frac, t, again)
    return mem.astype(k.dtype, copy=False)
