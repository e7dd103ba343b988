"""Outcomes: what a design emitted, be it the reference or csim, as the decisions or outputs of each sequence."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.errors import DataError
from hlspike.generators.fixed import SPIKE, FixedType
from hlspike.generators.settle.decision import undecided
from hlspike.generators.typed import TypedNetwork


def outcomes(
    typed: TypedNetwork, emitted: NDArray[np.int64], lengths: NDArray[np.int64], timesteps: int
) -> dict[str, NDArray[Any]]:
    """The decisions in trace.npz.

    Args:
        emitted: (E, w) as in ReferenceRun.
        lengths: (N,) timesteps used of each sequence.
        timesteps: T of the stimulus.
    Returns:
        `decision` (N,), of an empty sequence as `undecided` says, and, if every timestep decides, `decision_steps`
        (N, T); without readout `output` (N, T, n).
    Raises:
        DataError: more or fewer emissions than the sequences call for.
    """
    readout, per_sequence = typed.network.readout, emissions(typed, lengths)
    if len(emitted) != per_sequence.sum():
        raise DataError(
            f"csim: {len(emitted)} emissions for sequences that call for {per_sequence.sum()}; run the build again"
        )
    valid = np.arange(timesteps) < lengths[:, None]
    if readout is None:
        return {"output": spread(emitted, valid, typed.layers[-1].result)}
    values: NDArray[Any] = emitted[:, 0]
    if readout.decision_rule == "binary_logit":
        values = typed.layers[-1].result.to_float(values)
    ended = values[np.cumsum(per_sequence) - 1] if len(values) else np.zeros(len(lengths), values.dtype)
    found = {"decision": undecided(ended, lengths)}
    if readout.emit == "step":
        steps = np.zeros(valid.shape, values.dtype)
        steps[valid] = values
        found["decision_steps"] = steps
    return found


def emissions(typed: TypedNetwork, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,) how often the design emits in sequences of `lengths` timesteps."""
    readout, ingress = typed.network.readout, typed.network.input
    if readout is None or readout.emit == "step":
        return lengths
    return np.minimum(lengths, 1) if ingress.told else lengths // (ingress.window_size or 1)


def spread(emitted: NDArray[np.int64], valid: NDArray[np.bool_], result: FixedType) -> NDArray[Any]:
    """Emissions (E, n) of the timesteps in the mask `valid` (N, T), in their places (N, T, n): 0 elsewhere."""
    output = np.zeros((*valid.shape, emitted.shape[1]), np.uint8 if result == SPIKE else np.int64)
    output[valid] = emitted
    return output
