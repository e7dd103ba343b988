"""Design: the hardware in plain names, integers and C++ type strings; the value between scheduling and emission.

Templates only loop over it and print; see `generators.hardware.units`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, assert_never

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.fixed import FixedType
from hlspike.generators.hardware.storage import Storage
from hlspike.generators.hardware.strategy import Strategy
from hlspike.generators.hardware.wires import Channel, Edge, Port
from hlspike.generators.ir import Joining
from hlspike.generators.neurons.equations import Equations
from hlspike.generators.neurons.sums import grouped

Io = Literal["parallel", "stream"]
Structure = Literal["pipeline", "dataflow"]
_WORDS = {"signed char": 8, "short": 16, "int": 32, "long long": 64}
"""Machine integers; char is left out, its sign is the compiler's choice."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """Mantissas of C++ type `type` as `word`, a machine integer; `scalar` if one value serves the whole layer."""

    type: str
    word: str
    scalar: int | None

    @staticmethod
    def of(kind: FixedType, values: NDArray[np.int64]) -> Parameter:
        bits = kind.width + (not kind.signed)
        word = next(word for word, width in _WORDS.items() if bits <= width)
        return Parameter(kind.cpp_fixed, word, int(values) if values.ndim == 0 else None)


@dataclass(frozen=True, slots=True)
class InputDesign:
    id: str
    output: Port
    window: int
    """Timesteps of a sequence; 0 if the ingress does not count them."""
    told: bool
    """Whether the end of a sequence comes from outside, with its last timestep."""
    edge: Edge


@dataclass(frozen=True, slots=True)
class Sums:
    """Additions that outputs share: of how many bits there are how many, and how many follow each other at most."""

    adders: tuple[tuple[int, int], ...]
    depth: int


@dataclass(frozen=True, slots=True)
class LinearDesign:
    id: str
    input: Port
    output: Port
    reuse_factor: int
    in_parallel: int
    out_parallel: int
    strategy: Strategy
    taken: int
    """Inputs taken at once: in_parallel, but more of spikes of which the ones are sought."""
    sums: Sums | None
    """Of strategy distributed_arithmetic, which has no products."""
    storage: Storage
    """Of the weights."""
    weight_width: int
    """Bits of a stored weight; one of an unsigned type has a sign."""
    bias: Parameter | None
    sum_width: int
    acc_width: int
    acc_type: str
    accum_type: str
    result_type: str
    """As the output's, but never ap_uint<1>, which would truncate a sum towards zero."""


@dataclass(frozen=True, slots=True)
class NeuronDesign:
    id: str
    input: Port
    output: Port
    reuse_factor: int
    parallel: int
    storage: Storage
    """Where the states lie."""
    title: str
    """What the neurons are called."""
    equations: Equations
    types: dict[str, str]
    """State → its C++ type."""
    parameters: dict[str, Parameter]
    inhibition: bool

    @property
    def held(self) -> tuple[str, ...]:
        """States that are kept from one timestep to the next."""
        return tuple(state.name for state in self.equations.held)


@dataclass(frozen=True, slots=True)
class MergeDesign:
    id: str
    inputs: tuple[Port, ...]
    output: Port
    joining: Joining
    parallel: int
    """Values given at once."""
    result_type: str
    """As the output's, but never ap_uint<1>, which would truncate a sum towards zero."""


@dataclass(frozen=True, slots=True)
class CloneDesign:
    """A vector that several layers take, once for each of them, beat by beat: one array or FIFO has one reader."""

    id: str
    input: Port
    output: Port
    """Each of them."""
    copies: int


@dataclass(frozen=True, slots=True)
class ReadoutDesign:
    id: str
    input: Port
    parallel: int
    state_type: str
    decision_type: str
    integrator: Literal["accumulate", "leak"]
    rule: Literal["argmax", "threshold_then_argmax", "first_to_threshold", "binary_logit"]
    every_step: bool
    class_threshold: int | None
    """None for a rule that has none."""
    beta: Parameter | None
    state: Literal["count", "mem"]
    edge: Edge
    """The word of a decision, its sign extended."""


LayerDesign = InputDesign | LinearDesign | NeuronDesign | MergeDesign | CloneDesign | ReadoutDesign


@dataclass(frozen=True, slots=True)
class LayerReport:
    """What the report says of a layer.

    Attributes:
        strategy: of a synapse.
        storage: of the weights of a synapse, of the membranes of neurons.
        precision: key → type, as resolved.
        parameters: how many numbers the layer stores.
        multipliers: how many it works with at once.
    """

    name: str
    type: str
    reuse_factor: int | None
    strategy: Strategy | None
    storage: Storage | None
    precision: dict[str, str]
    parameters: int
    multipliers: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Design:
    """Every layer after those whose vectors it takes, the channels between them in the order of their sources, the
    arrays of each layer keyed `<id>/<array>`, and the report of each layer.
    """

    io: Io
    layers: tuple[LayerDesign, ...]
    channels: tuple[Channel, ...]
    reports: tuple[LayerReport, ...]
    names: dict[str, str]
    """Identifier → name of the layer in the model."""
    arrays: Mapping[str, NDArray[np.int64]]
    output: Edge
    """Where the decision leaves or, without readout, the last layer's vector."""
    control: str = "s_axilite"
    """Protocol by which a timestep begins and ends."""

    @property
    def structure(self) -> Structure:
        """How timesteps overlap.

        "pipeline": the whole design is one pipeline, which a timestep enters every cycle. "dataflow": every layer works
        by itself on the timestep that the one before it has done with, so the interval is that of the slowest layer.
        """
        at_once = self.io == "parallel" and self.output.pins and all(map(self.once, self.layers))
        return "pipeline" if at_once else "dataflow"

    def once(self, layer: LayerDesign) -> bool:
        """Whether one iteration, with one beat on either side, does all the work of a timestep."""
        match layer:
            case InputDesign():
                words = layer.edge.words == 1 or (self.io == "parallel" and layer.edge.pins)
                return words and layer.output.beats == 1
            case LinearDesign() if layer.strategy == "event":
                return False  # it has a loop of words before that of spikes
            case LinearDesign() | NeuronDesign():
                return layer.reuse_factor == layer.input.beats == layer.output.beats == 1
            case MergeDesign():
                beats = {port.beats for port in (*layer.inputs, layer.output)}
                return layer.parallel == layer.output.size and beats == {1}
            case CloneDesign():
                return layer.input.beats == 1
            case ReadoutDesign():
                return layer.parallel == layer.input.size and layer.input.beats == 1
            case _:
                assert_never(layer)

    @property
    def input(self) -> InputDesign:
        first = self.layers[0]
        assert isinstance(first, InputDesign)
        return first

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, without the arrays."""
        return {
            "io": self.io,
            "structure": self.structure,
            "output": asdict(self.output),
            "layers": [tagged(layer) for layer in self.layers],
            "channels": [asdict(channel) for channel in self.channels],
            "reports": [asdict(report) for report in self.reports],
            "names": self.names,
        }

    def taken(self, layer: LayerDesign) -> tuple[Channel, ...]:
        """The channels that `layer` takes from, in the order of its inputs."""
        return tuple(sorted((one for one in self.channels if one.target == layer.id), key=lambda one: one.place))

    def given(self, layer: LayerDesign) -> tuple[Channel, ...]:
        """The channels that `layer` gives to, in the order of its outputs."""
        return tuple(channel for channel in self.channels if channel.source == layer.id)


def tagged(layer: LayerDesign) -> dict[str, Any]:
    """The layer as JSON, with the name of its kind."""
    told = {"kind": kind(layer), **_plain(asdict(layer))}
    if isinstance(layer, NeuronDesign):
        terms = {"fires": layer.equations.fires, **{state.name: state.terms for state in layer.equations.states}}
        sums = {name: _plain(tuple(tuple(map(asdict, group)) for group in grouped(of))) for name, of in terms.items()}
        told |= {"recalls": layer.equations.recalls, "sums": sums}
    return told


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def kind(layer: LayerDesign) -> str:
    """The name of the template, of the kernel, and of the kind of layer."""
    match layer:
        case InputDesign():
            return "input"
        case LinearDesign():
            return "linear"
        case NeuronDesign():
            return "neuron"
        case MergeDesign():
            return "merge"
        case CloneDesign():
            return "clone"
        case ReadoutDesign():
            return "readout"
        case _:
            assert_never(layer)
