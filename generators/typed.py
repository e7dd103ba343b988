"""TypedNetwork: a Network in which every value has a fixed-point type; the value between quantisation and scheduling.

Parameters are mantissas (int64 arrays) in a mapping keyed as in `generators.ir`, in the types named here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.errors import ConfigError
from hlspike.generators.fixed import SPIKE, WIDEST, FixedType
from hlspike.generators.ir import Input, Joining, Linear, Merge, Network, Neuron, Readout

Integers = Mapping[str, NDArray[np.int64]]
Types = Mapping[str, FixedType]
"""Key of a parameter that a layer has → its type."""


@dataclass(frozen=True, slots=True)
class TypedInput:
    layer: Input
    result: FixedType

    @property
    def parameters(self) -> Types:
        return {}


@dataclass(frozen=True, slots=True)
class TypedLinear:
    layer: Linear
    input: FixedType
    weight: FixedType
    bias: FixedType | None
    accum: FixedType
    result: FixedType

    @property
    def parameters(self) -> Types:
        return _present(weight=self.weight, bias=self.bias)

    @property
    def sum(self) -> FixedType:
        """Holds every sum of products, bias included, of any input of its type: exact."""
        return weighted_sum(self.layer.in_features, self.weight, self.input, self.bias)


@dataclass(frozen=True, slots=True)
class TypedMerge:
    layer: Merge
    inputs: tuple[FixedType, ...]
    result: FixedType

    @property
    def parameters(self) -> Types:
        return {}

    @property
    def exact(self) -> FixedType:
        """Holds whatever its inputs make, before it is cast."""
        return merged(self.layer.joining, self.inputs)


@dataclass(frozen=True, slots=True)
class TypedNeuron:
    layer: Neuron
    input: FixedType
    parameters: Types
    states: Types
    """By precision key, which states may share."""

    @property
    def result(self) -> FixedType:
        return SPIKE

    def state(self, name: str) -> FixedType:
        """Of the state that the equations call so."""
        return self.states[self.layer.equations.state(name).key]


@dataclass(frozen=True, slots=True)
class TypedReadout:
    layer: Readout
    input: FixedType
    beta: FixedType | None
    """None unless the mode is membrane and β is not 1. A constant of the design: the 16 bits after the point that
    a double rounds to, not a configured type."""
    state: FixedType
    """Count or membrane of a class."""
    result: FixedType
    """Class id, or the type of a logit."""

    @property
    def parameters(self) -> Types:
        return _present(beta=self.beta)


TypedLayer = TypedInput | TypedLinear | TypedMerge | TypedNeuron | TypedReadout
_TYPES: dict[str, tuple[type[Any], type[Any]]] = {
    "Input": (TypedInput, Input),
    "Linear": (TypedLinear, Linear),
    "Merge": (TypedMerge, Merge),
    "Neuron": (TypedNeuron, Neuron),
    "Readout": (TypedReadout, Readout),
}


@dataclass(frozen=True, slots=True)
class TypedNetwork:
    """Typed layers in the order of `network.layers`."""

    network: Network
    layers: tuple[TypedLayer, ...]

    def layer(self, name: str) -> TypedLayer:
        return next(typed for typed in self.layers if typed.layer.name == name)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; the inverse of `from_json`."""
        return {"network": self.network.to_json(), "types": [_types(layer) for layer in self.layers]}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> TypedNetwork:
        network = Network.from_json(data["network"])
        layers = []
        for layer, types in zip(network.layers, data["types"], strict=True):
            cls, _ = _TYPES[type(layer).__name__]
            layers.append(cls(layer, **{key: _parsed(value) for key, value in types.items()}))
        return TypedNetwork(network, tuple(layers))


def _types(layer: TypedLayer) -> dict[str, Any]:
    return {f.name: _written(getattr(layer, f.name)) for f in fields(layer) if f.name != "layer"}


def _written(value: FixedType | tuple[FixedType, ...] | Types | None) -> Any:
    if isinstance(value, tuple):
        return [str(kind) for kind in value]
    if isinstance(value, Mapping):
        return {key: str(kind) for key, kind in value.items()}
    return None if value is None else str(value)


def _parsed(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(FixedType.parse, value))
    if isinstance(value, Mapping):
        return {key: FixedType.parse(kind) for key, kind in value.items()}
    return None if value is None else FixedType.parse(value)


def _present(**types: FixedType | None) -> Types:
    return {key: kind for key, kind in types.items() if kind is not None}


class TooWide(Exception):  # noqa: N818 - says what a value is
    """No type holds it."""


@contextmanager
def of_layer(name: str) -> Iterator[None]:
    """What the block forms for the layer `name`, from types that are legal by themselves, may be too wide for any.

    Raises:
        ConfigError: it is.
    """
    try:
        yield
    except TooWide as error:
        raise ConfigError(f"layer '{name}': a sum or state {error}; give it and its input narrower types") from None


def holding(low: int, high: int, frac: int) -> FixedType:
    """The narrowest type with `frac` fractional bits that holds mantissas `low`..`high`.

    Raises:
        TooWide: there is none.
    """
    signed = low < 0
    width = max(max(high, 0).bit_length(), (-low - 1).bit_length() if signed else 0, 0 if signed else 1) + signed
    if width > WIDEST or abs(width - frac) > WIDEST:
        raise TooWide(f"takes {max(width, abs(width - frac))} bits, more than the {WIDEST} that a type may have")
    return FixedType(width, width - frac, signed)


def merged(joining: Joining, inputs: Sequence[FixedType]) -> FixedType:
    """The narrowest type that holds every sum of values of `inputs`, or every value of each.

    Raises:
        TooWide: there is none.
    """
    frac = max(kind.frac for kind in inputs)
    lows = [kind.min_raw << frac - kind.frac for kind in inputs]
    highs = [kind.max_raw << frac - kind.frac for kind in inputs]
    if joining == "add":
        return holding(sum(lows), sum(highs), frac)
    return holding(min(lows), max(highs), frac)


def weighted_sum(terms: int, weight: FixedType, value: FixedType, bias: FixedType | None) -> FixedType:
    """The narrowest type that holds every Σ weight·value (+ bias) of `terms` products, and every partial sum.

    Raises:
        ConfigError: no type is so wide.
    """
    corners = [w * x for w in (weight.min_raw, weight.max_raw) for x in (value.min_raw, value.max_raw)]
    low, high, frac = terms * min(corners), terms * max(corners), weight.frac + value.frac
    if bias is not None:
        common = max(frac, bias.frac)
        low = (low << common - frac) + (bias.min_raw << common - bias.frac)
        high = (high << common - frac) + (bias.max_raw << common - bias.frac)
        frac = common
    bits = max(high.bit_length(), (-low - 1).bit_length()) + 1
    if bits > WIDEST:
        added = "" if bias is None else f" and biases {bias}"
        raise ConfigError(
            f"hls: the exact sum of {terms} weights {weight} by inputs {value}{added} has {bits} bits, more than the "
            f"{WIDEST} that the tools take; give them nearer binary points"
        )
    return holding(low, high, frac)
