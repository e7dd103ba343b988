"""The user's own module in float64 on a stimulus: the float trace every other executor is compared with.

In: module, Network, Stimulus. Out: the arrays of trace.npz. The module decides every spike; only the readout, an
identity in PyTorch, is computed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import snntorch
import torch
from numpy.typing import NDArray
from torch import nn

from generators import ir
from generators.decision import boundaries, decide, spike_counts
from generators.extract.chain import Chain, Step, read_chain
from generators.extract.flow import hardware_order
from generators.extract.runner import Runner
from generators.extract.tracing import EXCLUSIVE
from generators.stimulus import Stimulus

Trace = Literal["decisions", "spikes", "states"]


def run_float(module: nn.Module, network: ir.Network, stimulus: Stimulus, trace: Trace) -> dict[str, NDArray[Any]]:
    """The float trace of `stimulus`.

    Args:
        network: what `extract` made of `module`, with its window settled (`Network.bounded`).
    Returns:
        The arrays of trace.npz. Decisions are int64, float64 for `binary_logit`; spikes 0/1 uint8, a spike's worth
        divided out; membranes (after any reset) and readout/mem float64, readout/count int64. A network without
        readout has `output` (N, T, n) instead of decisions: uint8 spikes or float64 currents. 0 beyond `lengths`.
    Raises:
        DataError: a sequence would be cut off by the window.
        UnsupportedModel: as `extract`.
    """
    network.check_lengths(stimulus.lengths)
    with EXCLUSIVE:
        return _run_float(module, network, stimulus, trace)


def _run_float(module: nn.Module, network: ir.Network, stimulus: Stimulus, trace: Trace) -> dict[str, NDArray[Any]]:
    runner = Runner(module, read_chain(module, network.input.shape))
    if network.input.reset_policy != "never":
        return _padded(_run(runner, network, stimulus, trace), stimulus)
    joined = _run(runner, network, stimulus.back_to_back(), trace)
    split = {key: stimulus.split(array) for key, array in joined.items() if key != "decision"}
    if network.readout is not None:
        split["decision"] = split["decision_steps"][np.arange(len(stimulus)), stimulus.lengths - 1]
    return split


def _run(runner: Runner, network: ir.Network, stimulus: Stimulus, trace: Trace) -> dict[str, NDArray[Any]]:
    sequences, timesteps = stimulus.frames.shape[:2]
    last = boundaries(network.input, timesteps)
    recorded = _steps_to_record(runner.chain, network, trace)
    arrays: dict[str, NDArray[Any]] = {}
    for t in range(timesteps):
        runner.step(torch.from_numpy(np.array(stimulus.frames[:, t], np.float64)))
        for key, step, kind in recorded:
            values = _values(runner, step, kind)
            if t == 0:
                dtype = np.float64 if kind in ("mem", "currents") else np.uint8
                arrays[key] = np.zeros((sequences, timesteps, values.shape[1]), dtype)
            arrays[key][:, t] = values
        if last[t]:
            runner.reset()
    if network.readout is not None:
        source = arrays.pop("output")
        arrays.update(_decisions(network.readout, source, last, stimulus.lengths, trace))
    return arrays


def _steps_to_record(chain: Chain, network: ir.Network, trace: Trace) -> list[tuple[str, Step, str]]:
    final = chain.steps[-1]
    recorded = [("output", final, "spikes" if isinstance(final.module, snntorch.Leaky) else "currents")]
    for step in chain.steps:
        if isinstance(step.module, snntorch.Leaky):
            if trace != "decisions":
                recorded.append((f"spikes/{step.name}", step, "spikes"))
            if trace == "states":
                recorded.append((f"mem/{step.name}", step, "mem"))
    return recorded


def _values(runner: Runner, step: Step, kind: str) -> NDArray[Any]:
    held = runner.membranes if kind == "mem" else runner.outputs
    values = held[step.name].numpy()
    if kind == "spikes":
        values = values != 0
    return hardware_order(values, step.result)


def _decisions(
    readout: ir.Readout, source: NDArray[Any], last: NDArray[np.bool_], lengths: NDArray[np.int64], trace: Trace
) -> dict[str, NDArray[Any]]:
    state: NDArray[Any]
    if readout.output_mode == "spike":
        key, state = "readout/count", spike_counts(source, last)
    else:
        key, state = "readout/mem", _membranes(source, readout.beta, last)
    steps = decide(readout, state, last)
    if readout.decision_rule == "binary_logit":
        steps = steps.astype(np.float64)
    arrays = {"decision": steps[np.arange(len(steps)), lengths - 1]}
    if readout.emit == "step":
        arrays["decision_steps"] = steps
    if trace == "states":
        arrays[key] = state
    return arrays


def _membranes(currents: NDArray[np.float64], beta: float, last: NDArray[np.bool_]) -> NDArray[np.float64]:
    membranes = np.empty_like(currents)
    running = np.zeros_like(currents[:, 0])
    for t, ends in enumerate(last):
        running = beta * running + currents[:, t]
        membranes[:, t] = running
        if ends:
            running = np.zeros_like(running)
    return membranes


def _padded(arrays: Mapping[str, NDArray[Any]], stimulus: Stimulus) -> dict[str, NDArray[Any]]:
    for key, array in arrays.items():
        if key != "decision":
            array[~stimulus.valid] = 0
    return dict(arrays)
