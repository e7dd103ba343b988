"""Clock cycles of a timestep, counted from the loops of the kernels."""

from __future__ import annotations

from typing import assert_never

from generators.design import Design, Edge, InputDesign, LayerDesign, LeakyDesign, LinearDesign, Port, ReadoutDesign
from generators.estimate.ports import up


def cycles(layer: LayerDesign) -> int:
    """Of one timestep of a layer.

    Ingress: beats, or words if there are more. Linear: RF pairs of groups. Leaky: RF groups; with inhibition RF to
    update, which also finds the winner, and RF to fire. Readout: groups of the classes it looks at at once. An
    iteration that takes or gives several beats, because none may be as wide as its group, takes as many cycles.
    """
    match layer:
        case InputDesign():
            return _edge(layer.output, layer.edge)
        case LinearDesign():
            taken, given = up(layer.in_parallel, layer.input.lanes), up(layer.out_parallel, layer.output.lanes)
            return layer.reuse_factor * max(taken, given)
        case LeakyDesign():
            taken, given = up(layer.parallel, layer.input.lanes), up(layer.parallel, layer.output.lanes)
            return layer.reuse_factor * (taken + given if layer.inhibition else max(taken, given))
        case ReadoutDesign():
            return layer.input.size // layer.parallel * up(layer.parallel, layer.input.lanes)
        case _:
            assert_never(layer)


def leaving(design: Design) -> int:
    """Of the egress, which packs the last layer's vector into words; 0 where a decision leaves."""
    last = design.layers[-1]
    return 0 if isinstance(last, ReadoutDesign) else _edge(last.output, design.output)


def interval(design: Design) -> int:
    """From one timestep to the next: a pipeline takes one every cycle, in a dataflow the slowest process decides."""
    if design.structure == "pipeline":
        return 1
    return max(leaving(design), *(cycles(layer) for layer in design.layers))


def _edge(port: Port, edge: Edge) -> int:
    return max(port.beats, edge.words)
