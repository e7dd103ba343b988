"""One timestep of a layer of neurons in float64, from its equations: what a trial of a trained module is held to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.neurons.equations import INPUT, SPIKES, THRESHOLD, Equations, Term

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sums:
    """Values, and the sums of the magnitudes of their terms, which bound the errors of rounding them."""

    value: Array
    size: Array


@dataclass(frozen=True, slots=True)
class Timestep:
    """What a timestep forms of each neuron, before a reset within it.

    Attributes:
        reset: R.
        firing: the sums of which the excess over θ fires, less θ.
    """

    states: Mapping[str, Sums]
    reset: NDArray[np.bool_]
    firing: Sums


def timestep(equations: Equations, parameters: Mapping[str, Array], given: Mapping[str, Array]) -> Timestep:
    """Form every state.

    Args:
        parameters: by key, () or (n,).
        given: (B, n) arrays: `INPUT`, `SPIKES` where they are recalled, and every held state as it was left.
    """
    arriving = {name: Sums(value, np.abs(value)) for name, value in given.items()}
    reset = _firing(equations, parameters, arriving).value > 0
    formed: dict[str, Sums] = {}
    for state in equations.states:
        formed[state.name] = _sum(state.terms, parameters, arriving, formed, reset)
    return Timestep(formed, reset, _firing(equations, parameters, formed))


def settled(
    equations: Equations, parameters: Mapping[str, Array], made: Timestep, spikes: NDArray[np.bool_]
) -> dict[str, Sums]:
    """The states that the timestep leaves, once `spikes` are known."""
    left = dict(made.states)
    moved = spikes.astype(np.float64) - made.reset
    for after in equations.after:
        state = left[after.state]
        by = parameters[after.by] if after.by else state.value
        left[after.state] = Sums(state.value - moved * by, state.size + np.abs(by))
    return left


def _firing(equations: Equations, parameters: Mapping[str, Array], states: Mapping[str, Sums]) -> Sums:
    found = _sum(equations.fires, parameters, {}, states, np.False_)
    theta = parameters[THRESHOLD]
    return Sums(found.value - theta, found.size + np.abs(theta))


def _sum(
    terms: Iterable[Term],
    parameters: Mapping[str, Array],
    arriving: Mapping[str, Sums],
    formed: Mapping[str, Sums],
    reset: NDArray[np.bool_] | np.bool_,
) -> Sums:
    value: Array | float = 0.0
    size: Array | float = 0.0
    for term in terms:
        source = (arriving if term.before or term.of in (INPUT, SPIKES) else formed).get(term.of, _ONE)
        factor = parameters[term.factor] if term.factor else np.float64(1.0)
        there = 1.0 if term.when == "always" else reset.astype(np.float64) if term.when == "reset" else 1.0 - reset
        value = value + (-1.0 if term.negative else 1.0) * factor * source.value * there
        size = size + np.abs(factor) * source.size * there
    return Sums(np.asarray(value), np.asarray(size))


_ONE = Sums(np.float64(1.0), np.float64(1.0))  # type: ignore[arg-type]
"""What a parameter by itself is multiplied with."""
