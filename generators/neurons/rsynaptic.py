"""Synaptic neurons that take their own spikes of the last timestep (snntorch/_neurons/rsynaptic.py, RSynaptic, 1.0.0).

    C = αC₁ + I + VS₁, and the membrane as in Synaptic; S₁ is 0 in the first timestep of a sequence

Without `reset_delay` forward reads names that it has not set, and fails.
"""

from __future__ import annotations

from hlspike.generators.neurons import synaptic
from hlspike.generators.neurons.definition import Definition, Given, Read
from hlspike.generators.neurons.equations import SPIKES, THRESHOLD, Equations, ResetMechanism, Term
from hlspike.generators.neurons.rleaky import one_to_one


def equations(reset: ResetMechanism) -> Equations:
    """Of one RSynaptic."""
    return synaptic.equations(reset, current=(Term(SPIKES, "V"),))


def read(given: Given) -> Read:
    own = {"alpha": given.clamped("alpha"), "V": one_to_one(given), "beta": given.clamped("beta")}
    return Read(equations(given.reset), {**own, THRESHOLD: given.array(THRESHOLD)})


RSYNAPTIC = Definition(
    "RSynaptic", read, (equations("subtract"),), arguments=(SPIKES, "syn", "mem"),
    refuses=(("reset_delay", False, "with which forward of RSynaptic fails; set it to True"),),
)
