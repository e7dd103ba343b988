"""Network: what was trained, as a small DAG of frozen layers; the value between extraction and quantisation.

Layers hold structure only. Parameters stay in a mapping of float64 arrays keyed `<layer>/<parameter>`:

    Linear   weight (out_features, in_features), bias (out_features,) if `bias`
    Neuron   each parameter that its equations name, () or (size,)

Every vector is in hardware order: channels last, flattened. Extraction has permuted the parameters accordingly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.errors import DataError
from hlspike.generators.neurons.equations import Equations

Parameters = Mapping[str, NDArray[np.float64]]

OutputMode = Literal["spike", "membrane"]
DecisionRule = Literal[
    "argmax_spike_count", "first_to_threshold", "threshold_then_argmax", "binary_logit", "argmax_membrane"
]
ResetPolicy = Literal["fixed_window", "tlast", "host_pulse", "never"]
Emit = Literal["window", "step"]
Joining = Literal["add", "concatenate"]

INPUT = "input"
"""Name of the ingress layer, in configurations as in reports."""
READOUT = "readout"
"""Name of the readout layer."""


@dataclass(frozen=True, slots=True)
class Input:
    """The ingress: receives one timestep per call and alone decides `last`.

    `shape` is one timestep in torch order (channels first). `window_size` None means: as long as the sequences are.
    `last` is 1 on every `window_size`-th timestep (fixed_window), where it comes with the timestep from outside (tlast,
    host_pulse), or nowhere (never).
    """

    shape: tuple[int, ...]
    reset_policy: ResetPolicy
    window_size: int | None
    name: str = INPUT

    @property
    def inputs(self) -> tuple[str, ...]:
        return ()

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def told(self) -> bool:
        """Whether `last` comes from outside, so that a sequence ends wherever the stimulus says."""
        return self.reset_policy in ("tlast", "host_pulse")


@dataclass(frozen=True, slots=True)
class Linear:
    """y = W x + b."""

    name: str
    inputs: tuple[str, ...]
    in_features: int
    out_features: int
    bias: bool

    @property
    def size(self) -> int:
        return self.out_features


@dataclass(frozen=True, slots=True)
class Neuron:
    """A layer of neurons, all of the same equations; with `inhibition` only that of the largest firing sum, less θ, may
    fire, the first of several.

    Attributes:
        types: names of the type, the most specific first: what a report calls it, and a configuration may.
    """

    name: str
    inputs: tuple[str, ...]
    size: int
    types: tuple[str, ...]
    equations: Equations
    inhibition: bool = False


@dataclass(frozen=True, slots=True)
class Merge:
    """Several vectors become one: the sum of two, of one size, or any number of them, one behind the other.

    Attributes:
        sizes: of the inputs.
        spikes: whether every input is spikes, of which a concatenation is spikes again.
    """

    name: str
    inputs: tuple[str, ...]
    joining: Joining
    sizes: tuple[int, ...]
    spikes: bool

    @property
    def size(self) -> int:
        return self.sizes[0] if self.joining == "add" else sum(self.sizes)

    @property
    def type_name(self) -> str:
        """Keras's and hls4ml's name of the type."""
        return "Add" if self.joining == "add" else "Concatenate"

    @property
    def passes_spikes(self) -> bool:
        """Whether every value is a spike."""
        return self.joining == "concatenate" and self.spikes


@dataclass(frozen=True, slots=True)
class Readout:
    """The decision taken from the last layer's spikes (c_k += 1) or currents (m_k = βm_k + x_k)."""

    inputs: tuple[str, ...]
    n_classes: int
    output_mode: OutputMode
    decision_rule: DecisionRule
    class_threshold: int
    beta: float
    emit: Emit
    name: str = READOUT

    @property
    def size(self) -> int:
        return self.n_classes


Layer = Input | Linear | Merge | Neuron | Readout
_LAYER_TYPES: dict[str, type[Layer]] = {cls.__name__: cls for cls in (Input, Linear, Merge, Neuron, Readout)}


def type_name(layer: Layer) -> str:
    """The type a report calls `layer` by, and a configuration may."""
    match layer:
        case Neuron():
            return layer.types[0]
        case Merge():
            return layer.type_name
        case _:
            return type(layer).__name__


@dataclass(frozen=True, slots=True)
class Network:
    """Layers in an order in which every layer follows its inputs; the first is the Input, the last one the output."""

    layers: tuple[Layer, ...]
    notes: tuple[str, ...] = ()
    """What extraction wants the report to say: dropped identities, values that overrule a marker."""
    marked: tuple[str, ...] = ()
    """Keys of `readout` whose values come from the marker in the model."""
    warnings: tuple[str, ...] = ()
    """What is built, but is hardly what was meant."""
    window_given: bool = True
    """Whether anybody has said how many timesteps a sequence has."""

    @property
    def input(self) -> Input:
        first = self.layers[0]
        assert isinstance(first, Input)
        return first

    @property
    def readout(self) -> Readout | None:
        last = self.layers[-1]
        return last if isinstance(last, Readout) else None

    @property
    def neurons(self) -> tuple[Neuron, ...]:
        return tuple(layer for layer in self.layers if isinstance(layer, Neuron))

    def layer(self, name: str) -> Layer:
        return next(layer for layer in self.layers if layer.name == name)

    def upstream(self, name: str) -> tuple[str, ...]:
        """The layers on whose outputs that of `name` rests, in order, itself among them."""
        found = {name}
        for layer in reversed(self.layers):
            if layer.name in found:
                found.update(layer.inputs)
        return tuple(layer.name for layer in self.layers if layer.name in found)

    def bounded(self, timesteps: int) -> Network:
        """This network with the window of the ingress settled: `timesteps` where nothing else was asked for.

        A window that nobody has given is a warning: it decides when state is cleared, in the hardware too.

        Args:
            timesteps: of the longest sequence that is run.
        """
        if self.input.reset_policy != "fixed_window":
            return self
        window = self.input.window_size or timesteps
        told = () if self.window_given else (_forgotten(window, self.readout is not None, timesteps),)
        layers = (replace(self.input, window_size=window), *self.layers[1:])
        return replace(self, layers=layers, warnings=(*self.warnings, *told), window_given=True)

    def check_lengths(self, lengths: NDArray[np.int64]) -> None:
        """Refuse sequences that would be cut off by the window, or have no timestep where each needs one.

        Args:
            lengths: (N,) timesteps used of each sequence; 0 is an empty packet, for policies that know packets.
        Raises:
            DataError: a sequence ends elsewhere than at a boundary, or there is nothing to run.
        """
        ingress = self.input
        window = ingress.window_size if ingress.reset_policy == "fixed_window" else None
        if window is not None:
            cut = np.flatnonzero((lengths % window != 0) | (lengths == 0))
            if cut.size:
                raise DataError(_cut_off(lengths, int(cut[0]), window))
        empty = np.flatnonzero(lengths == 0)
        if empty.size and not ingress.told:
            raise DataError(
                f"data: sequence {empty[0]} has 0 timesteps, but reset_policy {ingress.reset_policy} knows no empty "
                "sequence; leave it out, or set readout.reset_policy=tlast, which has no decision for it"
            )
        if not lengths.any():
            raise DataError(f"data: none of the {len(lengths)} sequences has a timestep; give one that has")

    def check_labels(self, labels: NDArray[np.int64] | None) -> None:
        """Refuse labels of classes that the readout does not decide between.

        Raises:
            DataError: a label is beyond the last class.
        """
        if labels is None or self.readout is None:
            return
        beyond = np.flatnonzero(labels >= self.readout.n_classes)
        if beyond.size:
            raise DataError(
                f"data: labels[{beyond[0]}] is {labels[beyond[0]]}, but the network decides between "
                f"{self.readout.n_classes} classes, which count from 0; correct the labels, or the network's last layer"
            )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; the inverse of `from_json`."""
        layers = [layer_to_json(layer) for layer in self.layers]
        told = {key: list(getattr(self, key)) for key in ("notes", "marked", "warnings")}
        return {"layers": layers, **told, "window_given": self.window_given}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Network:
        layers = tuple(layer_from_json(item) for item in data["layers"])
        notes, marked, warnings = (tuple(data[key]) for key in ("notes", "marked", "warnings"))
        return Network(layers, notes, marked, warnings, data["window_given"])


def _cut_off(lengths: NDArray[np.int64], sequence: int, window: int) -> str:
    # as many timesteps in each as there would be sequences, if the axes were taken for one another
    swapped = len(lengths) % window == 0 and window > 1 and bool((lengths == lengths[0]).all())
    return (
        f"data: sequence {sequence} has {lengths[sequence]} timesteps, but reset_policy fixed_window ends a sequence "
        f"every {window}; pad it with timesteps without input to a multiple, cut it, or set readout.window_size; for "
        "sequences of different lengths set readout.reset_policy=tlast"
        + ("; if time is the first axis, give frames.swapaxes(0, 1)" if swapped else "")
    )


def _forgotten(window: int, readout: bool, timesteps: int) -> str:
    means = "every timestep is a sequence of its own" if window == 1 else f"a sequence is {window} timesteps"
    what = "and a decision taken " if readout else ""
    return (
        f"readout.window_size is not given, so {means}: state is cleared {what}after each; set "
        f"readout.window_size={timesteps} if a sequence has as many timesteps as those of the stimulus, or "
        "readout.reset_policy=never to keep state"
    )


def layer_to_json(layer: Layer) -> dict[str, Any]:
    return {"type": type(layer).__name__, **asdict(layer)}


def layer_from_json(item: Mapping[str, Any]) -> Layer:
    """The inverse of `layer_to_json`."""
    cls = _LAYER_TYPES[item["type"]]
    values = {field.name: _tuples(item[field.name]) for field in fields(cls)}
    if cls is Neuron:
        values["equations"] = Equations.from_json(item["equations"])
    return cls(**values)


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
