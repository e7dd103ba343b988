"""Leaky integrate-and-fire neurons (snntorch/_neurons/leaky.py, class Leaky, release 1.0.0).

    subtract  U = βU₁ + I − Rθ
    zero      U = β(1 − R)U₁ + I        the membrane is zeroed before it leaks: the input survives
    none      U = βU₁ + I

Without `reset_delay`, U ← U − dθ (subtract) or U − dU (zero) after the spike. A β within 1e-6 of 1 in every neuron is
1: an IFNeuron, which needs no multiplication.
"""

from __future__ import annotations

import numpy as np

from hlspike.generators.neurons.definition import Definition, Given, Read
from hlspike.generators.neurons.equations import (
    INPUT,
    ONE_WITHIN,
    THRESHOLD,
    Equations,
    ResetMechanism,
    State,
    Term,
    at_once,
)


def equations(reset: ResetMechanism, delay: bool = True, beta: str = "beta") -> Equations:
    """Of one Leaky.

    Args:
        beta: "" for a neuron that integrates.
    """
    kept = Term("mem", beta, before=True, when="kept" if reset == "zero" else "always")
    taken = (Term("", THRESHOLD, negative=True, when="reset"),) if reset == "subtract" else ()
    return Equations((State("mem", "membrane", (kept, Term(INPUT), *taken)),), after=at_once(reset, delay))


def read(given: Given) -> Read:
    beta = given.clamped("beta")
    if np.all(np.abs(beta - 1.0) <= ONE_WITHIN):
        beta = np.ones_like(beta)
    return Read(equations(given.reset, given.delay), {"beta": beta, THRESHOLD: given.array(THRESHOLD)})


LEAKY = Definition(
    "Leaky", read, (equations("subtract"),), types=("LIFNeuron",), lossless=("IFNeuron",),
)
