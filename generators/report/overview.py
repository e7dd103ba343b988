"""Overview: what the pictures of a report show, as arrays.

In come the traces of the executors, the typed network and its parameters; out come a confusion matrix, the spikes of
one sequence by who fired them, membranes beside their thresholds, and every tensor beside the range of its type.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.fixed import FixedType
from hlspike.generators.ir import Parameters
from hlspike.generators.neurons.equations import THRESHOLD
from hlspike.generators.reference import run_reference
from hlspike.generators.reference.tally import Overflow
from hlspike.generators.settle.decision import classes
from hlspike.generators.stimulus import Stimulus, channels_last
from hlspike.generators.traces import Traces
from hlspike.generators.typed import (
    Integers,
    TypedInput,
    TypedLinear,
    TypedMerge,
    TypedNetwork,
    TypedNeuron,
    TypedReadout,
)

SHOWN = 3
"""Neurons of a layer whose membrane is shown."""
SAMPLED = 64
"""Sequences whose values are in a histogram."""


def confusion(labels: NDArray[np.int64], decision: NDArray[Any]) -> NDArray[np.int64]:
    """(K, K) how often a sequence of class row was decided to be of class column; a logit above 0 is class 1."""
    decided = classes(decision)
    size = int(max(labels.max(), decided.max())) + 1
    counts = np.zeros((size, size), np.int64)
    np.add.at(counts, (labels, decided), 1)
    return counts


@dataclass(frozen=True, slots=True)
class Raster:
    """Spikes of one layer in one sequence, (k, 2) arrays of timestep and neuron, by who fired them."""

    layer: str
    neurons: int
    both: NDArray[np.int64]
    float_only: NDArray[np.int64]
    csim_only: NDArray[np.int64]


def rasters(typed: TypedNetwork, floating: Traces, csim: Traces, sequence: int, length: int) -> list[Raster]:
    """Of every layer whose spikes were traced."""
    found = []
    for layer in typed.network.neurons:
        key = f"spikes/{layer.name}"
        if key in floating and key in csim:
            ours, theirs = (trace[key][sequence, :length] != 0 for trace in (floating, csim))
            parts = (ours & theirs, ours & ~theirs, theirs & ~ours)
            found.append(Raster(layer.name, ours.shape[1], *(np.argwhere(part) for part in parts)))
    return found


@dataclass(frozen=True, slots=True)
class Membranes:
    """Of some neurons of one layer in one sequence the state that meets the threshold, in real units.

    Attributes:
        neurons: (k,) which.
        exact: (T, k) of reference and csim.
        fired: (T, k) where reference and csim fire.
        floating: (T, k) of the PyTorch module, None if they were not traced.
        threshold: (k,).
    """

    layer: str
    neurons: NDArray[np.int64]
    exact: NDArray[np.float64]
    fired: NDArray[np.bool_]
    floating: NDArray[np.float64] | None
    threshold: NDArray[np.float64]


def membranes(
    typed: TypedNetwork, integers: Integers, stimulus: Stimulus, floating: Traces, sequence: int
) -> list[Membranes]:
    """Of the neurons of each layer that differ first between float and reference, and then of those that fire most."""
    carried = typed.network.input.reset_policy == "never"
    rows = slice(0 if carried else sequence, sequence + 1)
    alone = Stimulus(stimulus.frames[rows], stimulus.lengths[rows], None)
    length = int(stimulus.lengths[sequence])
    trace = run_reference(typed, integers, alone, "states").trace
    found = []
    for layer in typed.layers:
        if not isinstance(layer, TypedNeuron):
            continue
        name = layer.layer.name
        spikes = trace[f"spikes/{name}"][-1, :length]
        theirs = floating.get(f"spikes/{name}")
        parted = np.zeros_like(spikes) if theirs is None else spikes != theirs[sequence, :length]
        first = np.where(parted.any(0), parted.argmax(0), length)
        neurons = np.sort(np.lexsort((-spikes.sum(0, dtype=np.int64), first))[:SHOWN])
        shown = layer.layer.equations.fires[0].of
        mem, threshold = trace[f"{shown}/{name}"][-1, :length, neurons].T, integers[f"{name}/{THRESHOLD}"]
        ours = floating.get(f"{shown}/{name}")
        found.append(
            Membranes(
                name, neurons, layer.state(shown).to_float(mem), spikes[:, neurons] != 0,
                None if ours is None else ours[sequence, :length][:, neurons],
                layer.parameters[THRESHOLD].to_float(np.broadcast_to(threshold, layer.layer.size)[neurons]),
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Values:
    """A tensor before it was put into its type.

    Attributes:
        values: flat, in real units.
        beyond, total: how many did not fit, of all over the whole stimulus.
    """

    layer: str
    key: str
    type: FixedType
    values: NDArray[np.float64]
    beyond: int
    total: int


def tensors(
    typed: TypedNetwork,
    parameters: Parameters,
    stimulus: Stimulus,
    floating: Traces,
    reference: Traces,
    overflows: tuple[Overflow, ...],
) -> Iterator[Values]:
    """Every parameter, the input, the result of every synapse, and every membrane that was traced.

    Args:
        floating, reference: traces; what the float executor has traced is shown, since no type has bent it yet.
    """
    seen = {(item.layer, item.key): item.count for item in overflows}
    sample = stimulus.head(SAMPLED)
    valid, timesteps = sample.valid, stimulus.timesteps
    streams: dict[str, NDArray[Any] | None] = {}
    for layer in typed.layers:
        name = layer.layer.name
        for key, kind in layer.parameters.items():
            if isinstance(layer, TypedReadout):
                continue
            values = np.asarray(parameters[f"{name}/{key}"], np.float64)
            _, saturated, _ = kind.round_parameter(values)
            yield Values(name, key, kind, values.ravel(), int(saturated.sum()), values.size)
        streams[name] = None
        made: list[tuple[str, FixedType, NDArray[Any]]] = []
        match layer:
            case TypedInput():
                streams[name] = channels_last(sample.frames[:], layer.layer.shape)
                made = _made("result", layer.result, streams[name])
            case TypedLinear():
                source, weight = streams[layer.layer.inputs[0]], parameters[f"{name}/weight"]
                bias = parameters[f"{name}/bias"] if layer.bias is not None else 0.0
                streams[name] = None if source is None else source @ weight.T + bias
                made = _made("result", layer.result, streams[name])
            case TypedMerge():
                streams[name] = _merged(layer, [streams[source] for source in layer.layer.inputs])
                made = _made("result", layer.result, streams[name])
            case TypedNeuron():
                streams[name] = _head(floating, f"spikes/{name}")
                for state in layer.layer.equations.held:
                    kind = layer.state(state.name)
                    made += _made(state.key, kind, _traced(state.name, name, kind, floating, reference))
            case TypedReadout():
                continue
            case _:
                assert_never(layer)
        for key, kind, stream in made:
            values = np.asarray(stream[valid], np.float64).ravel()
            yield Values(name, key, kind, values, seen.get((name, key), 0), timesteps * stream.shape[-1])


def _made(key: str, kind: FixedType, stream: NDArray[Any] | None) -> list[tuple[str, FixedType, NDArray[Any]]]:
    return [] if stream is None else [(key, kind, stream)]


def _traced(state: str, layer: str, kind: FixedType, floating: Traces, reference: Traces) -> NDArray[Any] | None:
    """What was traced of a state, in real units; of the float executor, if it was."""
    found, raw = _head(floating, f"{state}/{layer}"), _head(reference, f"{state}/{layer}")
    return kind.to_float(raw) if found is None and raw is not None else found


def _merged(layer: TypedMerge, sources: Sequence[NDArray[Any] | None]) -> NDArray[Any] | None:
    known = [source.astype(np.float64) for source in sources if source is not None]
    if len(known) < len(sources):
        return None
    return known[0] + known[1] if layer.layer.joining == "add" else np.concatenate(known, axis=-1)


def _head(trace: Traces, key: str) -> NDArray[Any] | None:
    return trace[key][:SAMPLED] if key in trace else None
