"""Units: the parts in which the code is generated, and what the text of each depends on.

A unit whose slice of the design is unchanged is neither regenerated nor recompiled, so a slice holds nothing else.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.design import (
    CloneDesign,
    Design,
    InputDesign,
    LayerDesign,
    LinearDesign,
    MergeDesign,
    NeuronDesign,
    ReadoutDesign,
    kind,
    tagged,
)
from hlspike.generators.fixed import FixedType
from hlspike.generators.hardware.wires import Channel, Edge, Port

Arrays = dict[str, NDArray[np.int64]]


def slices(design: Design) -> dict[str, tuple[dict[str, Any], Arrays]]:
    """Unit → what its text is made of; units are the layers' identifiers, `top` and `tb`."""
    units: dict[str, tuple[dict[str, Any], Arrays]] = {}
    for layer in design.layers:
        arrays = {
            key.split("/", 1)[1]: value for key, value in design.arrays.items() if key.split("/", 1)[0] == layer.id
        }
        units[layer.id] = {"io": design.io, "once": design.once(layer), "layer": tagged(layer)}, arrays
    boundary = {
        "io": design.io,
        "input": _boundary(design.input.output, design.input.edge) | {"told": design.input.told},
        "output": _output(design),
        "layers": [{"id": layer.id, "kind": kind(layer)} for layer in design.layers],
    }
    units["top"] = {
        **boundary, "control": design.control, "structure": design.structure,
        "calls": [_call(design, layer) for layer in design.layers],
        "channels": [_declared(design, channel) for channel in design.channels],
    }, {}
    probes = [_probe(layer) for layer in design.layers if _has_state(layer)]
    depths = [channel.depth for channel in design.channels] if design.io == "stream" else []
    units["tb"] = {**boundary, "probes": probes, "depths": depths}, {}
    return units


def _call(design: Design, layer: LayerDesign) -> dict[str, Any]:
    """A layer as top calls it."""
    before = _taken(design, layer)
    behind = [name for channel in design.given(layer) for name in _handed(design, channel)]
    if isinstance(layer, ReadoutDesign):
        behind = ["out"] if design.io == "stream" else ["decision", "valid"]
    entering = ["in", "last"] if design.input.told else ["in"]
    return {"id": layer.id, "arguments": [*(before or entering), *behind]}


def _taken(design: Design, layer: LayerDesign) -> list[str]:
    """What a layer is given; of several arrays one `last`, that of the longest way, on which nothing waits."""
    channels = design.taken(layer)
    if isinstance(layer, MergeDesign) and design.io == "parallel":
        longest = min(channels, key=lambda channel: channel.timesteps)
        return [*(channel.name for channel in channels), longest.last]
    return [name for channel in channels for name in _handed(design, channel)]


def _handed(design: Design, channel: Channel) -> tuple[str, ...]:
    return (channel.name,) if design.io == "stream" else (channel.name, channel.last)


def _declared(design: Design, channel: Channel) -> dict[str, Any]:
    """A channel as top declares it."""
    if design.io == "stream":
        how: dict[str, Any] = {"depth": channel.depth}
    else:
        how = {"single": channel.port.beats == 1}
        if design.structure == "dataflow" and channel.timesteps > 1:
            how["copies"] = channel.copies
    return {"name": channel.name, "last": channel.last, "type": channel.type, **how}


def _output(design: Design) -> dict[str, Any]:
    last = design.layers[-1]
    if not isinstance(last, ReadoutDesign):
        return {"decision": False, **_boundary(last.output, design.output)}
    signed = FixedType.parse(last.decision_type).signed
    return {"decision": True, "signed": signed, "size": 1, **asdict(design.output)}


def _has_state(layer: LayerDesign) -> bool:
    return isinstance(layer, NeuronDesign | ReadoutDesign)


def _boundary(port: Port, edge: Edge) -> dict[str, Any]:
    """A vector at an edge, as those see it who leave its type to the headers of the layers."""
    return {"size": port.size, "bits": FixedType.parse(port.type).width, **asdict(edge)}


def _probe(layer: LayerDesign) -> dict[str, Any]:
    match layer:
        case NeuronDesign():
            return {"id": layer.id, "size": layer.output.size, "spikes": True, "states": list(layer.held)}
        case ReadoutDesign():
            return {"id": layer.id, "size": layer.input.size, "spikes": False, "states": [layer.state]}
        case InputDesign() | LinearDesign() | MergeDesign() | CloneDesign():
            raise TypeError(f"{layer.id} has no state")
        case _:
            assert_never(layer)
