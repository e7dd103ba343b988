"""Traces: what an executor recorded, by the names of trace.npz, whether it lies in memory or is read in parts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

_PART = 1 << 22
"""Values that are worked on at once."""


class Rows(Protocol):
    """An array (N, T, …) that gives its rows: a NumPy array, or one that reads them from a file.

    Rows are asked for in order, so that what is read from a file is read once.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, key: Any, /) -> NDArray[Any]: ...


class Stored(Rows, Protocol):
    """One that reads them from a file."""

    def head(self, rows: int) -> Stored:
        """The first rows."""


Traces = Mapping[str, Rows]


def parts(shape: tuple[int, ...]) -> Iterator[slice]:
    """Rows of arrays (N, …) of `shape`, a bounded number of values at a time."""
    rows = max(1, _PART // max(1, math.prod(shape[1:])))
    for first in range(0, shape[0], rows):
        yield slice(first, min(first + rows, shape[0]))
