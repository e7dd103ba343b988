"""Every neuron by the name of its class, and what snnTorch has besides, with the reason why it is not built."""

from __future__ import annotations

from hlspike.generators.neurons.alpha import ALPHA
from hlspike.generators.neurons.definition import Definition
from hlspike.generators.neurons.lapicque import LAPICQUE
from hlspike.generators.neurons.leaky import LEAKY
from hlspike.generators.neurons.rleaky import RLEAKY
from hlspike.generators.neurons.rsynaptic import RSYNAPTIC
from hlspike.generators.neurons.synaptic import SYNAPTIC

NEURONS: dict[str, Definition] = {one.name: one for one in (LEAKY, LAPICQUE, SYNAPTIC, ALPHA, RLEAKY, RSYNAPTIC)}
_GATES = "forms its states by products of gates, sigmoids and tanh, which are no sums with constant weights; use {}"
REFUSED: dict[str, str] = {
    "LeakyParallel": "needs all timesteps at once, and hardware is given one after the other; use Leaky",
    "StateLeaky": "needs all timesteps at once, and hardware is given one after the other; use Leaky",
    "LinearLeaky": "needs all timesteps at once, and hardware is given one after the other; use Linear and Leaky",
    "AssociativeLeaky": "keeps a matrix for each neuron, formed by products of its inputs; use Leaky",
    "DeltaLeaky": "fires where its membrane has moved far, either way, which is no sum of states; use Leaky",
    "SLSTM": _GATES.format("RSynaptic"),
    "SConv2dLSTM": _GATES.format("RSynaptic"),
}
"""Class → why, and what to use instead."""
