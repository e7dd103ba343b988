"""scikit-learn's handwritten digits (8 × 8 pixels, 1,797 images): 64 → 48 → 10, pixels as constant currents."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import snntorch as snn
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from snntorch import surrogate
from torch import Tensor, nn

from hlspike.examples import training

_BRIGHTEST = 16
"""Pixels are integers from 0 to 16, so a pixel over 16 has four fractional bits."""


class Digits(nn.Module):
    """One timestep: (N, 64) pixels → (N, 10) spikes, or currents if the readout keeps the membranes."""

    def __init__(self, hidden: int, beta: float, output: Literal["spike", "membrane"]) -> None:
        super().__init__()
        self.fc1 = nn.Linear(64, hidden)
        self.lif1 = snn.Leaky(beta=beta, init_hidden=True, spike_grad=surrogate.fast_sigmoid())
        self.fc2 = nn.Linear(hidden, 10)
        self.lif2 = (
            snn.Leaky(beta=beta, init_hidden=True, spike_grad=surrogate.fast_sigmoid())
            if output == "spike"
            else nn.Identity()
        )

    def forward(self, pixels: Tensor) -> Tensor:
        spikes: Tensor = self.lif2(self.fc2(self.lif1(self.fc1(pixels))))
        return spikes


def build(hidden: int = 48, beta: float = 0.875, output: Literal["spike", "membrane"] = "spike") -> nn.Module:
    return Digits(hidden, beta, output)


def train(module: nn.Module, *, seed: int, timesteps: int, **settings: Any) -> dict[str, Tensor]:
    """Train on the training split; see `training.fit` for the settings."""
    images, labels = _split()[:2]

    def encode(batch: Tensor) -> Tensor:
        return batch[:, None].expand(-1, timesteps, -1)

    return training.fit(module, encode, torch.from_numpy(images), torch.from_numpy(labels), seed=seed, **settings)


def stimulus(*, seed: int, timesteps: int) -> dict[str, NDArray[Any]]:
    """The test split; `seed` changes nothing, there is no chance in it."""
    _, _, images, labels = _split()
    frames = np.repeat(images[:, None], timesteps, axis=1)
    return {"frames": frames, "labels": labels}


def _split() -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
    """Training images and labels, test images and labels: always the same quarter is held out."""
    digits = load_digits()
    images = (digits.data / _BRIGHTEST).astype(np.float32)
    train_images, test_images, train_labels, test_labels = train_test_split(
        images, digits.target.astype(np.int64), test_size=0.25, random_state=0, stratify=digits.target
    )
    return train_images, train_labels, test_images, test_labels
