"""What the states of a neuron can reach, and how fine they have to be, from the values of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, isinf, log2

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.neurons.equations import INPUT, SPIKES, Equations, State, Term

Array = NDArray[np.float64]
_MARGIN = 2.0
"""By which rounding may lead beyond what exact sums can reach."""


def reach(equations: Equations, largest: Mapping[str, float], current: float, timesteps: int) -> dict[str, float]:
    """State → a magnitude that it cannot exceed within `timesteps` from rest.

    Args:
        largest: magnitude of each parameter.
        current: of the input.
    """
    left = dict.fromkeys((state.name for state in equations.states), 0.0)
    top = dict(left)
    for _ in range(timesteps):
        formed: dict[str, float] = {INPUT: current, SPIKES: 1.0, "": 1.0}
        for state in equations.states:
            formed[state.name] = sum(
                (largest[term.factor] if term.factor else 1.0) * (left if term.before else formed)[term.of]
                for term in state.terms
            )
        for after in equations.after:
            formed[after.state] += largest[after.by] if after.by else formed[after.state]
        grown = {name: max(top[name], formed[name]) for name in top}
        if grown == top or any(map(isinf, grown.values())):
            break
        top, left = grown, grown
    return {name: _MARGIN * (value + 1.0) for name, value in top.items()}


def fineness(state: State, fracs: Mapping[str, int], largest: Mapping[str, float]) -> int:
    """Fractional bits of the finest that enters `state`, its own decay aside.

    Args:
        fracs: of the input, of parameters, and of the states before it.
        largest: magnitude of each parameter.
    """
    return max((_fineness(term, fracs, largest) for term in state.terms if term.of != state.name), default=0)


def _fineness(term: Term, fracs: Mapping[str, int], largest: Mapping[str, float]) -> int:
    if not term.of:
        return fracs[term.factor]
    scale = largest[term.factor] if term.factor else 1.0
    # what is multiplied by less than 1 needs as many bits more
    return fracs.get(term.of, 0) + (max(0, -floor(log2(scale))) if scale else 0)


def decays(equations: Equations, key: str, values: Mapping[str, Array]) -> Array:
    """Every factor by which a state of that precision key keeps some of itself; 1 where it keeps all."""
    kept = [
        values[factor] if factor else np.ones(1)
        for state in equations.states if state.key == key
        for factor in equations.decays(state)
    ]
    return np.concatenate([np.atleast_1d(one) for one in kept]) if kept else np.zeros(1)
