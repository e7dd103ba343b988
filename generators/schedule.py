"""Scheduling: a TypedNetwork becomes a Design, in which every reuse factor and every width is settled.

A synapse of M = in · out products with reuse factor RF works on g_in = gcd(RF, in) groups of inputs and
g_out = RF / g_in groups of outputs, one pair of groups per cycle: M / RF products at once. A layer of n neurons
updates n / RF at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from math import gcd
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from generators import lanes, limits
from generators.design import (
    Design,
    Edge,
    InputDesign,
    Io,
    LayerDesign,
    LayerReport,
    LeakyDesign,
    LinearDesign,
    Parameter,
    Port,
    ReadoutDesign,
)
from generators.errors import ConfigError
from generators.fixed import SPIKE, FixedType
from generators.identifiers import identifiers
from generators.ir import type_name
from generators.parameters import Finding
from generators.resolve import Choice, Resolution
from generators.storage import settled
from generators.typed import (
    Integers,
    TypedInput,
    TypedLayer,
    TypedLeaky,
    TypedLinear,
    TypedNetwork,
    TypedReadout,
    of_layer,
    weighted_sum,
)

_CLASSES = 32
"""Most classes that a readout looks at in one cycle: a tree of comparisons five deep."""
_ABREAST = 32
"""Outputs whose sums `kernels/linear.h` forms side by side."""
_EDGE = Edge(0, 0, 0, False)
"""Until `lanes.connected` has settled it."""
_RULES: dict[str, Any] = {
    "argmax_spike_count": "argmax",
    "argmax_membrane": "argmax",
    "threshold_then_argmax": "threshold_then_argmax",
    "first_to_threshold": "first_to_threshold",
    "binary_logit": "binary_logit",
}
_WITH_THRESHOLD = ("threshold_then_argmax", "first_to_threshold")


def schedule(
    typed: TypedNetwork,
    integers: Integers,
    hls: Mapping[str, Any],
    io: Io,
    findings: Iterable[Finding] = (),
) -> Design:
    """The design of `typed`.

    Args:
        hls: the configuration key of that name; its reuse factors are read here.
        io: how layers hand over a timestep: arrays or streams of packs.
        findings: what quantisation had to say; each becomes a warning of its layer.
    Raises:
        ConfigError: a reuse factor named for one layer does not divide its work or leaves too much of it at once, or
            the design is beyond another of the tools' limits.
    """
    resolution = Resolution.of(hls, typed.network)
    ids = identifiers([layer.layer.name for layer in typed.layers])
    warnings: dict[str, list[str]] = {layer.layer.name: [] for layer in typed.layers}
    for finding in findings:
        warnings[finding.layer].append(finding.message)
    layers, reports = [], []
    arrays: dict[str, NDArray[np.int64]] = {}
    for layer in typed.layers:
        name = layer.layer.name
        with of_layer(name):
            design, own = _scheduled(layer, integers, resolution, ids[name], warnings[name])
        layers.append(design)
        arrays |= {f"{ids[name]}/{key}": value for key, value in own.items()}
        reports.append(_report(layer, design, integers, tuple(warnings[name])))
    joined = lanes.connected(layers, io)
    names = {ids[name]: name for name in ids}
    whole = Design(io, joined, tuple(reports), names, arrays, lanes.output_edge(joined[-1]))
    limits.check(whole)
    return whole


def _scheduled(
    layer: TypedLayer, integers: Integers, resolution: Resolution, identifier: str, warnings: list[str]
) -> tuple[LayerDesign, dict[str, NDArray[np.int64]]]:
    match layer:
        case TypedInput():
            window = 0 if layer.layer.reset_policy == "never" else layer.layer.window_size or 0
            return InputDesign(identifier, _port(layer.layer.size, layer.result), window, _EDGE), {}
        case TypedLinear():
            return _linear(layer, integers, resolution.reuse_factor(layer.layer), identifier, warnings)
        case TypedLeaky():
            return _leaky(layer, integers, resolution.reuse_factor(layer.layer), identifier, warnings)
        case TypedReadout():
            beta = None if layer.beta is None else _parameter(layer.beta, integers[f"{layer.layer.name}/beta"])
            return (
                ReadoutDesign(
                    identifier,
                    _port(layer.layer.size, layer.input),
                    max(_divisors(layer.layer.size, _CLASSES)),
                    layer.state.cpp_fixed,
                    layer.result.cpp_fixed,
                    "accumulate" if beta is None else "leak",
                    _RULES[layer.layer.decision_rule],
                    layer.layer.emit == "step",
                    layer.layer.class_threshold if layer.layer.decision_rule in _WITH_THRESHOLD else None,
                    beta,
                    "count" if layer.layer.output_mode == "spike" else "mem",
                    lanes.decision_edge(layer.result.cpp_fixed),
                ),
                {},
            )
        case _:
            assert_never(layer)


def _linear(
    layer: TypedLinear, integers: Integers, asked: Choice, identifier: str, warnings: list[str]
) -> tuple[LinearDesign, dict[str, NDArray[np.int64]]]:
    name, n_in, n_out = layer.layer.name, layer.layer.in_features, layer.layer.out_features
    crowded = partial(_crowded_synapse, n_in, n_out)
    reuse_factor = _legal(asked, name, n_in * n_out, "products", crowded, warnings)
    in_parallel, out_parallel = _at_once(n_in, n_out, reuse_factor)
    arrays = {"weight": _rows(integers[f"{name}/weight"], in_parallel, out_parallel)}
    if layer.bias is not None:
        arrays["bias"] = integers[f"{name}/bias"].reshape(-1, out_parallel)
    products = weighted_sum(n_in, layer.weight, layer.input, None)
    kept = products
    # Whole turns of accum change nothing that wraps, unless it is rounded by the sign of the sum.
    by_sign = layer.accum.quantization in ("TRN_ZERO", "RND_ZERO", "RND_INF")
    if layer.accum.overflow == "WRAP" and not by_sign and layer.accum.integer < products.integer:
        width = max(1, layer.accum.integer + products.frac)
        kept = FixedType(width, width - products.frac, products.signed)
    design = LinearDesign(
        identifier,
        _port(n_in, layer.input),
        _port(n_out, layer.result),
        reuse_factor,
        in_parallel,
        out_parallel,
        _stored(layer.weight),
        None if layer.bias is None else _parameter(layer.bias, integers[f"{name}/bias"]),
        products.width + (not products.signed),
        kept.width,
        kept.cpp_fixed,
        layer.accum.cpp_fixed,
        layer.result.cpp_fixed,
    )
    return design, arrays


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


def _leaky(
    layer: TypedLeaky, integers: Integers, asked: Choice, identifier: str, warnings: list[str]
) -> tuple[LeakyDesign, dict[str, NDArray[np.int64]]]:
    name, size = layer.layer.name, layer.layer.size
    reuse_factor = _legal(asked, name, size, "neurons", partial(_crowded_neurons, size), warnings)
    parameters: dict[str, Parameter] = {}
    arrays = {}
    for key, kind in (("beta", layer.beta), ("threshold", layer.threshold)):
        if kind is None:
            continue
        values = integers[f"{name}/{key}"]
        parameters[key] = _parameter(kind, values)
        if parameters[key].scalar is None:
            arrays[key] = values.reshape(reuse_factor, -1)
    design = LeakyDesign(
        identifier,
        _port(size, layer.input),
        _port(size, SPIKE),
        reuse_factor,
        size // reuse_factor,
        settled("auto", reuse_factor, layer.membrane.width),
        layer.membrane.cpp_fixed,
        "lif" if layer.beta is not None else "integrate",
        layer.layer.reset_mechanism,
        not layer.layer.reset_delay,
        layer.layer.inhibition,
        parameters.get("beta"),
        parameters["threshold"],
    )
    return design, arrays


def _port(size: int, kind: FixedType) -> Port:
    """Without lanes of its own: `lanes.connected` settles them between neighbours."""
    return Port(size, kind.cpp, size)


def _parameter(kind: FixedType, values: NDArray[np.int64]) -> Parameter:
    return Parameter(kind.cpp_fixed, _word(kind), int(values) if values.ndim == 0 else None)


def _stored(kind: FixedType) -> int:
    """Bits of a mantissa of `kind` with a sign."""
    return kind.width + (not kind.signed)


def _word(kind: FixedType) -> str:
    """The machine integer that holds every mantissa of `kind`; char is left out, its sign is the compiler's choice."""
    return next(word for word, width in _WORDS.items() if _stored(kind) <= width)


_WORDS = {"signed char": 8, "short": 16, "int": 32, "long long": 64}


def _at_once(n_in: int, n_out: int, reuse_factor: int) -> tuple[int, int]:
    """Inputs and outputs of one iteration."""
    groups_in = gcd(reuse_factor, n_in)
    return n_in // groups_in, n_out // (reuse_factor // groups_in)


def _crowded_synapse(n_in: int, n_out: int, reuse_factor: int) -> str:
    inputs, outputs = _at_once(n_in, n_out, reuse_factor)
    return limits.crowded(inputs * outputs, {"inputs": inputs, "outputs": outputs})


def _crowded_neurons(size: int, reuse_factor: int) -> str:
    return limits.crowded(size // reuse_factor, {"neurons": size // reuse_factor})


def _legal(
    asked: Choice, name: str, work: int, unit: str, crowded: Callable[[int], str], warnings: list[str]
) -> int:
    """The reuse factor for `work` units: as asked if it is legal, else the nearest that is.

    Args:
        crowded: of a factor that divides the work, what it leaves too much of at once; see `limits.crowded`.
    """
    legal = [factor for factor in _divisors(work) if not crowded(factor)]
    if asked.value in legal:
        return int(asked.value)
    below = [factor for factor in legal if factor < asked.value]
    above = [factor for factor in legal if factor > asked.value]
    nearest = min(legal, key=lambda factor: (abs(factor - asked.value), factor))
    if asked.named:
        choices = " and ".join(str(factor) for factor in (below[-1:] + above[:1]))
        reason = "does not divide" if work % asked.value else f"leaves more than {crowded(asked.value)} at once for"
        raise ConfigError(
            f"{asked.where}: {asked.value} {reason} the {work} {unit} of layer '{name}'; the nearest legal "
            f"{'values are' if ' and ' in choices else 'value is'} {choices}"
        )
    warnings.append(f"reuse_factor: {asked.value} is not legal for {work} {unit}, moved to {nearest}")
    return nearest


def _divisors(number: int, most: int | None = None) -> list[int]:
    small = [factor for factor in range(1, int(number**0.5) + 1) if number % factor == 0]
    return sorted(factor for factor in {*small, *(number // factor for factor in small)} if factor <= (most or number))


def _report(
    layer: TypedLayer, design: LayerDesign, integers: Integers, warnings: tuple[str, ...]
) -> LayerReport:
    name = layer.layer.name
    parameters = sum(values.size for key, values in integers.items() if key.rsplit("/", 1)[0] == name)
    precision: dict[str, FixedType | None]
    multipliers, reuse_factor = 0, None
    match layer, design:
        case TypedInput(), _:
            precision = {"result": layer.result}
        case TypedLinear(), LinearDesign():
            precision = {"weight": layer.weight, "bias": layer.bias, "accum": layer.accum, "result": layer.result}
            reuse_factor = design.reuse_factor
            multipliers = 0 if layer.input == SPIKE else design.in_parallel * design.out_parallel
        case TypedLeaky(), LeakyDesign():
            precision = {"beta": layer.beta, "threshold": layer.threshold, "membrane": layer.membrane}
            reuse_factor = design.reuse_factor
            multipliers = 0 if _is_shift(design.beta) else design.parallel
        case TypedReadout(), ReadoutDesign():
            precision = {"beta": layer.beta, "membrane": layer.state, "result": layer.result}
            multipliers = 0 if _is_shift(design.beta) else design.parallel
        case _:
            raise TypeError(f"{name} was scheduled as another type of layer")
    types = {key: str(value) for key, value in precision.items() if value is not None}
    return LayerReport(name, type_name(layer.layer), reuse_factor, types, parameters, multipliers, warnings)


def _is_shift(beta: Parameter | None) -> bool:
    """No multiplication: no β, or a power of two that is known when the hardware is built."""
    return beta is None or (beta.scalar is not None and beta.scalar & (beta.scalar - 1) == 0)
