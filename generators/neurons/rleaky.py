"""Leaky neurons that take their own spikes of the last timestep (snntorch/_neurons/rleaky.py, class RLeaky, 1.0.0).

    subtract  U = βU₁ + I + VS₁ − Rθ
    zero      U = (βU₁ + I + VS₁)(1 − R)
    none      U = βU₁ + I + VS₁

S₁ is 0 in the first timestep of a sequence. Without `reset_delay`, U ← U − dθ (subtract) or U − dU (zero) after the
spike. A spike is worth `graded_spikes_factor` to the neuron itself too, which is folded into V.
"""

from __future__ import annotations

from hlspike.generators.neurons.definition import Array, Definition, Given, Read
from hlspike.generators.neurons.equations import (
    INPUT,
    SPIKES,
    THRESHOLD,
    Equations,
    ResetMechanism,
    State,
    Term,
    When,
    at_once,
)


def equations(reset: ResetMechanism, delay: bool = True) -> Equations:
    """Of one RLeaky."""
    when: When = "kept" if reset == "zero" else "always"
    taken = (Term("", THRESHOLD, negative=True, when="reset"),) if reset == "subtract" else ()
    kept, recalled = Term("mem", "beta", before=True, when=when), Term(SPIKES, "V", when=when)
    mem = State("mem", "membrane", (kept, Term(INPUT, when=when), recalled, *taken))
    return Equations((mem,), after=at_once(reset, delay))


def one_to_one(given: Given) -> Array:
    """V, by which each neuron takes its own spike.

    Raises:
        UnsupportedModel: neurons take the spikes of others.
    """
    kind = given.kind("recurrent")
    if kind != "RecurrentOneToOne":
        raise given.refusal(
            f"its recurrent {kind} takes the spikes of all neurons, which is not built yet; give all_to_all=False and V"
        )
    return given.array("recurrent.V") * given.worth


def read(given: Given) -> Read:
    parameters = {"beta": given.clamped("beta"), "V": one_to_one(given), THRESHOLD: given.array(THRESHOLD)}
    return Read(equations(given.reset, given.delay), parameters)


RLEAKY = Definition("RLeaky", read, (equations("subtract"),), arguments=(SPIKES, "mem"))
