"""Memories of a layer, and the blocks of RAM they take."""

from __future__ import annotations

from collections.abc import Iterator
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
    Parameter,
    ReadoutDesign,
)
from hlspike.generators.estimate.ports import WORD, up, width
from hlspike.generators.hardware.storage import Storage, blocks, settled
from hlspike.generators.neurons.equations import SPIKES


@dataclass(frozen=True, slots=True)
class Memory:
    """An array of `banks` separate memories, each of `words` words of `width` bits.

    Attributes:
        storage: where each lies; None if that is left to the tool.
    """

    name: str
    banks: int
    words: int
    width: int
    storage: Storage | None = None

    @property
    def bram_18k(self) -> int:
        """Blocks of 18 Kb: banks · min over shapes of ⌈words / depth⌉ · ⌈width / bits⌉.

        What is left to the tool takes none below 1024 bits a bank, nor for one or two words. All blocks of a bank are
        of one shape.
        """
        if (self.storage or settled("auto", self.words, self.width)) != "bram":
            return 0
        return self.banks * blocks(self.words, self.width)


def memories(design: Design, index: int) -> tuple[Memory, ...]:
    """Every array of layer `index`, and what holds its output for the next."""
    layer = design.layers[index]
    return (
        *_own_memories(layer),
        *(_kept(layer) if design.io == "stream" else ()),
        *_handed_over(design, layer),
    )


def _own_memories(layer: LayerDesign) -> Iterator[Memory]:
    """Arrays of the kernel, under either io.

    Linear: weights, RF words of in_parallel · out_parallel weights; biases, a word per group of outputs. Sums are
    registers. With strategy event, words of spikes and the place of each; with distributed_arithmetic no weights.
    Neuron: states and parameters of each neuron, split by the neurons at once; with inhibition the resets too; spikes
    that the next timestep recalls, which are registers.
    Readout: none, its states are registers.
    """
    match layer:
        case LinearDesign():
            row = layer.in_parallel * layer.out_parallel * layer.weight_width
            if layer.sums is None:
                yield Memory("weight", 1, layer.reuse_factor, row, layer.storage)
            if layer.bias is not None:
                groups, row = layer.output.size // layer.out_parallel, layer.out_parallel * width(layer.bias.type)
                yield Memory("bias", 1, groups, row)
            if layer.strategy == "event":
                bits, words = min(WORD, layer.taken), layer.input.size // layer.taken * up(layer.taken, WORD)
                yield Memory("words", 1, words, bits, "lutram")
                yield Memory("places", 1, words, layer.input.size.bit_length(), "lutram")
        case NeuronDesign():
            groups = layer.input.size // layer.parallel
            for state in layer.held:
                yield Memory(state, layer.parallel, groups, width(layer.types[state]), layer.storage)
            if layer.equations.recalls:
                yield Memory(SPIKES, layer.input.size, 1, 1, "registers")
            for name, parameter in vectors(layer):
                yield _split(name, layer.input.size, width(parameter.type), layer.parallel)
            if layer.inhibition:
                yield _split("resets", layer.input.size, 1, layer.parallel)
        case InputDesign() | MergeDesign() | CloneDesign() | ReadoutDesign():
            pass
        case _:
            assert_never(layer)


def _kept(layer: LayerDesign) -> Iterator[Memory]:
    """The inputs of a synapse with several groups of outputs, since a FIFO gives them once; split by in_parallel."""
    if isinstance(layer, LinearDesign) and layer.strategy == "dense" and layer.out_parallel < layer.output.size:
        yield _split("kept", layer.input.size, width(layer.input.type), layer.in_parallel)


def _handed_over(design: Design, layer: LayerDesign) -> Iterator[Memory]:
    """What holds a layer's output for others: a FIFO of the beats of the timesteps that may wait, with `last` in each;
    or an array with a bank for each lane, in a dataflow one more than may wait, so that one is written meanwhile.
    """
    for channel in design.given(layer):
        port = channel.port
        if design.io == "stream":
            yield Memory("fifo", 1, channel.depth, port.lanes * width(port.type) + 1)
        else:
            copies = channel.copies if design.structure == "dataflow" else 1
            yield Memory("array", copies * port.lanes, port.beats, width(port.type))


def vectors(layer: NeuronDesign) -> list[tuple[str, Parameter]]:
    """Parameters of which every neuron has its own."""
    return [(name, parameter) for name, parameter in layer.parameters.items() if parameter.scalar is None]


def _split(name: str, size: int, width: int, factor: int) -> Memory:
    """Cyclic partition: element i is in bank i mod factor."""
    return Memory(name, min(factor, size), up(size, factor), width)
