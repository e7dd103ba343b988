"""The reference: a TypedNetwork run in exact integers, the oracle that the generated C++ is compared with.

In comes a TypedNetwork, its parameters as mantissas and a stimulus; out come the traces, what the design emits, and
every overflow seen. Layers run one after the other, each over all timesteps of all sequences at once: only neurons
and readouts then walk through time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, assert_never

import numpy as np
from numpy.typing import NDArray

from generators.decision import boundaries, decide, spike_counts
from generators.errors import DataError
from generators.fixed import SPIKE, FixedType
from generators.ir import INPUT
from generators.matmul import exact_product
from generators.neurons import run_leaky
from generators.stimulus import Stimulus, channels_last
from generators.tally import Batch, Overflow, Tally
from generators.typed import Integers, TypedInput, TypedLeaky, TypedLinear, TypedNetwork, TypedReadout

Trace = Literal["decisions", "spikes", "states", "compared"]
"""How much to record; "compared" is "states", with membranes as they were compared with θ, before a reset within the
timestep."""
_KEPT: dict[Trace, Literal["left", "compared"]] = {"states": "left", "compared": "compared"}
_BATCH_VALUES = 1 << 21
"""Values of the widest layer that are worked on at once: they stay in the processor's cache, whatever the stimulus."""


@dataclass(frozen=True, slots=True)
class ReferenceRun:
    """What the reference did.

    Attributes:
        trace: the arrays of trace.npz that are not decisions: `spikes/<layer>`, `mem/<layer>`, `readout/…`.
        emitted: (E, w) int64 mantissas, one row per emission of the design in order: a decision (w = 1) at each
            boundary or timestep, or without readout the last layer's n values at each timestep.
        input: (N, T, n) mantissas as the design receives them.
        overflows: one per place where values left their type, in the order of the layers.
        ranges: (layer, key) → the extreme mantissas that were cast into its type, before they could overflow.
    """

    trace: Mapping[str, NDArray[Any]]
    emitted: NDArray[np.int64]
    input: NDArray[Any]
    overflows: tuple[Overflow, ...]
    ranges: Mapping[tuple[str, str], tuple[int, int]]


def run_reference(
    typed: TypedNetwork, integers: Integers, stimulus: Stimulus, trace: Trace = "decisions"
) -> ReferenceRun:
    """Run every sequence of `stimulus`.

    Args:
        typed: with a settled window (`Network.bounded`).
        integers: mantissas keyed `<layer>/<parameter>`.
        trace: how much to record.
    Raises:
        DataError: a sequence would be cut off by the window.
    """
    typed.network.check_lengths(stimulus.lengths)
    tally = Tally(stimulus.timesteps)
    if typed.network.input.reset_policy == "never":
        tally.begin(Batch.of(stimulus).joined())
        done = _run(typed, integers, stimulus.back_to_back(), trace, tally)
        traces = {key: stimulus.split(values) for key, values in done.trace.items()}
        return ReferenceRun(traces, done.emitted, stimulus.split(done.input), tally.overflows, tally.ranges)
    runs = []
    for first, part in _batches(stimulus, max(layer.layer.size for layer in typed.layers)):
        tally.begin(Batch.of(part, first))
        runs.append(_run(typed, integers, part, trace, tally))
    return ReferenceRun(
        {key: np.concatenate([run.trace[key] for run in runs]) for key in runs[0].trace},
        np.concatenate([run.emitted for run in runs]),
        np.concatenate([run.input for run in runs]),
        tally.overflows,
        tally.ranges,
    )


def _batches(stimulus: Stimulus, widest: int) -> Iterator[tuple[int, Stimulus]]:
    size = max(1, _BATCH_VALUES // (stimulus.frames.shape[1] * widest))
    for first in range(0, len(stimulus), size):
        rows = slice(first, first + size)
        yield first, Stimulus(stimulus.frames[rows], stimulus.lengths[rows], None)


@dataclass(frozen=True, slots=True)
class _BatchRun:
    trace: dict[str, NDArray[Any]]
    emitted: NDArray[np.int64]
    input: NDArray[Any]


def _run(typed: TypedNetwork, integers: Integers, stimulus: Stimulus, trace: Trace, tally: Tally) -> _BatchRun:
    valid = stimulus.valid
    last = boundaries(typed.network.input, stimulus.frames.shape[1])
    values: dict[str, NDArray[Any]] = {}
    recorded: dict[str, NDArray[Any]] = {}

    def record(key: str, states: NDArray[Any], dtype: type[Any]) -> None:
        recorded[key] = np.where(valid[..., None], states, 0).astype(dtype)

    for layer in typed.layers:
        name = layer.layer.name
        match layer:
            case TypedInput():
                frames = channels_last(stimulus.frames, layer.layer.shape)
                values[name] = tally.convert(name, layer.result, frames)
            case TypedLinear():
                values[name] = _linear(layer, integers, values[layer.layer.inputs[0]], tally)
            case TypedLeaky():
                current = values[layer.layer.inputs[0]]
                values[name], mem = run_leaky(layer, integers, current, last, tally, _KEPT.get(trace))
                if trace != "decisions":
                    record(f"spikes/{name}", values[name], np.uint8)
                if mem is not None:
                    record(f"mem/{name}", mem, np.int64)
            case TypedReadout():
                state = _readout(layer, integers, values[layer.layer.inputs[0]], last, tally)
                if trace in _KEPT:
                    record(f"readout/{'count' if layer.layer.output_mode == 'spike' else 'mem'}", state, np.int64)
                values[name] = _decisions(layer, state, last, tally)[..., None]
            case _:
                assert_never(layer)
    network = typed.network
    emits = valid & last if network.readout is not None and network.readout.emit == "window" else valid
    emitted = values[network.layers[-1].name][emits]
    return _BatchRun(recorded, emitted.astype(np.int64), values[INPUT])


def _linear(layer: TypedLinear, integers: Integers, values: NDArray[Any], tally: Tally) -> NDArray[Any]:
    name, frac = layer.layer.name, layer.weight.frac + layer.input.frac
    total = exact_product(values, integers[f"{name}/weight"])
    if layer.bias is not None:
        common = max(frac, layer.bias.frac)
        bias = integers[f"{name}/bias"]
        if layer.sum.width > 62:
            total, bias = total.astype(object), bias.astype(object)
        total = total * (1 << common - frac) + bias * (1 << common - layer.bias.frac)
        frac = common
    accum = tally.cast(name, "accum", layer.accum, total, frac)
    return tally.cast(name, "result", layer.result, accum, layer.accum.frac)


def _readout(
    layer: TypedReadout, integers: Integers, values: NDArray[Any], last: NDArray[np.bool_], tally: Tally
) -> NDArray[Any]:
    if layer.layer.output_mode == "spike":
        return spike_counts(values, last)
    state_type, beta = layer.state, layer.beta
    beta_raw = 1 if beta is None else int(integers[f"{layer.layer.name}/beta"])
    decayed = state_type.frac + (0 if beta is None else beta.frac)
    frac = max(decayed, layer.input.frac)
    bits = 1 + max(
        state_type.width + (0 if beta is None else beta.width) + frac - decayed,
        layer.input.width + frac - layer.input.frac,
    )
    dtype: Any = np.int64 if bits <= 62 else object
    values = values.astype(dtype) * (1 << frac - layer.input.frac)
    state = np.zeros((values.shape[0], values.shape[2]), dtype)
    states = np.empty(values.shape, np.int64 if state_type.width <= 63 else object)
    for t, ends in enumerate(last):
        exact = state * (beta_raw << frac - decayed) + values[:, t]
        states[:, t] = tally.cast_step(layer.layer.name, "membrane", state_type, exact, frac, t)
        state = np.zeros_like(state) if ends else states[:, t].astype(dtype)
    return states


def _decisions(layer: TypedReadout, state: NDArray[Any], last: NDArray[np.bool_], tally: Tally) -> NDArray[Any]:
    if layer.layer.decision_rule == "binary_logit" and layer.state.width > 62:
        state = state.astype(object)
    decided = decide(layer.layer, state, last)
    if layer.layer.decision_rule != "binary_logit":
        return decided
    return tally.cast(layer.layer.name, "result", layer.result, decided[..., None], layer.state.frac)[..., 0]


def outcomes(
    typed: TypedNetwork, emitted: NDArray[np.int64], lengths: NDArray[np.int64], timesteps: int
) -> dict[str, NDArray[Any]]:
    """The decisions in trace.npz of what a design emitted, be it the reference or csim.

    Args:
        emitted: (E, w) as in ReferenceRun.
        lengths: (N,) timesteps used of each sequence.
        timesteps: T of the stimulus.
    Returns:
        `decision` (N,) and, if every timestep decides, `decision_steps` (N, T); without readout `output` (N, T, n).
    Raises:
        DataError: more or fewer emissions than the sequences call for.
    """
    network = typed.network
    readout, window = network.readout, network.input.window_size
    per_sequence = lengths if readout is None or readout.emit == "step" else lengths // (window or 1)
    if len(emitted) != per_sequence.sum():
        raise DataError(
            f"csim: {len(emitted)} emissions for sequences that call for {per_sequence.sum()}; run the build again"
        )
    valid = np.arange(timesteps) < lengths[:, None]
    if readout is None:
        return {"output": _spread(emitted, valid, typed.layers[-1].result)}
    values: NDArray[Any] = emitted[:, 0]
    if readout.decision_rule == "binary_logit":
        values = typed.layers[-1].result.to_float(values)
    found = {"decision": values[np.cumsum(per_sequence) - 1]}
    if readout.emit == "step":
        steps = np.zeros(valid.shape, values.dtype)
        steps[valid] = values
        found["decision_steps"] = steps
    return found


def _spread(emitted: NDArray[np.int64], valid: NDArray[np.bool_], result: FixedType) -> NDArray[Any]:
    output = np.zeros((*valid.shape, emitted.shape[1]), np.uint8 if result == SPIKE else np.int64)
    output[valid] = emitted
    return output
