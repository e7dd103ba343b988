"""Estimate: what a Design promises before any synthesis: cycles, units and memories, counted from its own loops.

An estimate, with these assumptions: every pipelined loop reaches II 1 except where a memory has too few ports, an
iteration is one cycle, and the depth of pipelines and the steps of control between loops cost nothing. A memory has
two ports and the width of its type. Units are those that work at once; tools may share, narrow or dissolve them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, assert_never

from generators.design import (
    Design,
    InputDesign,
    LayerDesign,
    LayerReport,
    LeakyDesign,
    LinearDesign,
    Parameter,
    Port,
    ReadoutDesign,
)
from generators.fixed import FixedType

_SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
"""Words and bits of a block of 18 Kb (AMD UG473, "Block RAM Resources")."""
_SMALL = 1024
"""Bits below which a memory is made of LUTs or registers."""
_SHALLOW = 2
"""Words up to which it is registers, or shift registers if a FIFO (AMD UG1399, config_storage, auto_srl_max_depth)."""
_PORTS = 2
_MOST_BANKS = 1024
"""Into how many banks the top splits a vector between layers."""
_LATCH_BITS = 1 + 32
"""Of first_to_threshold: whether a class is set, and which, an int."""


@dataclass(frozen=True, slots=True)
class Memory:
    """An array of `banks` separate memories, each of `words` words of `width` bits."""

    name: str
    banks: int
    words: int
    width: int

    @property
    def bram_18k(self) -> int:
        """Blocks of 18 Kb: banks · min over shapes of ⌈words / depth⌉ · ⌈width / bits⌉.

        None below 1024 bits a bank, nor for one or two words. All blocks of a bank are of one shape.
        """
        if self.words <= _SHALLOW or self.words * self.width < _SMALL:
            return 0
        return self.banks * min(_up(self.words, depth) * _up(self.width, bits) for depth, bits in _SHAPES)


@dataclass(frozen=True, slots=True)
class LayerEstimate:
    """What one layer takes.

    Attributes:
        cycles: of one timestep, reading and writing of packs included.
        multipliers: as in the layer's report; none for spikes, nor for a β that is a power of two.
        adders: of the data path; neither comparators nor counters of loops.
        weight_bits: of everything that was trained and is stored: weights, biases, β and θ of each neuron. One value
            for a whole layer is a constant of the logic, and none.
        state_bits: of everything kept from one timestep to the next.
    """

    name: str
    type: str
    cycles: int
    multipliers: int
    adders: int
    weight_bits: int
    state_bits: int
    memories: tuple[Memory, ...]

    @property
    def bram_18k(self) -> int:
        return sum(memory.bram_18k for memory in self.memories)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        memories = [{**asdict(memory), "bram_18k": memory.bram_18k} for memory in self.memories]
        return {**asdict(self), "memories": memories, "bram_18k": self.bram_18k}


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a design takes; `latency` and `interval` are cycles of one timestep."""

    layers: tuple[LayerEstimate, ...]
    latency: int
    interval: int

    @property
    def multipliers(self) -> int:
        return sum(layer.multipliers for layer in self.layers)

    @property
    def adders(self) -> int:
        return sum(layer.adders for layer in self.layers)

    @property
    def weight_bits(self) -> int:
        return sum(layer.weight_bits for layer in self.layers)

    @property
    def state_bits(self) -> int:
        return sum(layer.state_bits for layer in self.layers)

    @property
    def bram_18k(self) -> int:
        return sum(layer.bram_18k for layer in self.layers)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "latency": self.latency,
            "interval": self.interval,
            "multipliers": self.multipliers,
            "adders": self.adders,
            "weight_bits": self.weight_bits,
            "state_bits": self.state_bits,
            "bram_18k": self.bram_18k,
            "layers": [layer.to_json() for layer in self.layers],
        }


def estimate(design: Design) -> Estimate:
    """The estimate of each layer and of the whole.

    Parallel io: the top calls one layer after the other, so latency = interval = Σ cycles. Stream io: the layers are
    processes of a dataflow region, so latency = Σ cycles and interval = max cycles; the sum counts a hand-over twice,
    once as written and once as read, although the two overlap.
    """
    layers = tuple(
        _layer(design, index, layer, report)
        for index, (layer, report) in enumerate(zip(design.layers, design.reports, strict=True))
    )
    latency = sum(layer.cycles for layer in layers)
    slowest = max(layer.cycles for layer in layers)
    return Estimate(layers, latency, slowest if design.io == "stream" else latency)


def _layer(design: Design, index: int, layer: LayerDesign, report: LayerReport) -> LayerEstimate:
    stream = design.io == "stream"
    if stream:
        cycles = _read(layer) + _compute(layer, None, None) + _written(layer)
    else:
        cycles = _compute(layer, _banks_before(design, index), _banks_after(design, index))
    memories = [*_own_memories(layer), *(_stream_memories(layer) if stream else ())]
    memories += _handed_over(design, index, layer)
    return LayerEstimate(
        design.names[layer.id],
        report.type,
        cycles,
        report.multipliers,
        _adders(layer),
        _weight_bits(layer),
        _state_bits(layer),
        tuple(memories),
    )


def _read(layer: LayerDesign) -> int:
    """Packs of a timestep: n / lanes iterations of read_packs."""
    return 0 if isinstance(layer, InputDesign) else layer.input.size // layer.input.lanes


def _written(layer: LayerDesign) -> int:
    """Likewise of write_packs; of the ingress, those it marks. A decision leaves with the cycle that takes it."""
    return 0 if isinstance(layer, ReadoutDesign) else layer.output.size // layer.output.lanes


def _compute(layer: LayerDesign, before: int | None, after: int | None) -> int:
    """Cycles of the kernel; `before` and `after` are the banks of the arrays it reads and writes, None if enough.

    Linear: g_out to clear the sums, RF pairs of groups, g_out results, with g_out = n_out / out_parallel.
    Leaky: RF groups; with inhibition RF to update, n − 1 to find the winner, RF to fire.
    Readout: 1, for it is unrolled. Input: 0, for only `last` is made.
    A loop whose iteration touches k values of an array with b banks has II ⌈k / 2b⌉.
    """
    match layer:
        case InputDesign():
            return 0
        case LinearDesign():
            groups_out = layer.output.size // layer.out_parallel
            products = layer.reuse_factor * _ii(layer.in_parallel, before)
            return groups_out + products + groups_out * _ii(layer.out_parallel, after)
        case LeakyDesign():
            reading, writing = _ii(layer.parallel, before), _ii(layer.parallel, after)
            if layer.inhibition:
                return layer.reuse_factor * (reading + writing) + layer.input.size - 1
            return layer.reuse_factor * max(reading, writing)
        case ReadoutDesign():
            return _ii(layer.input.size, before)
        case _:
            assert_never(layer)


def _ii(values: int, banks: int | None) -> int:
    return 1 if banks is None else _up(values, _PORTS * banks)


def _banks_before(design: Design, index: int) -> int:
    """Of the array that a layer reads under parallel io: the top's port for the first, else the one before it."""
    first = design.layers[0]
    assert isinstance(first, InputDesign)
    return _port_banks(first.output) if index <= 1 else _banks(_output(design.layers[index - 1]))


def _banks_after(design: Design, index: int) -> int | None:
    if isinstance(design.layers[index], ReadoutDesign):
        return None
    port = _output(design.layers[index])
    return _port_banks(port) if index == len(design.layers) - 1 else _banks(port)


def _port_banks(port: Port) -> int:
    """The top reshapes a vector that fits one pack into one word; a longer one stays a memory outside the design."""
    return port.size if port.lanes == port.size else 1


def _banks(port: Port) -> int:
    return min(port.size, _MOST_BANKS)


def _output(layer: LayerDesign) -> Port:
    assert not isinstance(layer, ReadoutDesign)
    return layer.output


def _adders(layer: LayerDesign) -> int:
    """Adders and subtractors that work at once.

    Linear: in_parallel · out_parallel into the sums, and out_parallel for the bias.
    Leaky, per neuron at once: one for the input; one for the reset by subtraction, and one more if it is immediate.
    With inhibition one for the margin of the winner.
    Readout: one per class, and one for a logit.
    """
    match layer:
        case InputDesign():
            return 0
        case LinearDesign():
            return layer.out_parallel * (layer.in_parallel + (layer.bias is not None))
        case LeakyDesign():
            resets = (1 + layer.immediate) if layer.reset == "subtract" else 0
            return layer.parallel * (1 + resets) + layer.inhibition
        case ReadoutDesign():
            return layer.input.size + (layer.rule == "binary_logit")
        case _:
            assert_never(layer)


def _weight_bits(layer: LayerDesign) -> int:
    """Linear: n_in · n_out · W of weights, n_out · W of biases. Leaky: n · W of each of β and θ that is a vector.

    W of a weight is `weight_width`, in which an unsigned type has a sign.
    """
    match layer:
        case LinearDesign():
            weights = layer.input.size * layer.output.size * layer.weight_width
            return weights + (0 if layer.bias is None else layer.output.size * _width(layer.bias.type))
        case LeakyDesign():
            return sum(layer.input.size * _width(parameter.type) for _, parameter in _vectors(layer))
        case InputDesign() | ReadoutDesign():
            return 0
        case _:
            assert_never(layer)


def _state_bits(layer: LayerDesign) -> int:
    """Leaky: n membranes, and the bit that stands for a cleared layer. Readout: n states, that bit, and the latch of
    first_to_threshold. Input: the counter of the window.
    """
    match layer:
        case InputDesign():
            return (layer.window - 1).bit_length() if layer.window > 1 else 0
        case LinearDesign():
            return 0
        case LeakyDesign():
            return layer.input.size * _width(layer.membrane_type) + 1
        case ReadoutDesign():
            latch = _LATCH_BITS if layer.rule == "first_to_threshold" else 0
            return layer.input.size * _width(layer.state_type) + 1 + latch
        case _:
            assert_never(layer)


def _own_memories(layer: LayerDesign) -> Iterator[Memory]:
    """Arrays of the kernel, under either io.

    Linear: weights, one memory of RF words for each product at once; biases and sums, split by out_parallel.
    Leaky: membranes and vectors of β and θ, split by the neurons at once; with inhibition the resets too.
    Readout: none, its states are registers.
    """
    match layer:
        case LinearDesign():
            products = layer.in_parallel * layer.out_parallel
            yield Memory("weight", products, layer.reuse_factor, layer.weight_width)
            if layer.bias is not None:
                yield _split("bias", layer.output.size, _width(layer.bias.type), layer.out_parallel)
            yield _split("acc", layer.output.size, layer.acc_width, layer.out_parallel)
        case LeakyDesign():
            yield _split("mem", layer.input.size, _width(layer.membrane_type), layer.parallel)
            for name, parameter in _vectors(layer):
                yield _split(name, layer.input.size, _width(parameter.type), layer.parallel)
            if layer.inhibition:
                yield _split("resets", layer.input.size, 1, layer.parallel)
        case InputDesign() | ReadoutDesign():
            pass
        case _:
            assert_never(layer)


def _stream_memories(layer: LayerDesign) -> Iterator[Memory]:
    """The arrays between packs and kernel, split by whichever of the two takes more at once."""
    match layer:
        case LinearDesign():
            at_once = layer.in_parallel, layer.out_parallel
        case LeakyDesign():
            at_once = layer.parallel, layer.parallel
        case InputDesign() | ReadoutDesign():
            return
        case _:
            assert_never(layer)
    for name, port, units in zip(("in", "out"), (layer.input, layer.output), at_once, strict=True):
        yield _split(name, port.size, _width(port.type), max(units, port.lanes))


def _handed_over(design: Design, index: int, layer: LayerDesign) -> Iterator[Memory]:
    """What holds a layer's output for the next: a FIFO of one timestep's packs, at least two, with `last` in each; or
    an array, in registers up to 1024 values and in 1024 banks above. The ends of the design are ports, and hold none.
    """
    if index == len(design.layers) - 1:
        return
    port = _output(layer)
    if design.io == "stream":
        yield Memory("fifo", 1, max(port.size // port.lanes, 2), port.lanes * _width(port.type) + 1)
    elif index > 0:
        yield _split("array", port.size, _width(port.type), _banks(port))


def _vectors(layer: LeakyDesign) -> list[tuple[str, Parameter]]:
    named = (("beta", layer.beta), ("threshold", layer.threshold))
    return [(name, parameter) for name, parameter in named if parameter is not None and parameter.scalar is None]


def _split(name: str, size: int, width: int, factor: int) -> Memory:
    """Cyclic partition: element i is in bank i mod factor."""
    return Memory(name, min(factor, size), _up(size, factor), width)


def _width(kind: str) -> int:
    return FixedType.parse(kind).width


def _up(value: int, unit: int) -> int:
    return -(-value // unit)
