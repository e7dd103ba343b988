"""Which way does a bar move? 16 → 24 → 2 neurons, written as for snnTorch; nothing here knows hlspike."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import snntorch as snn
import torch
from data import bars
from snntorch import utils
from torch import nn
from torch.nn import functional


def build(hidden: int) -> nn.Module:
    return nn.Sequential(OrderedDict(
        fc1=nn.Linear(16, hidden),
        lif1=snn.Leaky(beta=0.75, init_hidden=True),
        fc2=nn.Linear(hidden, 2),
        lif2=snn.Leaky(beta=0.75, init_hidden=True),
    ))


def train(module: nn.Module, *, seed: int, timesteps: int, epochs: int) -> dict[str, Any]:
    """Returns the state_dict of the trained module."""
    torch.set_num_threads(1)  # so small a network is slower on more
    frames, labels = (torch.from_numpy(array) for array in bars(256, timesteps, seed + 1))
    optimiser = torch.optim.Adam(module.parameters(), lr=0.05)
    for _ in range(epochs):
        utils.reset(module)
        spikes = torch.stack([module(frame) for frame in frames.unbind(1)])
        optimiser.zero_grad()
        functional.cross_entropy(spikes.sum(0), labels).backward()
        optimiser.step()
    return module.state_dict()
