"""Arrays on disk: .npz archives whose bytes depend on nothing but their arrays."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks import files


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


def narrow(values: NDArray[Any]) -> NDArray[Any]:
    """The same integers in the smallest type that holds them: the stimulus is the largest file of a project."""
    low, high = int(values.min()), int(values.max())
    for dtype in (np.uint8, np.int8, np.uint16, np.int16, np.int32):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return values.astype(dtype)
    return values.astype(np.int64)
