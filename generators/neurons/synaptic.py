"""Neurons with a synaptic current (snntorch/_neurons/synaptic.py, class Synaptic, release 1.0.0).

    C = αC₁ + I                         no reset touches the current
    subtract  U = βU₁ + C − Rθ
    zero      U = (βU₁ + C)(1 − R)
    none      U = βU₁ + C

Without `reset_delay`, U ← U − dθ (subtract) or U − dU (zero) after the spike.
"""

from __future__ import annotations

from hlspike.generators.neurons.definition import Definition, Given, Read
from hlspike.generators.neurons.equations import INPUT, THRESHOLD, Equations, ResetMechanism, State, Term, When, at_once


def equations(reset: ResetMechanism, delay: bool = True, current: tuple[Term, ...] = ()) -> Equations:
    """Of one Synaptic.

    Args:
        current: what else the synaptic current takes in.
    """
    when: When = "kept" if reset == "zero" else "always"
    taken = (Term("", THRESHOLD, negative=True, when="reset"),) if reset == "subtract" else ()
    syn = State("syn", "synaptic", (Term("syn", "alpha", before=True), Term(INPUT), *current))
    mem = State("mem", "membrane", (Term("mem", "beta", before=True, when=when), Term("syn", when=when), *taken))
    return Equations((syn, mem), after=at_once(reset, delay))


def read(given: Given) -> Read:
    parameters = {"alpha": given.clamped("alpha"), "beta": given.clamped("beta"), THRESHOLD: given.array(THRESHOLD)}
    return Read(equations(given.reset, given.delay), parameters)


SYNAPTIC = Definition("Synaptic", read, (equations("subtract"),), arguments=("syn", "mem"))
