"""What a layer computes with and keeps: adders, bits of weights and of states."""

from __future__ import annotations

from typing import assert_never

from hlspike.generators.design import (
    CloneDesign,
    InputDesign,
    LayerDesign,
    LinearDesign,
    MergeDesign,
    NeuronDesign,
    ReadoutDesign,
)
from hlspike.generators.estimate.memory import vectors
from hlspike.generators.estimate.operations import operations
from hlspike.generators.estimate.ports import width


def adders(layer: LayerDesign) -> int:
    """Adders and subtractors of the data path that work at once, those that round among them.

    Linear, per output at once: in_parallel - 1 in the tree, one into the sum if there are several groups of inputs, one
    for the bias. Neuron, per neuron at once: one for each term of a state beyond its first; one if a reset within the
    timestep subtracts; with inhibition one for the margin. Merge: one per value of a sum at once. Readout: one per
    class at once, and one for a logit.
    """
    return sum(one.count for one in operations(layer) if one.kind == "add")


def weight_bits(layer: LayerDesign) -> int:
    """Linear: n_in · n_out · W of weights, n_out · W of biases. Neuron: n · W of each parameter that is a vector.

    W of a weight is `weight_width`, in which an unsigned type has a sign.
    """
    match layer:
        case LinearDesign():
            weights = layer.input.size * layer.output.size * layer.weight_width
            return weights + (0 if layer.bias is None else layer.output.size * width(layer.bias.type))
        case NeuronDesign():
            return sum(layer.input.size * width(parameter.type) for _, parameter in vectors(layer))
        case InputDesign() | MergeDesign() | CloneDesign() | ReadoutDesign():
            return 0
        case _:
            assert_never(layer)


def state_bits(layer: LayerDesign) -> int:
    """Neuron: n of each state, n spikes if they are recalled, and the bit that stands for a cleared layer. Readout: n
    states, that bit, and the latch of first_to_threshold: whether a class is set, and which. Input: the counter of the
    window.
    """
    match layer:
        case InputDesign():
            return (layer.window - 1).bit_length() if layer.window > 1 else 0
        case LinearDesign() | MergeDesign() | CloneDesign():
            return 0
        case NeuronDesign():
            bits = sum(width(layer.types[name]) for name in layer.held) + layer.equations.recalls
            return layer.input.size * bits + 1
        case ReadoutDesign():
            latch = 1 + width(layer.decision_type) if layer.rule == "first_to_threshold" else 0
            return layer.input.size * width(layer.state_type) + 1 + latch
        case _:
            assert_never(layer)
