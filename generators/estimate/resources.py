"""LUTs, registers, DSPs and blocks of RAM of a layer, from the widths of its operations and its memories.

The constants are of AMD's 7 series and UltraScale+: six inputs a LUT, a carry chain of a bit per LUT, DSP48.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

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
from hlspike.generators.estimate import constants
from hlspike.generators.estimate.memory import Memory, memories
from hlspike.generators.estimate.operations import operations
from hlspike.generators.estimate.ports import up, width
from hlspike.generators.estimate.values import Operation
from hlspike.generators.hardware.storage import settled
from hlspike.generators.hardware.wires import Port

SMALL_FACTOR = 10
"""Bits from which on both factors of a product take a DSP; smaller ones are LUTs (what hls4ml and its users find)."""
DSP_FACTORS = 25, 18
"""Bits of the factors of a DSP48E1, signs included (AMD UG479); a DSP48E2 takes 27."""
ROM_WORDS = 64
"""Words of a bit that a LUT holds, of constants (AMD UG474, "ROM")."""
RAM_WORDS = 32
"""And of a memory that is read and written at once (the same, "Distributed RAM")."""
MUX = 4
"""Values among which a LUT chooses, bit by bit."""
CONTROL_LUT, CONTROL_FF = 80, 60
"""Of a layer: counters, the state machine of its loop, the handshake with its neighbours."""
INTERFACE_LUT, INTERFACE_FF = 150, 200
"""Of the whole: AXI4-Lite registers, or the registers of the streams at the edges."""
ADDITIONS_PER_CYCLE = 2
"""Additions, comparisons or selections that follow each other within a cycle, as at 10 ns; registers lie between."""
URAM_WORDS, URAM_BITS = 4096, 72


@dataclass(frozen=True, slots=True)
class Resources:
    """By Vitis's names, in small letters."""

    lut: int = 0
    ff: int = 0
    dsp: int = 0
    bram_18k: int = 0
    uram: int = 0

    def __add__(self, other: Resources) -> Resources:
        return Resources(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


INTERFACE = Resources(INTERFACE_LUT, INTERFACE_FF)


def resources(design: Design, index: int) -> Resources:
    """Of layer `index`, and of what holds its output for the next."""
    layer = design.layers[index]
    found = Resources(CONTROL_LUT, CONTROL_FF + _registers(layer))
    for one in _operations(design, layer):
        found += _of(one)
    if isinstance(layer, LinearDesign) and layer.sums is not None:
        steps, outputs = (design.arrays[f"{layer.id}/{name}"] for name in ("steps", "outputs"))
        bits = sum(width * count for width, count in layer.sums.adders)
        found += Resources(bits, constants.waiting(layer, steps, outputs, ADDITIONS_PER_CYCLE))
    fixed = {"weight", "bias", *(layer.parameters if isinstance(layer, NeuronDesign) else ())}
    for memory in memories(design, index):
        found += _stored(memory, constant=memory.name in fixed)
    return found


def in_dsps(one: Operation) -> bool:
    return one.kind == "multiply" and one.other >= SMALL_FACTOR


def _operations(design: Design, layer: LayerDesign) -> Iterable[Operation]:
    """Weights that are constants of the logic leave neither products nor sums of full width; of sums that outputs share
    see `constants.waiting`.
    """
    found = operations(layer)
    if isinstance(layer, LinearDesign) and layer.sums is not None:
        return found[len(layer.sums.adders) :]
    weights = design.arrays.get(f"{layer.id}/weight")
    if not isinstance(layer, LinearDesign) or layer.reuse_factor > 1 or weights is None:
        return found
    tree = layer.out_parallel * (layer.in_parallel - 1)
    kept, passed = [], 0
    for one in found:
        if one.kind == "multiply":
            continue
        if one.kind == "add" and passed < tree:
            passed += one.count
            continue
        kept.append(one)
    return [Operation("add", constants.adder_bits(layer, weights), 1), *kept]


def _of(one: Operation) -> Resources:
    """An adder takes a LUT a bit, a comparison half, a selection one; a product of small factors their product.

    Every other addition, comparison or selection of a chain is followed by registers; a DSP has its own.
    """
    stages = one.width * one.count // ADDITIONS_PER_CYCLE
    match one.kind:
        case "add":
            return Resources(one.width * one.count, stages)
        case "compare":
            return Resources(up(one.width, 2) * one.count)
        case "select":
            return Resources(one.width * one.count, stages)
        case "multiply" if in_dsps(one):
            wide, narrow = DSP_FACTORS
            return Resources(dsp=one.count * up(one.width, wide) * up(one.other, narrow))
        case "multiply":
            return Resources(one.width * one.other * one.count, (one.width + one.other) * one.count)


def _registers(layer: LayerDesign) -> int:
    """Bits of the beats that wait, of the values of an iteration, of accumulators and of the readout's states."""
    match layer:
        case InputDesign():
            return _beat(layer.output) + layer.edge.width
        case LinearDesign():
            sums = layer.out_parallel * (layer.acc_width + width(layer.result_type))
            sought = layer.taken if layer.strategy == "event" else 0
            return _beat(layer.input) + _beat(layer.output) + sums + sought
        case NeuronDesign():
            return _beat(layer.input) + _beat(layer.output)
        case MergeDesign():
            return sum(map(_beat, layer.inputs)) + _beat(layer.output)
        case CloneDesign():
            return _beat(layer.input)
        case ReadoutDesign():
            return _beat(layer.input) + layer.input.size * width(layer.state_type) + layer.edge.width


def _beat(port: Port) -> int:
    return port.lanes * width(port.type)


def _stored(memory: Memory, constant: bool) -> Resources:
    """Where it lies. Registers are chosen from by LUTs; constants in registers are part of the logic."""
    where = memory.storage or settled("auto", memory.words, memory.width)
    bits = memory.banks * memory.width
    match where:
        case "bram":
            return Resources(bram_18k=memory.bram_18k)
        case "uram":
            return Resources(uram=memory.banks * up(memory.words, URAM_WORDS) * up(memory.width, URAM_BITS))
        case "lutram":
            return Resources(bits * up(memory.words, ROM_WORDS if constant else RAM_WORDS), bits)
        case "registers":
            chosen = bits * up(memory.words - 1, MUX - 1)
            return Resources(chosen, 0 if constant else bits * memory.words)
