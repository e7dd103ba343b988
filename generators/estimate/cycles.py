"""Clock cycles of a timestep, counted from the loops of the kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from hlspike.generators.design import (
    CloneDesign,
    Design,
    InputDesign,
    LayerDesign,
    LinearDesign,
    MergeDesign,
    NeuronDesign,
    ReadoutDesign,
)
from hlspike.generators.estimate.operations import operations, passed
from hlspike.generators.estimate.ports import WORD, up
from hlspike.generators.estimate.resources import ADDITIONS_PER_CYCLE, in_dsps
from hlspike.generators.estimate.values import Operation
from hlspike.generators.hardware.wires import Edge, Port

DSP_CYCLES, READ_CYCLES = 3, 1
"""Of a product in DSPs, which have registers of their own where none waits for it; of a memory that is read."""


def cycles(layer: LayerDesign) -> int:
    """Of one timestep of a layer that is under way: iterations times their interval; `fill` comes on top.

    Ingress: beats, or words if there are more. Linear: RF pairs of groups. Neuron: RF groups; with inhibition RF to
    update, which also finds the winner, and RF to fire. Readout: groups of the classes it looks at at once. An
    iteration that takes or gives several beats, because none may be as wide as its group, takes as many cycles.
    Merge: groups of values; a clone: beats. Linear of strategy event: as if all inputs spiked, see `Events`.
    """
    match layer:
        case InputDesign():
            return _edge(layer.output, layer.edge)
        case LinearDesign() if layer.strategy == "event":
            found = events(layer)
            return found.words + layer.input.size * found.each
        case LinearDesign():
            taken, given = up(layer.in_parallel, layer.input.lanes), up(layer.out_parallel, layer.output.lanes)
            return layer.reuse_factor * max(taken, given)
        case NeuronDesign():
            taken, given = up(layer.parallel, layer.input.lanes), up(layer.parallel, layer.output.lanes)
            return layer.reuse_factor * (taken + given if layer.inhibition else max(taken, given))
        case MergeDesign():
            return _merged(layer)
        case CloneDesign():
            return layer.input.beats
        case ReadoutDesign():
            return layer.input.size // layer.parallel * up(layer.parallel, layer.input.lanes)
        case _:
            assert_never(layer)


def _merged(layer: MergeDesign) -> int:
    """A sum: groups of both. A concatenation: groups of one input after the other, or a single one of all."""
    given = up(layer.parallel, layer.output.lanes)
    taken = [up(min(layer.parallel, port.size), port.lanes) for port in layer.inputs]
    if layer.joining == "add" or layer.parallel == layer.output.size:
        return layer.output.size // layer.parallel * max(given, *taken)
    groups = (port.size // layer.parallel for port in layer.inputs)
    return sum(count * max(given, one) for count, one in zip(groups, taken, strict=True))


def fill(layer: LayerDesign) -> int:
    """Until what the last iteration began with has left: the depth of the pipeline, less the cycle that counts already.

    Ingress and clones: words and beats are only divided. Others: the read of a memory if there are several groups, the
    operations one after the other, two a cycle, and the cycle in which the beat leaves.
    """
    if isinstance(layer, (InputDesign, CloneDesign)):
        return 1
    if isinstance(layer, MergeDesign):
        if layer.joining == "add":
            return _chain(operations(layer), DSP_CYCLES)
        # an input is passed on once the one before has been
        each = [1 + _chain(passed(layer, place), DSP_CYCLES) for place in range(len(layer.inputs))]
        return max(each) if layer.parallel == layer.output.size else sum(each)
    several = layer.parallel < layer.input.size if isinstance(layer, ReadoutDesign) else layer.reuse_factor > 1
    return several * READ_CYCLES + _chain(operations(layer), DSP_CYCLES)


def update(layer: LayerDesign) -> int:
    """From a state to what the next timestep finds there: less, and a pipeline of timesteps would read what is old."""
    return max(_chain([one for one in operations(layer) if one.state], 1), 1)


def _chain(given: Sequence[Operation], of_dsp: int) -> int:
    """Of operations one after the other."""
    products, others = 0, 0
    for one in given:
        if one.kind == "multiply":
            products += of_dsp if in_dsps(one) else 1
        else:
            others += one.serial
    return products + up(others, ADDITIONS_PER_CYCLE)


@dataclass(frozen=True, slots=True)
class Events:
    """Cycles of a timestep with s spikes: words + max(1, s) · each."""

    words: int
    each: int


def events(layer: LinearDesign) -> Events:
    """Words of at most 32 spikes into which inputs are parted as they come; groups of outputs for each spike."""
    taken = up(layer.taken, layer.input.lanes)
    words = layer.input.size // layer.taken * up(layer.taken, WORD) * taken
    return Events(words, layer.output.size // layer.out_parallel * up(layer.out_parallel, layer.output.lanes))


def leaving(design: Design) -> int:
    """Of the egress, which packs the last layer's vector into words; 0 where a decision leaves."""
    last = design.layers[-1]
    return 0 if isinstance(last, ReadoutDesign) else _edge(last.output, design.output)


def interval(design: Design) -> int:
    """From one timestep to the next: that of the slowest layer, whether all are one pipeline or each a process."""
    if design.structure == "pipeline":
        return max(update(layer) for layer in design.layers)
    out = leaving(design)
    return max(out + (out > 0), *(_apart(design, layer) for layer in design.layers))


def work(design: Design) -> int:
    """The same without fill and updates: what the beats alone would take."""
    return max(leaving(design), *(cycles(layer) for layer in design.layers))


def _apart(design: Design, layer: LayerDesign) -> int:
    """Of a process: a pipelined function begins anew each update, a loop once it has ended."""
    return max(cycles(layer), update(layer)) if design.once(layer) else cycles(layer) + fill(layer)


def _edge(port: Port, edge: Edge) -> int:
    return max(port.beats, edge.words)
