"""What a readout decides from what the float run has recorded of the last layer: the decisions of the float trace."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hlspike.generators import ir
from hlspike.generators.settle.decision import Counts, boundaries, decide, undecided


class Readings:
    """The readout, block by block; under reset_policy `never` each goes on from where the one before ended.

    Args:
        network: with a readout, and its window settled.
        states: whether the state of the readout is traced too.
    """

    def __init__(self, network: ir.Network, readout: ir.Readout, states: bool) -> None:
        self._network, self._readout, self._states = network, readout, states
        self._carried = network.input.reset_policy == "never"
        self._clear()

    def _clear(self) -> None:
        self._counts = Counts()
        self._membrane: NDArray[np.float64] | None = None
        self._latched: NDArray[np.int64] | None = None

    def of(self, output: NDArray[Any], lengths: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """The decisions on the next N sequences.

        Args:
            output: (N, T, K) 0/1 spikes or float64 currents of the last layer, anything beyond `lengths`.
            lengths: (N,) timesteps used of each.
        Returns:
            `decision` (N,), and `decision_steps` (N, T) of a readout that emits at each step: int64, float64 for
            `binary_logit`, of an empty sequence as `undecided` says; with states `readout/count` (N, T, K) int64
            or `readout/mem` float64. 0 beyond `lengths`.
        """
        valid = np.arange(output.shape[1]) < lengths[:, None]
        arrays = {}
        if self._carried:
            # as the one long sequence that they are
            for key, joined in self._walked(output[valid][None]).items():
                arrays[key] = np.zeros((*valid.shape, *joined.shape[2:]), joined.dtype)
                arrays[key][valid] = joined[0]
        else:
            self._clear()
            arrays = self._walked(output)
            for array in arrays.values():
                array[~valid] = 0
        steps = arrays["decision_steps"]
        arrays = {"decision": undecided(steps[np.arange(len(steps)), lengths - 1], lengths), **arrays}
        if self._readout.emit != "step":
            del arrays["decision_steps"]
        return arrays

    def _walked(self, output: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Arrays (N, T, …) of N sequences side by side."""
        last = boundaries(self._network.input, output.shape[1])
        state: NDArray[Any]
        if self._readout.output_mode == "spike":
            key, state = "readout/count", self._counts.walk(output.swapaxes(0, 1), last).swapaxes(0, 1)
        else:
            key, state = "readout/mem", self._integrated(output, last)
        if self._latched is None:
            self._latched = np.full(len(output), -1)
        steps = decide(self._readout, state, last, self._latched)
        if self._readout.decision_rule == "binary_logit":
            steps = steps.astype(np.float64)
        return {"decision_steps": steps, **({key: state} if self._states else {})}

    def _integrated(self, currents: NDArray[np.float64], last: NDArray[np.bool_]) -> NDArray[np.float64]:
        membranes = np.empty_like(currents)
        running = np.zeros_like(currents[:, 0]) if self._membrane is None else self._membrane
        for t, ends in enumerate(last):
            running = self._readout.beta * running + currents[:, t]
            membranes[:, t] = running
            if ends:
                running = np.zeros_like(running)
        self._membrane = running
        return membranes
