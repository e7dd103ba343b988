"""Arrays on disk: .npz archives whose bytes depend on nothing but their arrays."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hlspike.tasks.system import files

_MANY = 32
"""Bits of a timestep from which NumPy packs them one by one faster than in groups."""


def npy_bytes(array: NDArray[Any]) -> bytes:
    """`array` in .npy format, in C order."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(array).reshape(array.shape), allow_pickle=False)
    return buffer.getvalue()


def write_npz(path: str | Path, arrays: Mapping[str, NDArray[Any]]) -> bool:
    """Write an archive that `numpy.load` reads, unless it is there already.

    `numpy.savez` stamps the time of day into its members, which would make every run look like a change.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), npy_bytes(array))
    return files.write(path, buffer.getvalue())


def read_npz(path: str | Path) -> dict[str, NDArray[Any]]:
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def packed(values: NDArray[Any], width: int) -> NDArray[np.uint8]:
    """(N, T, n) mantissas of `width` bits, each timestep bit by bit from the lowest on: (N, T, ⌈n·width / 8⌉)."""
    rows = -(-values.shape[-1] * width // 8)
    if width in (8, 16, 32, 64):
        unsigned = np.ascontiguousarray(values.astype(np.int64)).astype(f"<u{width // 8}")
        return unsigned.view(np.uint8).reshape(*values.shape[:-1], rows)
    together = 8 // math.gcd(8, width)
    if together * width <= 64 and not (width == 1 and values.shape[-1] >= _MANY):
        return _in_groups(values, width, together)[..., :rows]
    found = np.empty((*values.shape[:-1], rows), np.uint8)
    places = np.arange(width)
    for row, sequence in zip(found, values, strict=True):
        bits = sequence if width == 1 else (sequence.astype(np.int64)[..., None] >> places) & 1
        row[:] = np.packbits(bits.astype(np.uint8).reshape(len(sequence), -1), axis=-1, bitorder="little")
    return found


def _in_groups(values: NDArray[Any], width: int, together: int) -> NDArray[np.uint8]:
    """`packed`, `together` values at a time, which are whole bytes; the last of a timestep may lack some."""
    size, mask = values.shape[-1], (1 << width) - 1
    groups = -(-size // together)
    words = np.zeros((*values.shape[:-1], groups), "<u8")
    for place in range(together):
        # the last group may lack this one
        some = (values[..., place::together].astype(np.int64) & mask).view(np.uint64)
        words[..., : some.shape[-1]] |= some << np.uint64(place * width)
    each = together * width // 8
    return words.view(np.uint8).reshape(*words.shape, 8)[..., :each].reshape(*words.shape[:-1], groups * each)
