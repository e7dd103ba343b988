"""Design: the hardware in plain names, integers and C++ type strings; the value between scheduling and emission.

Templates only loop over it and print. `slices` gives each unit of the generated code the part of the design that its
text depends on, and nothing else: a unit whose slice is unchanged is neither regenerated nor recompiled.
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

Io = Literal["parallel", "stream"]
Structure = Literal["pipeline", "dataflow"]
Arrays = dict[str, NDArray[np.int64]]


_WORDS = {"signed char": 8, "short": 16, "int": 32, "long long": 64}
"""Machine integers; char is left out, its sign is the compiler's choice."""


@dataclass(frozen=True, slots=True)
class Port:
    """A vector of `size` values of C++ type `type`, which travels in beats of `lanes` neighbouring values."""

    size: int
    type: str
    lanes: int

    @staticmethod
    def of(size: int, kind: FixedType) -> Port:
        """Without lanes of its own: `lanes.connected` settles them between neighbours."""
        return Port(size, kind.cpp, size)

    @property
    def beats(self) -> int:
        return self.size // self.lanes


@dataclass(frozen=True, slots=True)
class Edge:
    """A vector where it enters or leaves the design: `words` of `width` bits, `lanes` values in each but the last, from
    the lowest bits on.

    Attributes:
        pins: under parallel io, every word is a port of its own; else they are a memory outside the design, which gives
            or takes one after the other.
    """

    width: int
    lanes: int
    words: int
    pins: bool


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
    """Timesteps of a sequence; 0 if there is no end."""
    edge: Edge


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
    """Where the membranes lie."""
    membrane_type: str
    decay: Literal["lif", "integrate"]
    reset: Literal["subtract", "zero", "none"]
    immediate: bool
    inhibition: bool
    beta: Parameter | None
    threshold: Parameter


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


LayerDesign = InputDesign | LinearDesign | NeuronDesign | ReadoutDesign


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
    """Every layer in order, the arrays of each keyed `<id>/<array>`, and the report of each layer."""

    io: Io
    layers: tuple[LayerDesign, ...]
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
            "reports": [asdict(report) for report in self.reports],
            "names": self.names,
        }

    def slices(self) -> dict[str, tuple[dict[str, Any], Arrays]]:
        """Unit → what its text is made of; units are the layers' identifiers, `top` and `tb`."""
        units: dict[str, tuple[dict[str, Any], Arrays]] = {}
        for layer in self.layers:
            arrays = {
                key.split("/", 1)[1]: value for key, value in self.arrays.items() if key.split("/", 1)[0] == layer.id
            }
            units[layer.id] = {"io": self.io, "once": self.once(layer), "layer": tagged(layer)}, arrays
        chain = [{"id": layer.id, "kind": kind(layer)} for layer in self.layers]
        boundary = {
            "io": self.io, "input": _boundary(self.input.output, self.input.edge), "output": self._output(),
            "layers": chain,
        }
        between = [
            {"depth": max(layer.output.beats, 2)} if self.io == "stream" else {"single": layer.output.beats == 1}
            for layer in self.layers if not isinstance(layer, ReadoutDesign)
        ]
        units["top"] = {**boundary, "control": self.control, "structure": self.structure, "between": between}, {}
        probes = [_probe(layer) for layer in self.layers if _has_state(layer)]
        depths = [one["depth"] for one in between] if self.io == "stream" else []
        units["tb"] = {**boundary, "probes": probes, "depths": depths}, {}
        return units

    def _output(self) -> dict[str, Any]:
        last = self.layers[-1]
        if not isinstance(last, ReadoutDesign):
            return {"decision": False, **_boundary(last.output, self.output)}
        signed = FixedType.parse(last.decision_type).signed
        return {"decision": True, "signed": signed, "size": 1, **asdict(self.output)}


def tagged(layer: LayerDesign) -> dict[str, Any]:
    """The layer as JSON, with the name of its kind."""
    return {"kind": kind(layer), **asdict(layer)}


def kind(layer: LayerDesign) -> str:
    """The name of the template, of the kernel, and of the kind of layer."""
    match layer:
        case InputDesign():
            return "input"
        case LinearDesign():
            return "linear"
        case NeuronDesign():
            return "leaky"
        case ReadoutDesign():
            return "readout"
        case _:
            assert_never(layer)


def _has_state(layer: LayerDesign) -> bool:
    return isinstance(layer, NeuronDesign | ReadoutDesign)


def _boundary(port: Port, edge: Edge) -> dict[str, Any]:
    """A vector at an edge, as those see it who leave its type to the headers of the layers."""
    return {"size": port.size, "bits": FixedType.parse(port.type).width, **asdict(edge)}


def _probe(layer: LayerDesign) -> dict[str, Any]:
    match layer:
        case NeuronDesign():
            return {"id": layer.id, "size": layer.output.size, "spikes": True, "state": "mem"}
        case ReadoutDesign():
            return {"id": layer.id, "size": layer.input.size, "spikes": False, "state": layer.state}
        case InputDesign() | LinearDesign():
            raise TypeError(f"{layer.id} has no state")
        case _:
            assert_never(layer)
