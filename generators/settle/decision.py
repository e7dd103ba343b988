"""Decision rules over the readout's state, the same for float and for exact integers."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.ir import Input, Readout

NO_CLASS = -1
NO_LOGIT = np.nan
"""In the place of the decision on an empty sequence, which has none."""


def boundaries(ingress: Input, timesteps: int) -> NDArray[np.bool_]:
    """(T,): `last` as the ingress gives it of its own accord, on each timestep since the start of a sequence."""
    if ingress.reset_policy != "fixed_window" or ingress.window_size is None:
        return np.zeros(timesteps, np.bool_)
    return np.asarray((np.arange(timesteps) + 1) % ingress.window_size == 0)


def ends(ingress: Input, lengths: NDArray[np.int64], timesteps: int) -> NDArray[np.bool_]:
    """(N, T): `last` on each timestep of N sequences of `lengths` timesteps, its own or the one from outside."""
    place = np.arange(timesteps)
    if ingress.told:
        return np.asarray(place == lengths[:, None] - 1)
    return (place < lengths[:, None]) & boundaries(ingress, timesteps)


def undecided(decision: NDArray[Any], lengths: NDArray[np.int64]) -> NDArray[Any]:
    """Decisions (N,) with NO_CLASS, or NO_LOGIT among logits, for the sequences that have no timestep."""
    return np.where(lengths == 0, decision.dtype.type(NO_LOGIT if decision.dtype.kind == "f" else NO_CLASS), decision)


class Counts:
    """Spikes so far of each class since the last boundary, from one stretch of time to the next."""

    def __init__(self) -> None:
        self._carried: NDArray[np.int64] | None = None

    def walk(self, spikes: NDArray[Any], last: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Counts (t, N, K) of the next t timesteps, the spike of the timestep itself included.

        Args:
            spikes: (t, N, K) of 0 and 1.
            last: (t,) the boundaries.
        """
        counts = np.empty(spikes.shape, np.int64)
        ends = [*(np.flatnonzero(last) + 1).tolist(), len(last)]
        for start, end in pairwise((0, *ends)):
            if start < end:
                np.cumsum(spikes[start:end], 0, out=counts[start:end])
                if self._carried is not None:
                    counts[start:end] += self._carried
                self._carried = None if last[end - 1] else counts[end - 1]
        return counts


def decide(
    readout: Readout, state: NDArray[Any], last: NDArray[np.bool_], latched: NDArray[np.int64] | None = None
) -> NDArray[Any]:
    """The running decision at every timestep.

    Args:
        state: (N, T, K) counts or membranes of the readout.
        last: (T,) the boundaries.
        latched: (N,) the class that `first_to_threshold` has settled on before these timesteps, else −1; becomes what
            it has settled on after them.
    Returns:
        (N, T): class ids (int64; ties go to the lowest), or for `binary_logit` the difference of the two
        states in the units of `state`.
    """
    match readout.decision_rule:
        case "argmax_spike_count" | "argmax_membrane":
            return _argmax(state)
        case "threshold_then_argmax":
            reached = state >= readout.class_threshold
            return np.where(reached.any(-1), reached.argmax(-1), _argmax(state))
        case "first_to_threshold":
            begun = np.full(len(state), -1) if latched is None else latched
            return _first_to_threshold(state, readout.class_threshold, last, begun)
        case "binary_logit":
            return np.asarray(state[..., 1] - state[..., 0])
        case rule:
            assert_never(rule)


def classes(decision: NDArray[Any]) -> NDArray[np.int64]:
    """The class that each decision means; a logit, which is a float, is the lead of class 1 over class 0."""
    return np.asarray(decision > 0 if decision.dtype.kind == "f" else decision, np.int64)


def _argmax(state: NDArray[Any]) -> NDArray[np.int64]:
    # Python integers beyond 63 bits live in object arrays, whose argmax returns the first maximum as well
    return np.asarray(state.argmax(-1), np.int64)


def _first_to_threshold(
    counts: NDArray[Any], threshold: int, last: NDArray[np.bool_], latched: NDArray[np.int64]
) -> NDArray[np.int64]:
    fallback = _argmax(counts)
    decision = np.empty(fallback.shape, np.int64)
    for t, ends in enumerate(last):
        reached = counts[:, t] >= threshold
        now = np.where(reached.any(-1), reached.argmax(-1), -1)
        latched[:] = np.where(latched < 0, now, latched)
        decision[:, t] = np.where(latched < 0, fallback[:, t], latched)
        if ends:
            latched[:] = -1
    return decision
