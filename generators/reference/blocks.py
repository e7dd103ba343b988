"""Blocks: a run of the reference in parts, each small enough to be kept in memory while it is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Where = tuple[Any, Any]
"""Index of a stretch in arrays (B, T, …) of its block."""
@dataclass(frozen=True, slots=True)
class Block:
    """What the reference did in some timesteps of some sequences, as in `generators.reference.run.ReferenceRun`.

    Attributes:
        sequences, times: which; blocks follow each other as their values do in an (N, T, n) array.
    """

    sequences: slice
    times: slice
    trace: Mapping[str, NDArray[Any]]
    emitted: NDArray[np.int64]
    input: NDArray[Any]


class Kept:
    """What a block keeps, as arrays (B, T, n) by name.

    Args:
        shape: (B, T).
        used: (B, T) mask; elsewhere arrays are 0.
        known: name → n and dtype, as far as earlier blocks have told: of a block without used timesteps, all is 0.
    """

    def __init__(self, shape: tuple[int, int], used: NDArray[np.bool_], known: dict[str, tuple[int, Any]]) -> None:
        self._shape, self._used, self._whole, self._known = shape, used, bool(used.all()), known
        self.arrays = {name: np.zeros((*shape, width), dtype) for name, (width, dtype) in known.items()}

    def put(self, name: str, values: NDArray[Any], dtype: Any, where: Where) -> None:
        """Values (t, B, n) of a stretch."""
        if name not in self.arrays:
            self._known[name] = values.shape[-1], dtype
            self.arrays[name] = np.zeros((*self._shape, values.shape[-1]), dtype)
        if isinstance(where[0], slice):
            turned = values.swapaxes(0, 1)
            self.arrays[name][where] = turned
            if not self._whole:
                self.arrays[name][where][~self._used[where]] = 0
        else:
            self.arrays[name][where] = values[:, 0]


def cut(length: int, most: int) -> Iterator[slice]:
    """0..length in equal parts of at most `most`, and at least 1."""
    parts = -(-length // max(1, most))
    for part in range(parts):
        yield slice(length * part // parts, length * (part + 1) // parts)
