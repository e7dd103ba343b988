"""Channels: which layer sends its vector to which, and how many timesteps may wait on the way.

Where two ways lead from one layer to another, the shorter one holds what the longer one is still at work on: a channel
holds as many timesteps as there are layers one after the other on the longest way between its ends, each at work on a
timestep of its own. With less the longer way would have to wait for the shorter; with none of a whole timestep both
would wait for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hlspike.generators.design import Channel, LayerDesign, ReadoutDesign


def channels(layers: Sequence[LayerDesign], inputs: Mapping[str, Sequence[str]]) -> tuple[Channel, ...]:
    """The channels between `layers`, which follow those whose vectors they take.

    Args:
        inputs: identifier of a layer → those of the layers whose vectors it takes.
    """
    found: list[Channel] = []
    for layer in layers:
        if isinstance(layer, ReadoutDesign):
            continue
        takers: list[tuple[str | None, int]] = [
            (target, place)
            for target, names in inputs.items() for place, name in enumerate(names) if name == layer.id
        ]
        found.extend(Channel(layer.id, target, place, layer.output, 1) for target, place in takers or [(None, 0)])
    return _deep(layers, found)


def _deep(layers: Sequence[LayerDesign], channels: Sequence[Channel]) -> tuple[Channel, ...]:
    """`channels` with the timesteps that each holds."""
    way: dict[str | None, int] = {}
    for layer in layers:
        way[layer.id] = max((way[one.source] + 1 for one in channels if one.target == layer.id), default=0)
    way[None] = way[layers[-1].id] + 1
    return tuple(replace(one, timesteps=way[one.target] - way[one.source]) for one in channels)
