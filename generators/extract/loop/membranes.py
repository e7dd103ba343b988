"""Neurons that only integrate, at the end of a forward that returns their membranes: what a readout does."""

from __future__ import annotations

from typing import Any

import snntorch
import torch
from torch import nn

from hlspike.generators.extract.marks import MARKER


class SNNReadout(nn.Module):
    """The marker that such neurons amount to."""

    def __init__(self, beta: float) -> None:
        super().__init__()
        self.output_mode = "membrane"
        self.beta = beta

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


assert SNNReadout.__name__ == MARKER


def readout(neuron: Any) -> SNNReadout | None:
    """The readout that decides from the membranes of `neuron`; None if it resets, or leaks by more than one β."""
    if type(neuron) is not snntorch.Leaky or neuron.state_quant or neuron.beta.numel() != 1:
        return None
    function = getattr(neuron.state_function, "__func__", None)
    if function is not snntorch.Leaky._base_int or neuron.reset_mechanism_val != snntorch.Leaky.reset_dict["none"]:
        return None
    return SNNReadout(float(neuron.beta.reshape(()).clamp(0, 1)))


def put(root: nn.Module, name: str, module: nn.Module) -> None:
    """Let `module` stand where the layer `name` was."""
    parent, _, own = name.rpartition(".")
    root.get_submodule(parent)._modules[own] = module
