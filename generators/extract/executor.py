"""The user's own module in float64 on a stimulus: the float trace every other executor is compared with.

In: module, Network, Stimulus. Out: the arrays of trace.npz. The module decides every spike; only the readout, an
identity in PyTorch, is computed here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import snntorch
import torch
from numpy.typing import NDArray
from torch import nn

from generators import ir
from generators.decision import Counts, boundaries, decide
from generators.extract.chain import Chain, Step, read_chain
from generators.extract.flow import hardware_order
from generators.extract.runner import Runner
from generators.extract.tracing import EXCLUSIVE
from generators.stimulus import Stimulus

Trace = Literal["decisions", "spikes", "states"]
_STEP_VALUES = 1 << 16
"""Values of the widest layer in a timestep of a batch."""
_BLOCK_BYTES = 1 << 26
"""Bytes that what is kept of a batch may take."""


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
    blocks = list(float_blocks(module, network, stimulus, trace))
    return {key: np.concatenate([block[key] for block in blocks]) for key in blocks[0]}


def float_blocks(
    module: nn.Module, network: ir.Network, stimulus: Stimulus, trace: Trace
) -> Iterator[dict[str, NDArray[Any]]]:
    """As `run_float`, some sequences at a time, in order."""
    network.check_lengths(stimulus.lengths)
    with EXCLUSIVE, _one_thread():
        runner = Runner(module, read_chain(module, network.input.shape))
        run = _Run(runner, network, trace)
        for rows in _batches(network, stimulus, trace):
            yield run.of(stimulus.frames[rows], stimulus.lengths[rows])


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums in an order that no number of processors changes; threads would do little but wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _batches(network: ir.Network, stimulus: Stimulus, trace: Trace) -> Iterator[slice]:
    """So many sequences that torch's calls weigh little, so few that their trace is kept in memory."""
    widths = [layer.size for layer in network.layers]
    values = widths[-1] + (0 if trace == "decisions" else sum(widths[1:]))
    kept = stimulus.frames.shape[1] * (widths[0] * stimulus.frames.dtype.itemsize + 16 * values)
    most = max(1, min(_STEP_VALUES // max(widths), _BLOCK_BYTES // kept))
    batches = -(-len(stimulus) // most)
    for batch in range(batches):
        yield slice(len(stimulus) * batch // batches, len(stimulus) * (batch + 1) // batches)


class _Run:
    """A run in batches of sequences; under reset_policy `never`, each goes on from where the one before ended."""

    def __init__(self, runner: Runner, network: ir.Network, trace: Trace) -> None:
        self._runner, self._network, self._trace = runner, network, trace
        self._recorded = _steps_to_record(runner.chain, network, trace)
        self._carried = network.input.reset_policy == "never"
        self._clear()

    def _clear(self) -> None:
        self._runner.reset()
        self._counts = Counts()
        self._membrane: NDArray[np.float64] | None = None
        self._latched: NDArray[np.int64] | None = None

    def of(self, frames: NDArray[Any], lengths: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """The trace of sequences with these frames (N, T, *input_shape)."""
        valid = np.arange(frames.shape[1]) < lengths[:, None]
        if self._carried:
            # as the one long sequence that they are
            arrays = {}
            for key, joined in self._walked(frames[valid][None]).items():
                arrays[key] = np.zeros((*valid.shape, *joined.shape[2:]), joined.dtype)
                arrays[key][valid] = joined[0]
        else:
            self._clear()
            arrays = self._walked(frames)
            for array in arrays.values():
                array[~valid] = 0
        if self._network.readout is not None:
            steps = arrays["decision_steps"]
            arrays = {"decision": steps[np.arange(len(steps)), lengths - 1], **arrays}
            if self._network.readout.emit != "step":
                del arrays["decision_steps"]
        return arrays

    def _walked(self, frames: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Arrays (N, T, …) of N sequences that run side by side."""
        sequences, timesteps = frames.shape[:2]
        last = boundaries(self._network.input, timesteps)
        arrays: dict[str, NDArray[Any]] = {}
        for t in range(timesteps):
            self._runner.step(torch.from_numpy(np.array(frames[:, t], np.float64)))
            for key, step, kind in self._recorded:
                values = _values(self._runner, step, kind)
                if t == 0:
                    dtype = np.float64 if kind in ("mem", "currents") else np.uint8
                    arrays[key] = np.zeros((sequences, timesteps, values.shape[1]), dtype)
                arrays[key][:, t] = values
            if last[t]:
                self._runner.reset()
        readout = self._network.readout
        return arrays if readout is None else {**self._decisions(readout, arrays.pop("output"), last), **arrays}

    def _decisions(
        self, readout: ir.Readout, source: NDArray[Any], last: NDArray[np.bool_]
    ) -> dict[str, NDArray[Any]]:
        state: NDArray[Any]
        if readout.output_mode == "spike":
            key, state = "readout/count", self._counts.walk(source.swapaxes(0, 1), last).swapaxes(0, 1)
        else:
            key, state = "readout/mem", self._integrated(readout.beta, source, last)
        if self._latched is None:
            self._latched = np.full(len(source), -1)
        steps = decide(readout, state, last, self._latched)
        if readout.decision_rule == "binary_logit":
            steps = steps.astype(np.float64)
        return {"decision_steps": steps, **({key: state} if self._trace == "states" else {})}

    def _integrated(
        self, beta: float, currents: NDArray[np.float64], last: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        membranes = np.empty_like(currents)
        running = np.zeros_like(currents[:, 0]) if self._membrane is None else self._membrane
        for t, ends in enumerate(last):
            running = beta * running + currents[:, t]
            membranes[:, t] = running
            if ends:
                running = np.zeros_like(running)
        self._membrane = running
        return membranes


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
