"""A bar of light moves over 16 pixels, to the right (0) or to the left (1); pixels flicker."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def bars(sequences: int, timesteps: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Frames (N, T, 16) of 0 and 1, labels (N,)."""
    chance = np.random.default_rng(seed)
    labels = chance.integers(0, 2, sequences)
    start = chance.integers(0, 16, (sequences, 1))
    place = (start + np.arange(timesteps) * (1 - 2 * labels[:, None])) % 16
    frames = (place[..., None] == np.arange(16)) | (chance.random((sequences, timesteps, 16)) < 0.01)
    return frames.astype(np.float32), labels


def stimulus(*, seed: int, sequences: int, timesteps: int) -> dict[str, NDArray[Any]]:
    """What every executor runs."""
    frames, labels = bars(sequences, timesteps, seed)
    return {"frames": frames, "labels": labels}
