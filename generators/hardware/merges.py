"""Scheduling of merges: each does as little at once as lets it keep up with the slowest layer, and none sets the pace.

A sum works on `parallel` values of both inputs at once. A concatenation passes on `parallel` values at a time of one
input after the other, or everything at once, if no number of values that divides every input is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import gcd

from hlspike.generators.design import LayerDesign, LinearDesign, MergeDesign, NeuronDesign, ReadoutDesign
from hlspike.generators.hardware.legal import divisors
from hlspike.generators.hardware.limits import BANKS
from hlspike.generators.hardware.wires import Port
from hlspike.generators.typed import TypedMerge


def scheduled(layer: TypedMerge, identifier: str) -> MergeDesign:
    """Not paced yet: that takes all other layers."""
    return MergeDesign(
        identifier,
        tuple(Port.of(size, kind) for size, kind in zip(layer.layer.sizes, layer.inputs, strict=True)),
        Port.of(layer.layer.size, layer.result),
        layer.layer.joining,
        layer.layer.size,
        layer.result.cpp_fixed,
    )


def paced(layers: Sequence[LayerDesign]) -> list[LayerDesign]:
    """`layers` with the values that merges work on at once."""
    slowest = max(map(_iterations, layers))
    return [
        replace(layer, parallel=_parallel(layer, slowest)) if isinstance(layer, MergeDesign) else layer
        for layer in layers
    ]


def _iterations(layer: LayerDesign) -> int:
    """Of a timestep, at least."""
    match layer:
        case LinearDesign():
            return layer.reuse_factor
        case NeuronDesign():
            return layer.reuse_factor * (2 if layer.inhibition else 1)
        case ReadoutDesign():
            return layer.input.size // layer.parallel
        case _:
            return 1


def _parallel(layer: MergeDesign, slowest: int) -> int:
    size = layer.output.size
    common = size if layer.joining == "add" else gcd(*(port.size for port in layer.inputs))
    legal = divisors(common, BANKS)
    enough = [count for count in legal if size // count <= slowest]
    if enough:
        return enough[0]
    return size if size <= BANKS else legal[-1]
