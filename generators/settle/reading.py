"""What was read from a module: its layers, what leaves the last one, its marker. Nothing is decided from them yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from hlspike.generators import ir
from hlspike.generators.settle.asked import Marker


@dataclass(frozen=True, slots=True)
class Output:
    """What leaves the last layer: 0/1 spikes worth `factor` each, or currents."""

    kind: Literal["spikes", "currents"]
    layer: str
    shape: tuple[int, ...]
    """Torch order, without batch."""
    permuted: bool
    """Its features are those of a flattened map: hardware has them in another order."""
    factor: float


@dataclass(frozen=True, slots=True)
class Sequences:
    """How a forward that holds the time loop runs."""

    timesteps: int | None
    """That it always runs; None: as many as it is given."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Layers, each after those that it takes from, on timesteps of `shape` (torch order, without batch)."""

    shape: tuple[int, ...]
    layers: tuple[ir.Linear | ir.Merge | ir.Neuron, ...]
    output: Output
    marker: Marker | None
    notes: tuple[str, ...]
    """What the report is to say: dropped identities, folded factors."""
    loop: Sequences | None = None
    """None: forward runs one timestep."""

    def network(self, reset_policy: ir.ResetPolicy, window_size: int | None) -> ir.Network:
        """The layers behind an ingress; nothing is decided from what they put out."""
        return ir.Network((ir.Input(self.shape, reset_policy, window_size), *self.layers), self.notes)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; the inverse of `from_json`."""
        return {
            "shape": list(self.shape),
            "layers": [ir.layer_to_json(layer) for layer in self.layers],
            "output": asdict(self.output),
            "marker": None if self.marker is None else self.marker.to_json(),
            "notes": list(self.notes),
            "loop": None if self.loop is None else asdict(self.loop),
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Reading:
        layers = []
        for item in data["layers"]:
            layer = ir.layer_from_json(item)
            assert isinstance(layer, (ir.Linear, ir.Merge, ir.Neuron))
            layers.append(layer)
        output = Output(**{**data["output"], "shape": tuple(data["output"]["shape"])})
        marker = None if data["marker"] is None else Marker.from_json(data["marker"])
        loop = None if data["loop"] is None else Sequences(**data["loop"])
        return Reading(tuple(data["shape"]), tuple(layers), output, marker, tuple(data["notes"]), loop)
