"""Lanes: how many neighbouring values travel together, from layer to layer and at the edges of the design.

A layer gives and takes its values in groups of what it works on at once. Between two layers they travel in beats whose
lanes are a multiple of both, so that neither waits for the other; where that is wider than a beat may be, in the widest
beats that are a part or a multiple of each. At the edges a beat is packed into words of a power of two of bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import lcm
from typing import assert_never

from hlspike.generators.design import (
    CloneDesign,
    InputDesign,
    Io,
    LayerDesign,
    LinearDesign,
    MergeDesign,
    NeuronDesign,
    ReadoutDesign,
)
from hlspike.generators.fixed import FixedType
from hlspike.generators.hardware.limits import BANKS, FIFO_BITS
from hlspike.generators.hardware.wires import Channel, Edge, Port

_PORT_BITS = 512
"""Of a word at an edge: as wide as masters of memory and DMAs are at most."""
_PINS = 64
"""Words of an edge that are ports of their own, at most."""
_LEAST_BITS = 8
"""Of a word at an edge: a byte."""


def connected(
    layers: Sequence[LayerDesign], channels: Sequence[Channel], io: Io
) -> tuple[tuple[LayerDesign, ...], tuple[Channel, ...]]:
    """`layers` and `channels` with the lanes of every port and the words at the edges settled."""
    ends = {layer.id: layer for layer in layers}
    settled: list[Channel] = []
    before: dict[str, Port] = {}
    for one in channels:
        source = ends[one.source]
        # a clone hands beats on as they come
        port = before[source.id] if isinstance(source, CloneDesign) else _between(source, one, channels, ends, io)
        settled.append(replace(one, port=port))
        before[one.target or ""] = port
    return tuple(_joined(layer, settled) for layer in layers), tuple(settled)


def _between(
    source: LayerDesign, channel: Channel, channels: Sequence[Channel], ends: Mapping[str, LayerDesign], io: Io
) -> Port:
    """The vector that `source` sends to all who take it, or out of the design."""
    target = ends.get(channel.target or "")
    takers = [one for one in channels if one.source == channel.target] if isinstance(target, CloneDesign) else [channel]
    taken = [_taken(ends[one.target], one.place) for one in takers if one.target is not None]
    given = _given(source)
    groups = [*([] if given is None else [given]), *taken] or [channel.port.size]
    return replace(channel.port, lanes=lanes(channel.port, groups, io))


def _joined(layer: LayerDesign, channels: Sequence[Channel]) -> LayerDesign:
    before = [one.port for one in sorted(channels, key=lambda one: one.place) if one.target == layer.id]
    after = [one.port for one in channels if one.source == layer.id]
    match layer:
        case InputDesign():
            return replace(layer, output=after[0], edge=edge(after[0]))
        case LinearDesign():
            return replace(layer, input=before[0], output=after[0])
        case NeuronDesign():
            return replace(layer, input=before[0], output=after[0])
        case MergeDesign():
            return replace(layer, inputs=tuple(before), output=after[0])
        case CloneDesign():
            return replace(layer, input=before[0], output=after[0])
        case ReadoutDesign():
            return replace(layer, input=before[0])
        case _:
            assert_never(layer)


def lanes(port: Port, groups: Sequence[int], io: Io) -> int:
    """Values in a beat between ends that give or take so many at once; all of them divide the vector.

    The fewest with which no end has to work on several beats at once; if there are none, the most there can be.
    """
    most = BANKS if io == "parallel" else min(BANKS, max(1, (FIFO_BITS - 1) // width(port.type)))
    together = lcm(*groups)
    if together <= most:
        return together
    return max(
        count
        for count in range(1, min(most, port.size) + 1)
        if port.size % count == 0 and all(count % group == 0 or group % count == 0 for group in groups)
    )


def edge(port: Port) -> Edge:
    """The words in which a vector enters or leaves the design.

    A vector that fits is one word. Else words hold whole beats; or, of beats that are wider, equal parts. Words are
    ports of their own where all are moved at once: of some of them, a multiplexer would have to choose in every cycle.
    """
    bits = width(port.type)
    most = _PORT_BITS // bits
    if port.size <= most:
        return _edge(port.size, bits, 1, True)
    if port.lanes <= most:
        held = most // port.lanes * port.lanes
        return _edge(held, bits, -(-port.size // held), False)
    least = -(-port.lanes // most)
    # the parts of a beat wait in registers, together hardly more of them than it has values
    parts = next(count for count in range(least, port.lanes + 1) if count * -(-port.lanes // count) <= BANKS)
    held = -(-port.lanes // parts)
    return _edge(held, bits, port.beats * parts, port.beats == 1)


def output_edge(last: LayerDesign) -> Edge:
    """Where the decision leaves the design or, without readout, the last layer's vector."""
    return last.edge if isinstance(last, ReadoutDesign) else edge(last.output)


def decision_edge(kind: str) -> Edge:
    """The word of a decision of that type."""
    return _edge(1, width(kind), 1, True)


def width(kind: str) -> int:
    return FixedType.parse(kind).width


def _edge(values: int, bits: int, words: int, at_once: bool) -> Edge:
    """The word is the least power of two of at least a byte that holds `values` of `bits`."""
    whole = max(_LEAST_BITS, 1 << (values * bits - 1).bit_length())
    return Edge(whole, values, words, at_once and words <= _PINS)


def _given(layer: LayerDesign) -> int | None:
    """Values that a layer gives at once; None if it gives as many as the next one takes."""
    match layer:
        case InputDesign():
            return None
        case LinearDesign():
            return layer.out_parallel
        case NeuronDesign() | MergeDesign():
            return layer.parallel
        case CloneDesign() | ReadoutDesign():
            raise TypeError(f"{layer.id} has no beats of its own")
        case _:
            assert_never(layer)


def _taken(layer: LayerDesign, place: int) -> int:
    match layer:
        case InputDesign():
            raise TypeError("nothing comes before the ingress")
        case LinearDesign():
            return layer.taken
        case MergeDesign():
            # everything at once: of each input all there is
            return min(layer.parallel, layer.inputs[place].size)
        case CloneDesign():
            raise TypeError(f"{layer.id} has no beats of its own")
        case NeuronDesign() | ReadoutDesign():
            return layer.parallel
        case _:
            assert_never(layer)
