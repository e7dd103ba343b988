"""A forward that holds the time loop, against itself: as it is, and as the timestep that was read from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import snntorch as snn
import torch
from extraction import extract, run_float
from numpy.typing import NDArray
from time_loops import LOOPS, STEPS, made
from torch import nn

from hlspike.generators.quantize import quantize
from hlspike.generators.reference import run_reference
from hlspike.generators.stimulus import Stimulus

WIDE: dict[str, Any] = {"model": {"precision": {"default": "ap_fixed<60,24>"}}}


def stimulus(name: str, sequences: int = 4) -> Stimulus:
    loop = LOOPS[name]
    steps = loop.steps or STEPS
    random = np.random.default_rng(7)
    frames = random.integers(-4, 9, (sequences, 1 if loop.axis is None else steps, *loop.shape)) / 4
    return Stimulus.validated({"frames": np.broadcast_to(frames, (sequences, steps, *loop.shape))}, loop.shape)


def itself(name: str, module: nn.Module, frames: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Spikes (N, T, n) of each neuron layer, by the module in float32 as it is."""
    loop = LOOPS[name]
    spikes: dict[str, list[torch.Tensor]] = {}

    def listen(layer: str) -> Any:
        def heard(_module: Any, _args: Any, out: Any) -> None:
            spikes.setdefault(layer, []).append(out[0] if isinstance(out, tuple) else out)

        return heard

    for layer, part in module.named_modules():
        if isinstance(part, snn.SpikingNeuron):
            part.register_forward_hook(listen(layer))
    given = torch.from_numpy(frames.astype(np.float32))
    with torch.no_grad():
        module(given[:, 0] if loop.axis is None else given.movedim(1, loop.axis))
    return {layer: torch.stack(each, 1).flatten(2).numpy() for layer, each in spikes.items()}


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_is_its_timestep(name: str) -> None:
    loop, played = LOOPS[name], stimulus(name)
    network, parameters = extract(made(name), loop.shape, {"decision_rule": "none"} if loop.output == "spikes" else {
        "output_mode": "membrane"
    })
    assert tuple(layer.name for layer in network.layers if layer.name not in ("input", "readout")) == loop.layers
    assert network.input.window_size == loop.steps and network.window_given
    network = network.bounded(played.frames.shape[1])
    assert network.warnings == ()
    expected = itself(name, made(name), played.frames)
    floating = run_float(made(name), network, played, "spikes")
    quantized = quantize(network, parameters, WIDE, played)
    reference = run_reference(quantized.typed, quantized.integers, played, "spikes")
    for neuron in network.neurons:
        assert expected[neuron.name].any() and not expected[neuron.name].all(), neuron.name
        assert np.array_equal(floating[f"spikes/{neuron.name}"], expected[neuron.name]), neuron.name
        assert np.array_equal(reference.trace[f"spikes/{neuron.name}"], expected[neuron.name]), neuron.name
