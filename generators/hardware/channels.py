"""Channels: which layer sends its vector to which, and how many timesteps may wait on the way.

A vector that several layers take goes through a layer that clones it, since an array or a FIFO has one reader.

Where two ways lead from one layer to another, the shorter one holds what the longer one is still at work on: a channel
holds as many timesteps as there are layers one after the other on the longest way between its ends, each at work on a
timestep of its own. With less the longer way would have to wait for the shorter; with none of a whole timestep both
would wait for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hlspike.generators.design import CloneDesign, LayerDesign, ReadoutDesign
from hlspike.generators.hardware.wires import Channel


def channels(
    layers: Sequence[LayerDesign], inputs: Mapping[str, Sequence[str]], clones: Mapping[str, str]
) -> tuple[tuple[LayerDesign, ...], tuple[Channel, ...]]:
    """`layers`, which follow those whose vectors they take, with their clones among them; and what is between them.

    Args:
        inputs: identifier of a layer → those of the layers whose vectors it takes.
        clones: identifier of a layer whose vector is taken more than once → that of its clone.
    """
    placed: list[LayerDesign] = []
    found: list[Channel] = []
    for layer in layers:
        placed.append(layer)
        if isinstance(layer, ReadoutDesign):
            continue
        port, takers = layer.output, _takers(layer.id, inputs)
        if layer.id not in clones:
            found.append(Channel(layer.id, None, *takers[0], port, 1))
            continue
        clone = CloneDesign(clones[layer.id], port, port, len(takers))
        placed.append(clone)
        found.append(Channel(layer.id, None, clone.id, 0, port, 1))
        found.extend(Channel(clone.id, number, *taker, port, 1) for number, taker in enumerate(takers))
    return tuple(placed), _deep(placed, found)


def _takers(name: str, inputs: Mapping[str, Sequence[str]]) -> list[tuple[str | None, int]]:
    """Each layer that takes the vector of `name`, and as which of its inputs."""
    found: list[tuple[str | None, int]] = [
        (target, place) for target, names in inputs.items() for place, source in enumerate(names) if source == name
    ]
    return found or [(None, 0)]


def _deep(layers: Sequence[LayerDesign], channels: Sequence[Channel]) -> tuple[Channel, ...]:
    """`channels` with the timesteps that each holds."""
    way: dict[str | None, int] = {}
    for layer in layers:
        way[layer.id] = max((way[one.source] + 1 for one in channels if one.target == layer.id), default=0)
    way[None] = way[layers[-1].id] + 1
    return tuple(replace(one, timesteps=way[one.target] - way[one.source]) for one in channels)
