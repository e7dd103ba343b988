"""The estimate of each layer and of the whole design."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from hlspike.generators.design import Design, LayerDesign, LayerReport, LinearDesign
from hlspike.generators.estimate.contents import adders, state_bits, weight_bits
from hlspike.generators.estimate.cycles import Events, cycles, events, fill, interval, leaving
from hlspike.generators.estimate.memory import Memory, memories
from hlspike.generators.estimate.resources import INTERFACE, Resources, resources


@dataclass(frozen=True, slots=True)
class LayerEstimate:
    """What one layer takes.

    Attributes:
        cycles: of one timestep under way, reading and writing of beats included; the most there can be.
        event: what they are for a number of spikes, if they follow it.
        fill: cycles by which the last beat leaves later, because the pipeline is so deep.
        multipliers: as in the layer's report; none for spikes, nor for a β that is a power of two.
        adders: of the data path; neither comparators nor counters of loops.
        weight_bits: of everything that was trained and is stored: weights, biases, β and θ of each neuron. One value
            for a whole layer is a constant of the logic, and none.
        state_bits: of everything kept from one timestep to the next.
    """

    name: str
    type: str
    cycles: int
    event: Events | None
    fill: int
    multipliers: int
    adders: int
    weight_bits: int
    state_bits: int
    memories: tuple[Memory, ...]
    resources: Resources

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        memories = [{**asdict(memory), "bram_18k": memory.bram_18k} for memory in self.memories]
        known = {key: value for key, value in asdict(self).items() if key != "resources"}
        return {**known, "memories": memories, **asdict(self.resources)}


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
    def resources(self) -> Resources:
        """Of all layers, and of the interface."""
        return sum((layer.resources for layer in self.layers), INTERFACE)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "latency": self.latency,
            "interval": self.interval,
            "multipliers": self.multipliers,
            "adders": self.adders,
            "weight_bits": self.weight_bits,
            "state_bits": self.state_bits,
            **asdict(self.resources),
            "layers": [layer.to_json() for layer in self.layers],
        }


def estimate(design: Design) -> Estimate:
    """The estimate of each layer and of the whole.

    Layers work at the same time, so the interval is that of the slowest; see `Design.structure`. Latency = Σ (cycles +
    fill) on the longest way through the design: the most it can be, for under stream io a layer begins when its first
    beats have come.
    """
    layers = tuple(
        _layer(design, index, layer, report)
        for index, (layer, report) in enumerate(zip(design.layers, design.reports, strict=True))
    )
    ends: dict[str, int] = {}
    for layer, found in zip(design.layers, layers, strict=True):
        begins = max((ends[one.source] for one in design.taken(layer)), default=0)
        ends[layer.id] = begins + found.cycles + found.fill
    return Estimate(layers, max(ends.values()) + leaving(design), interval(design))


def _layer(design: Design, index: int, layer: LayerDesign, report: LayerReport) -> LayerEstimate:
    return LayerEstimate(
        design.names[layer.id],
        report.type,
        cycles(layer),
        events(layer) if isinstance(layer, LinearDesign) and layer.strategy == "event" else None,
        fill(layer),
        report.multipliers,
        adders(layer),
        weight_bits(layer),
        state_bits(layer),
        memories(design, index),
        resources(design, index),
    )
