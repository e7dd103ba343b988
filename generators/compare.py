"""Comparison of traces: reference with csim, where nothing may differ, and float with reference, where the first
difference is explained.

Traces are dictionaries of arrays as in trace.npz. Layers are compared in the order of the road.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, assert_never

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.fixed import FixedType
from hlspike.generators.ir import Network
from hlspike.generators.reference import run_reference
from hlspike.generators.reference.plan import Plan
from hlspike.generators.reference.tally import Overflow
from hlspike.generators.settle.decision import classes
from hlspike.generators.stimulus import Stimulus
from hlspike.generators.traces import Traces, parts
from hlspike.generators.typed import (
    Integers,
    TypedInput,
    TypedLayer,
    TypedLinear,
    TypedMerge,
    TypedNetwork,
    TypedNeuron,
    TypedReadout,
    holding,
    merged,
    weighted_sum,
)

Cause = Literal["overflow", "tie at the threshold", "rounding of a parameter", "rounding of state"]
_FINE = 60
"""Fractional bits of a state that counts as not rounded."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first value that two executors disagree on."""

    layer: str
    key: str
    sequence: int
    timestep: int
    neuron: int
    expected: int | float
    found: int | float

    @property
    def message(self) -> str:
        return (
            f"{self.layer}: csim differs from the reference in {self.key} of sequence {self.sequence}, timestep "
            f"{self.timestep}, neuron {self.neuron}: expected {self.expected}, found {self.found}"
        )


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first spike in which the float network and the reference part, and why."""

    layer: str
    sequence: int
    timestep: int
    neuron: int
    cause: Cause

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def mismatches(
    network: Network, lengths: NDArray[np.int64], expected: Traces, found: Traces
) -> tuple[int, Difference | None]:
    """How many values of `found` are not those of `expected`, and the first by sequence, timestep, layer, neuron.

    Args:
        lengths: (N,) timesteps used of each sequence; a decision counts at the last.
    """
    count = 0
    first: tuple[tuple[int, int, int, int], Difference] | None = None
    for rank, (layer, key) in enumerate(_keys(network, expected)):
        differs = False
        for rows in parts(expected[key].shape):
            ours, theirs = expected[key][rows], found[key][rows]
            count += int(np.count_nonzero(_unequal(ours, theirs)))
            ours, theirs = (_by_timestep(key, values, lengths[rows]) for values in (ours, theirs))
            unequal = _unequal(ours, theirs)
            if differs or not unequal.any():
                continue
            differs = True
            at = sequence, timestep, neuron = tuple(int(index) for index in np.argwhere(unequal)[0])
            kind = key.removeprefix("readout/").split("/")[0]
            sequence += rows.start
            difference = Difference(layer, kind, sequence, timestep, neuron, ours[at].item(), theirs[at].item())
            place = sequence, timestep, rank, neuron
            if first is None or place < first[0]:
                first = place, difference
    return count, None if first is None else first[1]


def _keys(network: Network, trace: Traces) -> Iterator[tuple[str, str]]:
    """(layer, key) of a trace in the order in which values come about within a timestep."""
    last = network.layers[-1].name
    for neuron in network.neurons:
        for kind in ("spikes", *(state.name for state in neuron.equations.held)):
            if f"{kind}/{neuron.name}" in trace:
                yield neuron.name, f"{kind}/{neuron.name}"
    for key in ("readout/count", "readout/mem", "output", "decision_steps", "decision"):
        if key in trace:
            yield last, key


def _unequal(ours: NDArray[Any], theirs: NDArray[Any]) -> NDArray[np.bool_]:
    unequal = np.asarray(ours != theirs)
    if ours.dtype.kind == theirs.dtype.kind == "f":
        # on an empty sequence there is no logit
        unequal &= ~(np.isnan(ours) & np.isnan(theirs))
    return unequal


def _by_timestep(key: str, values: NDArray[Any], lengths: NDArray[np.int64]) -> NDArray[Any]:
    """(N, T, n), a decision at the last timestep of its sequence; of an empty one there is none."""
    if key == "decision_steps":
        return values[..., None]
    if key != "decision":
        return values
    placed = np.zeros((len(lengths), int(lengths.max()), 1), values.dtype)
    decided = np.flatnonzero(lengths)
    placed[decided, lengths[decided] - 1, 0] = values[decided]
    return placed


def agreement(
    typed: TypedNetwork,
    integers: Integers,
    stimulus: Stimulus,
    floating: Traces,
    reference: Traces,
    overflows: tuple[Overflow, ...],
) -> dict[str, Any]:
    """The float half of the report's `agreement`.

    Returns:
        `decisions_float_reference`, the share of equal classes (None without readout); of `binary_logit`
        `logits_float_reference`, the share of equal values, and `largest_logit_error`, in units of the logit (else
        None); `spikes_float_reference` (None if no spikes were traced); `first_divergence` (None if every traced spike
        is equal).
    """
    decisions = logits = error = None
    if "decision" in reference:
        some = stimulus.lengths > 0
        decided, exact = floating["decision"][:][some], reference["decision"][:][some]
        decisions = float(np.mean(classes(decided) == classes(exact)))
        if exact.dtype.kind == "f":
            logits, error = float(np.mean(decided == exact)), float(np.abs(decided - exact).max())
    carried = typed.network.input.reset_policy == "never"
    total, unequal, found = 0, 0, []
    for rank, layer in enumerate(typed.network.neurons):
        if f"spikes/{layer.name}" not in reference:
            continue
        ours, theirs = (trace[f"spikes/{layer.name}"] for trace in (floating, reference))
        total += stimulus.timesteps * ours.shape[-1]
        for rows in parts(ours.shape):
            mask = ours[rows] != theirs[rows]
            hits = np.argwhere(mask)
            unequal += len(hits)
            if len(hits):
                sequence, timestep, neuron = _earliest(hits, carried)
                sequence += rows.start
                order = (sequence, timestep, rank, neuron) if carried else (timestep, rank, sequence, neuron)
                found.append((order, (layer.name, sequence, timestep, neuron)))
    divergence = None
    if found:
        # the earliest in time, so that nothing before it can be its cause
        place = min(found)[1]
        divergence = Divergence(*place, _cause(typed, integers, stimulus, overflows, floating, *place)).to_json()
    return {
        "decisions_float_reference": decisions,
        "logits_float_reference": logits,
        "largest_logit_error": error,
        "spikes_float_reference": 1 - unequal / total if total else None,
        "first_divergence": divergence,
    }


def _earliest(hits: NDArray[np.int64], carried: bool) -> tuple[int, int, int]:
    """(sequence, timestep, neuron): the first of `hits`, which are in that order, or the first in time."""
    if not carried:
        hits = hits[hits[:, 1] == hits[:, 1].min()]
    sequence, timestep, neuron = hits[0].tolist()
    return sequence, timestep, neuron


def _cause(
    typed: TypedNetwork,
    integers: Integers,
    stimulus: Stimulus,
    overflows: tuple[Overflow, ...],
    floating: Traces,
    name: str,
    sequence: int,
    timestep: int,
    neuron: int,
) -> Cause:
    carried = typed.network.input.reset_policy == "never"
    upstream = typed.network.upstream(name)
    for overflow in overflows:
        before = (
            any((n, t) <= (sequence, timestep) for n, t in overflow.first.items())
            if carried
            else overflow.first.get(sequence, timestep + 1) <= timestep
        )
        if overflow.layer in upstream and before:
            return "overflow"
    rows = slice(0 if carried else sequence, sequence + 1)
    alone = Stimulus(stimulus.frames[rows], stimulus.lengths[rows], None)
    layer = typed.layer(name)
    assert isinstance(layer, TypedNeuron)
    trace = run_reference(typed, integers, alone, "compared").trace
    held = (state.name for state in layer.layer.equations.held)
    states = {state: int(trace[f"{state}/{name}"][-1, timestep, neuron]) for state in held}
    if excess(layer, integers, states, neuron) == 0:
        return "tie at the threshold"
    unrounded = run_reference(_with_fine_states(typed, alone), integers, alone, "spikes").trace[f"spikes/{name}"]
    differs = unrounded[-1, timestep, neuron] != floating[f"spikes/{name}"][sequence, timestep, neuron]
    return "rounding of a parameter" if differs else "rounding of state"


def excess(layer: TypedNeuron, integers: Integers, states: Mapping[str, int], neuron: int) -> int:
    """What a neuron's firing sum has beyond θ, at the point of whichever is finest.

    Args:
        states: mantissas by name.
    """
    margin = Plan.of(layer, integers).margin
    assert margin is not None
    total = 0
    for product in margin.products:
        factor = int(np.broadcast_to(product.factor, (layer.layer.size,))[neuron])
        total += (-factor if product.negative else factor) * (states[product.of] if product.of else 1)
    return total


def _with_fine_states(typed: TypedNetwork, stimulus: Stimulus) -> TypedNetwork:
    """The same parameters, but every state, sum and input so fine that rounding it moves nothing."""
    layers: list[TypedLayer] = []
    results: dict[str, FixedType] = {}
    for layer in typed.layers:
        sources = tuple(results[name] for name in layer.layer.inputs)
        match layer:
            case TypedInput():
                largest = float(np.abs(stimulus.frames[:].astype(np.float64)).max())
                bound = int(largest + 1) << _FINE
                typed_layer: TypedLayer = replace(layer, result=holding(-bound, bound, _FINE))
            case TypedLinear():
                exact = weighted_sum(layer.layer.in_features, layer.weight, sources[0], layer.bias)
                typed_layer = replace(layer, input=sources[0], accum=exact, result=exact)
            case TypedMerge() if layer.layer.passes_spikes:
                typed_layer = layer
            case TypedMerge():
                typed_layer = replace(layer, inputs=sources, result=merged(layer.layer.joining, sources))
            case TypedNeuron():
                fine = {
                    key: FixedType(2 * _FINE + kind.integer, _FINE + kind.integer) for key, kind in layer.states.items()
                }
                typed_layer = replace(layer, input=sources[0], states=fine)
            case TypedReadout():
                # no spike depends on the readout
                continue
            case _:
                assert_never(layer)
        layers.append(typed_layer)
        results[layer.layer.name] = typed_layer.result
    network = replace(typed.network, layers=tuple(layer.layer for layer in layers))
    return TypedNetwork(network, tuple(layers))
