"""Assignment: the type of every value of every layer, from the configuration and, where that is automatic, from values.

What follows from ranges seen on the calibration stimulus needs a run of the network in types that hold whatever that
can bring: without ranges such types are given, and `ample` says that there are some.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, log2
from typing import assert_never

import numpy as np

from hlspike.generators.errors import UnsupportedModel
from hlspike.generators.fixed import SPIKE, WIDEST, FixedType
from hlspike.generators.ir import Input, Layer, Linear, Merge, Network, Neuron, Parameters, Readout
from hlspike.generators.neurons.equations import INPUT, THRESHOLD
from hlspike.generators.neurons.ranges import decays, fineness, reach
from hlspike.generators.precision.automatic import Auto
from hlspike.generators.precision.loss import Floats, Loss
from hlspike.generators.precision.resolve import Resolution, fixed_type
from hlspike.generators.stimulus import Stimulus, channels_last
from hlspike.generators.typed import (
    TooWide,
    TypedInput,
    TypedLayer,
    TypedLinear,
    TypedMerge,
    TypedNetwork,
    TypedNeuron,
    TypedReadout,
    holding,
    merged,
    of_layer,
    weighted_sum,
)

_COUNT_BITS = 32
"""Width of a count that no window bounds: 2^32 timesteps are a day at 50 kHz."""
_BETA_BITS = 16
"""Least bits after the point of the readout's β, unless fewer hold it exactly."""
_MOST = 1024
"""Bits at which AMD's headers end."""
_FINEST = 899
"""Most fractional bits of a state, which leaves some of them before the point."""
_GUARD = 2
"""Bits of a state below its input and below its leak, so that rounding it stays small beside both."""


@dataclass(frozen=True, slots=True)
class Range:
    """The extreme mantissas that were cast into one key of one layer, and their fractional bits."""

    low: int
    high: int
    frac: int

    def __str__(self) -> str:
        step = 2.0**-self.frac
        return f"values from {self.low * step:g} to {self.high * step:g}"


Ranges = Mapping[tuple[str, str], Range]
"""(layer, key) → what was seen."""


def ranges_of(typed: TypedNetwork, seen: Mapping[tuple[str, str], tuple[int, int]]) -> Ranges:
    """Ranges of a run of `typed`, with the fractional bits of its types."""
    found = {}
    for (name, key), (low, high) in seen.items():
        layer = typed.layer(name)
        if isinstance(layer, TypedNeuron):
            kind = layer.states[key]
        else:
            kind = layer.state if isinstance(layer, TypedReadout) and key == "membrane" else getattr(layer, key)
        found[name, key] = Range(low, high, kind.frac)
    return found


class Assignment:
    """Types for the layers of one network.

    Args:
        ranges: seen on `calibration`, None to find them.
    Attributes:
        ample: whether a type is wider than it has to be because there are no ranges yet.
        reasons: layer → key → why an automatic type is what it is.
    """

    def __init__(
        self,
        network: Network,
        resolution: Resolution,
        parameters: Parameters,
        calibration: Stimulus,
        ranges: Ranges | None = None,
    ) -> None:
        self._network, self._resolution, self._parameters = network, resolution, parameters
        self._calibration, self._ranges = calibration, ranges
        self._on = f"on {len(calibration)} calibration sequences"
        self.ample = False
        self.reasons: dict[str, dict[str, str]] = {}

    def typed(self) -> TypedNetwork:
        """Every layer in its types.

        Raises:
            ConfigError: a type is missing, or is none.
            UnsupportedModel: a parameter is not finite.
        """
        results: dict[str, FixedType] = {}
        layers = []
        for layer in self._network.layers:
            with of_layer(layer.name):
                layers.append(self._layer(layer, results))
            results[layer.name] = layers[-1].result
        return TypedNetwork(self._network, tuple(layers))

    def _layer(self, layer: Layer, results: Mapping[str, FixedType]) -> TypedLayer:
        match layer:
            case Input():
                return TypedInput(layer, self._input(layer))
            case Linear():
                value, weight = results[layer.inputs[0]], self._parameter(layer, "weight")
                bias = self._parameter(layer, "bias") if layer.bias else None
                exact = weighted_sum(layer.in_features, weight, value, bias)
                accum = self._computed(layer, "accum", exact, f"lossless for any sum of {layer.in_features} products")
                result = self._computed(layer, "result", accum, "as accum")
                return TypedLinear(layer, value, weight, bias, accum, result)
            case Merge():
                return self._merge(layer, tuple(results[name] for name in layer.inputs))
            case Neuron():
                return self._neuron(layer, results[layer.inputs[0]])
            case Readout():
                return self._readout(layer, results[layer.inputs[0]])
            case _:
                assert_never(layer)

    def _merge(self, layer: Merge, values: tuple[FixedType, ...]) -> TypedMerge:
        if layer.passes_spikes:
            return TypedMerge(layer, values, SPIKE)
        what = "any sum" if layer.joining == "add" else "every value"
        result = self._computed(layer, "result", merged(layer.joining, values), f"lossless for {what} of its inputs")
        return TypedMerge(layer, values, result)

    def _input(self, layer: Input) -> FixedType:
        auto = self._resolution.precision(layer, "result").auto
        if auto is None:
            return self._given(layer, "result")
        exact = _lossless(layer, self._calibration)
        if auto.width is None or exact.width <= auto.width:
            self._tell(layer, "result", f"{auto}: holds every value {self._on} exactly")
            return exact
        # the widest value may round up to the next power of two, and then saturates by less than a step
        self._tell(layer, "result", f"{auto}: {exact} would hold every value {self._on} exactly")
        return FixedType(auto.width, exact.integer, exact.signed, *auto.modes)

    def _readout(self, layer: Readout, value: FixedType) -> TypedReadout:
        ingress = self._network.input
        if layer.output_mode == "spike":
            window = ingress.window_size if ingress.reset_policy == "fixed_window" else None
            bits = _COUNT_BITS if window is None else window.bit_length()
            state = FixedType(bits, bits, signed=False)
        else:
            bound = 2 * (self._timesteps * _largest(value) + 1)
            state = self._state(layer, "membrane", value.frac, bound, 0.0, np.asarray(layer.beta))
        beta = None
        if layer.output_mode == "membrane" and layer.beta != 1.0:
            beta = _beta_type(layer.beta, max(_BETA_BITS, state.frac))
        if layer.decision_rule != "binary_logit":
            return TypedReadout(layer, value, beta, state, holding(0, layer.n_classes - 1, 0))
        difference = holding(state.min_raw - state.max_raw, state.max_raw - state.min_raw, state.frac)
        result = self._computed(layer, "result", difference, "lossless for any two states")
        return TypedReadout(layer, value, beta, state, result)

    def _neuron(self, layer: Neuron, value: FixedType) -> TypedNeuron:
        equations = layer.equations
        parameters = {key: self._parameter(layer, key) for key in equations.parameters}
        values = {key: self._values(layer, key) for key in parameters}
        largest = {key: float(np.abs(found).max()) for key, found in values.items()}
        top = reach(equations, largest, _largest(value), self._timesteps)
        fracs = {INPUT: value.frac, **{key: kind.frac for key, kind in parameters.items()}}
        fired = {term.of for term in equations.fires if not term.negative}
        states: dict[str, FixedType] = {}
        for key in dict.fromkeys(state.key for state in equations.states):
            own = [state for state in equations.states if state.key == key]
            frac = max(fineness(state, fracs, largest) for state in own)
            theta = 0.0
            if any(state.name in fired for state in own):
                frac, theta = max(frac, fracs[THRESHOLD]), float(values[THRESHOLD].max())
            bound = max(top[state.name] for state in own)
            states[key] = self._state(layer, key, frac, bound, theta, decays(equations, key, values))
            fracs |= {state.name: states[key].frac for state in own}
        return TypedNeuron(layer, value, parameters, {key: states[key] for key in equations.keys})

    @property
    def _timesteps(self) -> int:
        """Of the longest run of the calibration stimulus between two boundaries."""
        never = self._network.input.reset_policy == "never"
        return self._calibration.timesteps if never else self._calibration.frames.shape[1]

    def _given(self, layer: Layer, key: str) -> FixedType:
        return fixed_type(self._resolution.precision(layer, key))

    def _values(self, layer: Layer, key: str) -> Floats:
        values = np.asarray(self._parameters[f"{layer.name}/{key}"], np.float64)
        bad = values[~np.isfinite(values)]
        if bad.size:
            raise UnsupportedModel(
                f"layer '{layer.name}': {key} holds {bad.flat[0]}; every parameter must be a finite number"
            )
        return values

    def _parameter(self, layer: Layer, key: str) -> FixedType:
        values, auto = self._values(layer, key), self._resolution.precision(layer, key).auto
        if auto is None:
            return self._given(layer, key)
        kind = auto.of_parameter(key, values)
        raw, cut, _ = kind.round_parameter(values)
        self._tell(layer, key, auto.reason(key, Loss.of(key, values, kind.to_float(raw)), kind, int(cut.sum())))
        return kind

    def _computed(self, layer: Layer, key: str, exact: FixedType, why: str) -> FixedType:
        """Of what has no state: `exact` loses nothing."""
        auto = self._resolution.precision(layer, key).auto
        if auto is None:
            return self._given(layer, key)
        if auto.width is None or exact.width <= auto.width:
            self._tell(layer, key, f"{auto}: {why}")
            return exact
        seen = self._seen(layer, key)
        if seen is None:
            return exact
        if not seen.low and not seen.high:
            self._tell(layer, key, f"{auto}: nothing but 0 {self._on}, so the highest bits that can occur")
            return FixedType(auto.width, exact.integer, exact.signed, *auto.modes)
        self._tell(layer, key, f"{auto}: {seen} {self._on}, and one bit of margin")
        return auto.of_range(2 * seen.low, 2 * seen.high, seen.frac, exact)

    def _state(
        self, layer: Neuron | Readout, key: str, frac: int, bound: float, threshold: float, decay: Floats
    ) -> FixedType:
        """Of a state, which is signed: whatever was seen of it, a reset or an input may take it below 0.

        Args:
            frac: fractional bits of what enters it.
            bound: a magnitude that nothing on the calibration stimulus leads beyond.
            threshold: the largest, which it has to exceed in order to fire; 0 if it does not.
        """
        auto = self._resolution.precision(layer, key).auto
        if auto is None:
            return self._given(layer, key)
        default = self._resolution.default(layer)
        if default is None or auto.width is not None:
            guarded = min(frac + _guard(decay), _FINEST)
            width = max(1, guarded + 1)
            default = FixedType(width, width - guarded, True, *auto.modes)
        seen = self._seen(layer, key)
        if seen is None:
            return _ample(default, bound)
        low, high = min(2 * seen.low, -1), max(2 * seen.high, 1)
        margin = "and one bit of margin"
        if threshold * 2.0**seen.frac >= high:
            high, margin = int(threshold * 2.0**seen.frac) + 1, f"and more than the threshold of {threshold:g}"
        self._tell(layer, key, f"{auto}: {seen} {self._on}, {margin}")
        if auto.width is None:
            return replace(holding(low, high, seen.frac), quantization=default.quantization, overflow=default.overflow)
        return auto.of_range(low, high, seen.frac, FixedType(_MOST, _MOST - max(default.frac, 0)))

    def _seen(self, layer: Layer, key: str) -> Range | None:
        if self._ranges is None:
            self.ample = True
            return None
        return self._ranges[layer.name, key]

    def _tell(self, layer: Layer, key: str, reason: str) -> None:
        self.reasons.setdefault(layer.name, {})[key] = reason


def _ample(default: FixedType, bound: float) -> FixedType:
    """A type of a state that values up to `bound` cannot overflow; resolution and modes of `default`."""
    if not np.isfinite(bound):
        raise TooWide(f"grows without end, beyond the {WIDEST} bits that a type may have")
    edge = int(bound * 2.0**default.frac) if default.frac <= _FINEST else 1
    wide = holding(-edge, edge, default.frac)
    return replace(wide, quantization=default.quantization, overflow=default.overflow)


def _largest(value: FixedType) -> float:
    """Magnitude of a value of that type."""
    return float(max(abs(value.to_float(np.array(raw, object)).item()) for raw in (value.min_raw, value.max_raw)))


def _guard(decay: Floats) -> int:
    """Bits by which a state that decays is finer than what enters it: rounding errors add up by 1 / (1 − β)."""
    leaking = decay[decay < 1]
    return _GUARD + min(ceil(-log2(1 - float(leaking.max()))), _BETA_BITS) if leaking.size else 0


def _beta_type(beta: float, most: int) -> FixedType:
    """The narrowest type in [0, 1] that holds β exactly, or has `most` bits after the point, or what `auto` takes."""
    most = max(most, Auto(None).of_parameter("beta", np.asarray(beta)).frac)
    frac = next((frac for frac in range(most) if float(beta * 2.0**frac).is_integer()), most)
    return FixedType(frac + 1, 1, signed=False)


def _lossless(layer: Input, calibration: Stimulus) -> FixedType:
    """The narrowest type that holds every value of the calibration frames: a float32 has at most 149 bits of it."""
    values = np.unique(channels_last(calibration.frames[:], layer.shape)[calibration.valid].astype(np.float64))
    frac = next(frac for frac in range(-128, 150) if not np.any(np.ldexp(values, frac) % 1.0))
    frac = max(frac, 0)
    return holding(int(np.ldexp(values.min(), frac)), int(np.ldexp(values.max(), frac)), frac)
