"""Quantisation: a Network and its parameters become a TypedNetwork and mantissas.

In comes the Network, its float64 parameters, the `hls` configuration and a calibration stimulus; out come a type for
every value, every parameter in its type, and what the report has to say about both: what parameters lose, why an
automatic type is what it is, settings that apply to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.errors import ConfigError
from hlspike.generators.ir import Network, Parameters
from hlspike.generators.neurons.equations import THRESHOLD
from hlspike.generators.precision.assignment import Assignment, ranges_of
from hlspike.generators.precision.parameters import Finding, Rounded, rounded
from hlspike.generators.precision.resolve import Resolution, unused
from hlspike.generators.reference import run_reference
from hlspike.generators.stimulus import Stimulus
from hlspike.generators.typed import TypedInput, TypedLinear, TypedMerge, TypedNetwork, TypedNeuron, TypedReadout

_TRACED_BITS = 64
"""Traces hold 64-bit integers, so states, inputs and outputs must fit."""


@dataclass(frozen=True, slots=True)
class Quantized:
    """A typed network, its mantissas keyed `<layer>/<parameter>`, and what the report says of both.

    Settings of `hls` that act on no layer are among the notes of the typed network.

    Attributes:
        findings: warnings.
        reasons: layer → key → why an automatic type is what it is.
        losses: layer → parameter → its entry of the report.
    """

    typed: TypedNetwork
    integers: dict[str, NDArray[np.int64]]
    findings: tuple[Finding, ...]
    reasons: dict[str, dict[str, str]]
    losses: dict[str, dict[str, dict[str, Any]]]

    def told(self, layer: str) -> dict[str, Any]:
        """What the report says of the types of `layer`, beside them."""
        return {"automatic": self.reasons.get(layer, {}), "parameters_error": self.losses.get(layer, {})}


def quantize(network: Network, parameters: Parameters, hls: dict[str, Any], calibration: Stimulus) -> Quantized:
    """Type every value and round every parameter.

    Args:
        network: with a settled window.
        hls: the configuration key of that name, layer names flattened.
        calibration: the sequences from which automatic types take the ranges of what layers compute.
    Raises:
        ConfigError: an entry of `hls` that cannot hold.
    """
    resolution = Resolution.of(hls, network)
    network = replace(network, notes=(*network.notes, *resolution.without_effect(network)))
    types = Assignment(network, resolution, parameters, calibration)
    typed = types.typed()
    entries = _rounded(typed, parameters, types.reasons)
    if types.ample:
        # with types that hold anything the calibration can bring; once they are as narrow as it needs, nothing
        # depends on their ranges any more
        ranges = run_reference(typed, _mantissas(entries), calibration).ranges
        types = Assignment(network, resolution, parameters, calibration, ranges_of(typed, ranges))
        typed = types.typed()
        entries = _rounded(typed, parameters, types.reasons)
    _check_widths(typed)
    integers = _mantissas(entries)
    findings = [*_idle(network, resolution, entries), *_silent(typed, integers)]
    losses: dict[str, dict[str, dict[str, Any]]] = {}
    for (layer, key), entry in entries.items():
        losses.setdefault(layer, {})[key] = entry.to_json()
    return Quantized(typed, integers, tuple(findings), types.reasons, losses)


def _rounded(
    typed: TypedNetwork, parameters: Parameters, reasons: Mapping[str, Mapping[str, str]]
) -> dict[tuple[str, str], Rounded]:
    found = {}
    for layer in typed.layers:
        name = layer.layer.name
        for key, kind in layer.parameters.items():
            # the readout's are settings of the decision, and so of the layer itself
            values = parameters.get(f"{name}/{key}", getattr(layer.layer, key, None))
            chosen = key in reasons.get(name, {})
            found[name, key] = rounded(name, key, np.asarray(values, np.float64), kind, chosen)
    return found


def _mantissas(entries: Mapping[tuple[str, str], Rounded]) -> dict[str, NDArray[np.int64]]:
    return {f"{layer}/{key}": entry.raw for (layer, key), entry in entries.items()}


def _idle(
    network: Network, resolution: Resolution, entries: Mapping[tuple[str, str], Rounded]
) -> Iterator[Finding]:
    """Layer by layer: settings that act on nothing, and what rounding took."""
    for layer in network.layers:
        for key, reason in unused(layer).items():
            if resolution.named(layer, key):
                yield Finding(layer.name, f"precision.{key} is not used: {reason}")
        for (name, _), entry in entries.items():
            if name == layer.name:
                yield from entry.findings


def _check_widths(typed: TypedNetwork) -> None:
    for layer in typed.layers:
        match layer:
            case TypedInput():
                traced = {"result": layer.result}
            case TypedNeuron():
                traced = dict(layer.states)
            case TypedReadout():
                traced = {"membrane": layer.state, "result": layer.result}
            case TypedLinear() | TypedMerge():
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
        if not isinstance(layer, TypedNeuron):
            continue
        compared = layer.layer.equations.compares
        if compared is None:
            continue
        theta, kind = layer.parameters[THRESHOLD], layer.state(compared)
        least = int(integers[f"{layer.layer.name}/{THRESHOLD}"].min())
        common = max(kind.frac, theta.frac)
        if kind.max_raw << common - kind.frac <= least << common - theta.frac:
            key = layer.layer.equations.state(compared).key
            yield Finding(
                layer.layer.name, f"{key}: no value of {kind} exceeds the threshold, so the layer cannot fire"
            )


