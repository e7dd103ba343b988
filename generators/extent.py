"""How far the float run goes: where it clears state, and how many sequences it runs.

A few sequences of a stimulus cost less than starting torch for them. So many are run, at least, whatever is asked for:
another number is then a slice of what is there. Large stimuli are run as far as they are asked for, and no further.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hlspike.generators import ir

SIDE_BY_SIDE = 1 << 16
"""Values of the widest layer in a timestep of sequences that run at once."""
_WORK = 1 << 33
"""Multiplications and additions that take about as long as starting torch, a second."""
_CALL = 1 << 18
"""What a call of a layer takes, however small it is, in the same unit."""
_VALUE = 1 << 6
"""What a value takes that a layer puts out."""
_KEPT = 1 << 26
"""Bytes of a record that nobody has asked for."""


@dataclass(frozen=True, slots=True)
class Extent:
    """What the float run depends on, of a stimulus and of a readout."""

    reset_policy: ir.ResetPolicy
    window_size: int | None
    sequences: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Extent:
        return Extent(**data)


def extent(network: ir.Network, shape: tuple[int, int], trace: str, asked: int | None) -> Extent:
    """The extent of a run of `asked` of `shape[0]` sequences; all for None.

    Args:
        network: with its window settled.
        shape: (N, T) of the stimulus.
        trace: as of `Record`: what is kept of each timestep.
    """
    sequences, timesteps = shape
    work, kept = _per_timestep(network, trace)
    cheap = min(_WORK // (timesteps * work), _KEPT // (timesteps * kept))
    ingress = network.input
    return Extent(
        ingress.reset_policy, ingress.window_size,
        sequences if asked is None else min(sequences, max(asked, cheap)),
    )


def _per_timestep(network: ir.Network, trace: str) -> tuple[int, int]:
    """Work and bytes of a timestep of a sequence."""
    layers = [layer for layer in network.layers if not isinstance(layer, (ir.Input, ir.Readout))]
    widest = max(layer.size for layer in network.layers)
    together = 1 if network.input.reset_policy == "never" else max(1, SIDE_BY_SIDE // widest)
    products = sum(layer.in_features * layer.out_features for layer in layers if isinstance(layer, ir.Linear))
    work = products + sum(_VALUE * layer.size + _CALL // together for layer in layers)
    each = {"decisions": 0, "spikes": 1, "states": 9}[trace]
    return work, 8 * layers[-1].size + each * sum(neuron.size for neuron in network.neurons)
