"""Surrogate-gradient training of one-timestep networks on constant or spiking frames."""

from __future__ import annotations

from collections.abc import Callable

import torch
from snntorch import utils
from torch import Tensor, nn
from torch.nn import functional

_SCALE = 10.0
"""Of logits: cross entropy wants them of this size, a mean over time lies within one."""


def run(module: nn.Module, frames: Tensor) -> Tensor:
    """Outputs (T, N, classes) of `module` for frames (N, T, *shape), from the initial state."""
    utils.reset(module)
    return torch.stack([module(frames[:, t]) for t in range(frames.shape[1])])


def fit(
    module: nn.Module,
    encode: Callable[[Tensor], Tensor],
    inputs: Tensor,
    labels: Tensor,
    *,
    seed: int,
    epochs: int,
    batch: int,
    rate: float,
    largest: float,
) -> dict[str, Tensor]:
    """Train `module` in place: cross entropy on the mean output over time, be it spikes or currents.

    Args:
        encode: samples (N, …) → frames (N, T, *shape); called once per batch.
        inputs: all training samples.
        labels: (N,) classes.
        largest: weights are kept within ±largest, so that few bits can hold them.
    Returns:
        Its state_dict, on the CPU.
    """
    # nets as small as these are slower on more threads, and sums would depend on how many there are
    torch.set_num_threads(1)
    shuffle = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(module.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    module.train()
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(len(inputs), generator=shuffle), batch):
            loss = functional.cross_entropy(_SCALE * run(module, encode(inputs[rows])).mean(0), labels[rows])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            with torch.no_grad():
                for parameter in module.parameters():
                    parameter.clamp_(-largest, largest)
        schedule.step()
    utils.reset(module)
    return module.state_dict()
