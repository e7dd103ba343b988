"""Quantisation: a Network and its parameters become a TypedNetwork and mantissas.

In comes the Network, its float64 parameters, the `hls` configuration and a calibration stimulus; out come a type for
every value, every parameter in its type, and what the report has to say about both: parameters that saturate or
vanish, ranges that `auto` types rest on, settings that apply to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from generators.errors import ConfigError
from generators.fixed import FixedType
from generators.ir import Input, Layer, Leaky, Linear, Network, Parameters, Readout
from generators.parameters import Finding, rounded
from generators.reference import run_reference
from generators.resolve import AUTO, Resolution, fixed_type, unused
from generators.stimulus import Stimulus, channels_last
from generators.typed import (
    TypedInput,
    TypedLayer,
    TypedLeaky,
    TypedLinear,
    TypedNetwork,
    TypedReadout,
    holding,
    of_layer,
    weighted_sum,
)

_COUNT_BITS = 32
"""Width of a count that no window bounds: 2^32 timesteps are a day at 50 kHz."""
_BETA_BITS = 16
"""Least bits after the point of the readout's β."""
_TRACED_BITS = 64
"""Traces hold 64-bit integers, so states, inputs and outputs must fit."""


@dataclass(frozen=True, slots=True)
class Quantized:
    """A typed network, its mantissas keyed `<layer>/<parameter>`, and findings for the report.

    Settings of `hls` that act on no layer are among the notes of the typed network.
    """

    typed: TypedNetwork
    integers: dict[str, NDArray[np.int64]]
    findings: tuple[Finding, ...]


def quantize(network: Network, parameters: Parameters, hls: dict[str, Any], calibration: Stimulus) -> Quantized:
    """Type every value and round every parameter.

    Args:
        network: with a settled window.
        hls: the configuration key of that name, layer names flattened.
        calibration: the sequences from which `auto` takes the ranges of states and of the input.
    Raises:
        ConfigError: an entry of `hls` that cannot hold.
    """
    resolution = Resolution.of(hls, network)
    network = replace(network, notes=(*network.notes, *resolution.without_effect(network)))
    layers: list[TypedLayer] = []
    results: dict[str, FixedType] = {}
    automatic: list[str] = []
    integers: dict[str, NDArray[np.int64]] = {}
    findings: list[Finding] = []
    for layer in network.layers:
        with of_layer(layer.name):
            typed = _typed(layer, network, resolution, results, parameters, calibration)
        if _is_auto(layer, resolution):
            automatic.append(layer.name)
        layers.append(typed)
        results[layer.name] = typed.result
        findings += (
            Finding(layer.name, f"precision.{key} is not used: {reason}")
            for key, reason in unused(layer).items()
            if resolution.named(layer, key)
        )
        for key, value, target in _parameters(typed, parameters):
            integers[f"{layer.name}/{key}"], found = rounded(layer.name, key, value, target)
            findings += found
    quantized = TypedNetwork(network, tuple(layers))
    if automatic:
        quantized, ranges = _calibrated(quantized, integers, calibration, automatic, resolution)
        findings += ranges
    _check_widths(quantized)
    return Quantized(quantized, integers, tuple(findings) + tuple(_silent(quantized, integers)))


def _typed(
    layer: Layer,
    network: Network,
    resolution: Resolution,
    results: dict[str, FixedType],
    parameters: Parameters,
    calibration: Stimulus,
) -> TypedLayer:
    """`layer` in its types; states that are `auto` in types wide enough for anything the calibration can bring."""

    def of(key: str, automatic: FixedType | None = None) -> FixedType:
        choice = resolution.precision(layer, key)
        return automatic if choice.value == AUTO and automatic is not None else fixed_type(choice)

    match layer:
        case Input():
            choice = resolution.precision(layer, "result")
            return TypedInput(layer, _lossless(layer, calibration) if choice.value == AUTO else fixed_type(choice))
        case Linear():
            value, weight = results[layer.inputs[0]], of("weight")
            bias = of("bias") if layer.bias else None
            accum = of("accum", weighted_sum(layer.in_features, weight, value, bias))
            return TypedLinear(layer, value, weight, bias, accum, of("result", accum))
        case Leaky():
            value, theta = results[layer.inputs[0]], of("threshold")
            largest = float(np.abs(parameters[f"{layer.name}/threshold"]).max())
            ample = _ample(resolution, layer, max(value.frac, theta.frac), value, largest, network, calibration)
            beta = None if layer.integrates else of("beta")
            return TypedLeaky(layer, value, beta, theta, of("membrane", ample))
        case Readout():
            return _typed_readout(layer, network, resolution, results[layer.inputs[0]], calibration)
        case _:
            assert_never(layer)


def _typed_readout(
    layer: Readout, network: Network, resolution: Resolution, value: FixedType, calibration: Stimulus
) -> TypedReadout:
    if layer.output_mode == "spike":
        bits = (network.input.window_size or 0).bit_length() if network.input.reset_policy != "never" else _COUNT_BITS
        state = FixedType(bits, bits, signed=False)
    else:
        choice = resolution.precision(layer, "membrane")
        ample = _ample(resolution, layer, value.frac, value, 0.0, network, calibration)
        state = ample if choice.value == AUTO else fixed_type(choice)
    beta = None
    if layer.output_mode == "membrane" and layer.beta != 1.0:
        beta = _beta_type(layer.beta, max(_BETA_BITS, state.frac))
    if layer.decision_rule != "binary_logit":
        return TypedReadout(layer, value, beta, state, holding(0, layer.n_classes - 1, 0))
    difference = holding(state.min_raw - state.max_raw, state.max_raw - state.min_raw, state.frac)
    choice = resolution.precision(layer, "result")
    return TypedReadout(layer, value, beta, state, difference if choice.value == AUTO else fixed_type(choice))


def _beta_type(beta: float, most: int) -> FixedType:
    """The narrowest type in [0, 1] that holds β exactly, or has `most` bits after the point."""
    frac = next((frac for frac in range(most) if float(beta * 2.0**frac).is_integer()), most)
    return FixedType(frac + 1, 1, signed=False)


def _lossless(layer: Input, calibration: Stimulus) -> FixedType:
    """The narrowest type that holds every value of the calibration frames: a float32 has at most 149 bits of it."""
    values = np.unique(channels_last(calibration.frames, layer.shape)[calibration.valid].astype(np.float64))
    frac = next(frac for frac in range(-128, 150) if not np.any(np.ldexp(values, frac) % 1.0))
    frac = max(frac, 0)
    return holding(int(np.ldexp(values.min(), frac)), int(np.ldexp(values.max(), frac)), frac)


def _ample(
    resolution: Resolution,
    layer: Leaky | Readout,
    frac: int,
    value: FixedType,
    threshold: float,
    network: Network,
    calibration: Stimulus,
) -> FixedType:
    """A membrane type that nothing on the calibration stimulus can overflow; resolution and modes of the default.

    Each timestep adds at most the largest input and θ to a membrane, and a reset within the timestep may double it
    or give θ back once more.
    """
    default = resolution.default(layer) or FixedType(frac + 1, 1)
    timesteps = calibration.timesteps if network.input.reset_policy == "never" else calibration.frames.shape[1]
    largest = 4 * timesteps * (max(abs(value.to_float(np.array(value.min_raw, object)).item()),
                                   value.to_float(np.array(value.max_raw, object)).item()) + threshold + 1)
    bound = int(largest * 2.0**default.frac) if default.frac < 900 else 1
    wide = holding(-bound, bound, default.frac)
    return replace(wide, quantization=default.quantization, overflow=default.overflow)


def _is_auto(layer: Layer, resolution: Resolution) -> bool:
    stateful = isinstance(layer, Leaky) or (isinstance(layer, Readout) and layer.output_mode == "membrane")
    return stateful and resolution.precision(layer, "membrane").value == AUTO


def _calibrated(
    typed: TypedNetwork,
    integers: dict[str, NDArray[np.int64]],
    calibration: Stimulus,
    automatic: list[str],
    resolution: Resolution,
) -> tuple[TypedNetwork, list[Finding]]:
    """Membranes that are `auto` narrowed to the range seen on the calibration stimulus, and one bit more."""
    ranges = run_reference(typed, integers, calibration).ranges
    layers = list(typed.layers)
    findings = []
    for place, layer in enumerate(layers):
        if layer.layer.name not in automatic:
            continue
        match layer:
            case TypedLeaky():
                wide = layer.membrane
            case TypedReadout():
                wide = layer.state
            case _:
                continue
        low, high = ranges[layer.layer.name, "membrane"]
        tight = holding(min(2 * low, -1), max(2 * high, 1), wide.frac)
        tight = replace(tight, quantization=wide.quantization, overflow=wide.overflow)
        layers[place] = _with_state(layer, tight, resolution)
        step = 2.0**-wide.frac
        findings.append(
            Finding(
                layer.layer.name,
                f"membrane: auto took {tight}: values from {low * step:g} to {high * step:g} on "
                f"{len(calibration)} calibration sequences, and one bit of margin",
            )
        )
    return TypedNetwork(typed.network, tuple(layers)), findings


def _with_state(layer: TypedLeaky | TypedReadout, state: FixedType, resolution: Resolution) -> TypedLayer:
    if isinstance(layer, TypedLeaky):
        return replace(layer, membrane=state)
    if layer.layer.decision_rule != "binary_logit" or resolution.precision(layer.layer, "result").value != AUTO:
        return replace(layer, state=state)
    difference = holding(state.min_raw - state.max_raw, state.max_raw - state.min_raw, state.frac)
    return replace(layer, state=state, result=difference)


def _parameters(
    layer: TypedLayer, parameters: Parameters
) -> Iterator[tuple[str, NDArray[np.float64], FixedType]]:
    match layer:
        case TypedInput():
            return
        case TypedLinear():
            yield "weight", parameters[f"{layer.layer.name}/weight"], layer.weight
            if layer.bias is not None:
                yield "bias", parameters[f"{layer.layer.name}/bias"], layer.bias
        case TypedLeaky():
            if layer.beta is not None:
                yield "beta", parameters[f"{layer.layer.name}/beta"], layer.beta
            yield "threshold", parameters[f"{layer.layer.name}/threshold"], layer.threshold
        case TypedReadout():
            if layer.beta is not None:
                yield "beta", np.asarray(layer.layer.beta), layer.beta
        case _:
            assert_never(layer)


def _check_widths(typed: TypedNetwork) -> None:
    for layer in typed.layers:
        match layer:
            case TypedInput():
                traced = {"result": layer.result}
            case TypedLeaky():
                traced = {"membrane": layer.membrane}
            case TypedReadout():
                traced = {"membrane": layer.state, "result": layer.result}
            case TypedLinear():
                traced = {"result": layer.result} if layer is typed.layers[-1] else {}
            case _:
                assert_never(layer)
        for key, kind in traced.items():
            if kind.width + (not kind.signed) > _TRACED_BITS:
                raise ConfigError(
                    f"hls: '{key}' of layer '{layer.layer.name}' is {kind}, but inputs, states and outputs are traced "
                    f"as {_TRACED_BITS}-bit integers; choose at most {_TRACED_BITS} bits"
                )


def _silent(typed: TypedNetwork, integers: dict[str, NDArray[np.int64]]) -> Iterator[Finding]:
    for layer in typed.layers:
        if not isinstance(layer, TypedLeaky):
            continue
        theta = int(integers[f"{layer.layer.name}/threshold"].min())
        top = layer.membrane.max_raw
        common = max(layer.membrane.frac, layer.threshold.frac)
        if top << common - layer.membrane.frac <= theta << common - layer.threshold.frac:
            yield Finding(
                layer.layer.name,
                f"membrane: no value of {layer.membrane} exceeds the threshold, so the layer cannot fire",
            )


