"""The user's own module in float64 on a stimulus: the record that every other executor is compared with.

In: module, Network, Stimulus. Out: what each layer gave. The module decides every spike; the readout, an identity in
PyTorch, is computed from the record.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from hlspike.generators import ir
from hlspike.generators.extent import SIDE_BY_SIDE
from hlspike.generators.extract.chain import Chain, Step, read_chain
from hlspike.generators.extract.flow import hardware_order
from hlspike.generators.extract.functions.joins import Join
from hlspike.generators.extract.loop.layouts import TimeAxis
from hlspike.generators.extract.loop.runner import runner
from hlspike.generators.extract.runner import Runner
from hlspike.generators.extract.timestep import EXCLUSIVE
from hlspike.generators.neurons.equations import SPIKES
from hlspike.generators.neurons.known import states
from hlspike.generators.settle.decision import boundaries
from hlspike.generators.stimulus import Stimulus

Trace = Literal["decisions", "spikes", "states"]
_OUTPUTS = ("spikes", "currents")
_BLOCK_BYTES = 1 << 26
"""Bytes that what is kept of a batch may take."""


def float_blocks(
    module: nn.Module, network: ir.Network, stimulus: Stimulus, trace: Trace, axis: TimeAxis = "auto"
) -> Iterator[dict[str, NDArray[Any]]]:
    """What the module gives on `stimulus`, some sequences at a time, in order.

    Args:
        network: what was read from `module`, with its window settled (`Network.bounded`).
        axis: as of `extract`.
    Returns:
        `output` (N, T, n) of the last layer: 0/1 uint8 spikes, a spike's worth divided out, or float64 currents; as
        `trace` asks, `spikes/<layer>` likewise and `mem/<layer>` float64, membranes after any reset. 0 beyond
        `lengths`.
    Raises:
        DataError: a sequence would be cut off by the window.
        UnsupportedModel: as `extract`.
    """
    network.check_lengths(stimulus.lengths)
    with EXCLUSIVE, _one_thread():
        chain = read_chain(module, network.input.shape, axis)
        run = _Run(runner(module, chain), network, trace)
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
    most = max(1, min(SIDE_BY_SIDE // max(widths), _BLOCK_BYTES // kept))
    batches = -(-len(stimulus) // most)
    for batch in range(batches):
        yield slice(len(stimulus) * batch // batches, len(stimulus) * (batch + 1) // batches)


class _Run:
    """A run in batches of sequences; under reset_policy `never`, each goes on from where the one before ended."""

    def __init__(self, runner: Runner, network: ir.Network, trace: Trace) -> None:
        self._runner, self._network = runner, network
        self._recorded = _steps_to_record(runner.chain, trace)
        self._carried = network.input.reset_policy == "never"
        runner.reset()

    def of(self, frames: NDArray[Any], lengths: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """The record of sequences with these frames (N, T, *input_shape)."""
        valid = np.arange(frames.shape[1]) < lengths[:, None]
        if self._carried:
            # as the one long sequence that they are
            arrays = {}
            for key, joined in self._walked(frames[valid][None]).items():
                arrays[key] = np.zeros((*valid.shape, *joined.shape[2:]), joined.dtype)
                arrays[key][valid] = joined[0]
            return arrays
        self._runner.reset()
        arrays = self._walked(frames)
        for array in arrays.values():
            array[~valid] = 0
        return arrays

    def _walked(self, frames: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Arrays (N, T, …) of N sequences that run side by side."""
        sequences, timesteps = frames.shape[:2]
        last = boundaries(self._network.input, timesteps)
        arrays: dict[str, NDArray[Any]] = {}
        for t in self._runner.walk(frames, last):
            for key, step, kind in self._recorded:
                values = _values(self._runner, step, kind)
                if t == 0:
                    dtype = np.uint8 if kind == "spikes" else np.float64
                    arrays[key] = np.zeros((sequences, timesteps, values.shape[1]), dtype)
                arrays[key][:, t] = values
        return arrays


def _steps_to_record(chain: Chain, trace: Trace) -> list[tuple[str, Step | Join, str]]:
    final = chain.steps[-1]
    kind = "currents" if final.result.kind == "currents" else "spikes"
    recorded: list[tuple[str, Step | Join, str]] = [("output", final, kind)]
    for step in chain.modules:
        if step.result.kind == "spikes":
            if trace != "decisions":
                recorded.append((f"spikes/{step.name}", step, "spikes"))
            if trace == "states":
                recorded += [(f"{name}/{step.name}", step, name) for name in states(step.module) if name != SPIKES]
    return recorded


def _values(runner: Runner, step: Step | Join, kind: str) -> NDArray[Any]:
    values = (runner.outputs[step.name] if kind in _OUTPUTS else runner.states[step.name][kind]).numpy()
    if kind == "spikes":
        values = values != 0
    return hardware_order(values, step.result)
