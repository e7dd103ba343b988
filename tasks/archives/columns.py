"""Arrays larger than memory should hold: archives written from files piece by piece, and read back the same way.

An archive is what `numpy.load` reads, with the dtypes it promises. Large arrays of integers are deflated, which takes
spikes to a bit or two each and membranes to about the width of their type.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from hlspike.generators.traces import parts
from hlspike.tasks.system import files

_PIECE = 1 << 22
"""Bytes that are worked on at once."""
_DEFLATED = 1 << 20
"""Bytes from which an array of integers is deflated; floating-point numbers would hardly shrink."""


@dataclass(frozen=True, slots=True)
class Part:
    """An array in a .npy file, which an archive gets as `dtype`."""

    path: Path
    dtype: np.dtype[Any]


class Writer:
    """A .npy file to which the rows of an array are appended.

    Args:
        shape: of the whole array.
    """

    def __init__(self, path: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> None:
        self._file = path.open("wb")
        self._dtype = np.dtype(dtype)
        _write_header(self._file, self._dtype, shape)

    def put(self, rows: NDArray[Any]) -> None:
        self._file.write(np.ascontiguousarray(rows, self._dtype).data)

    def close(self) -> None:
        self._file.close()


class Column:
    """An array (N, T, …) or (N, …) of an archive, of which no more is in memory than was last asked for.

    It is read from its beginning to its end at the least cost; what lies before the last piece is read anew.
    """

    def __init__(self, path: Path, member: str, rows: int | None = None) -> None:
        self._path, self._member = path, member
        self._stream: IO[bytes] | None = None
        self._next = 0
        self._last: tuple[tuple[int, int], NDArray[Any]] | None = None
        with zipfile.ZipFile(path) as archive, archive.open(member) as stream:
            shape, self.dtype = _read_header(stream)
        self.shape = shape if rows is None else (min(rows, shape[0]), *shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def head(self, rows: int) -> Column:
        """The first rows."""
        return Column(self._path, self._member, rows)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Some rows, or some timesteps of some rows; `key` is an integer, a slice, or a tuple that begins so."""
        rows, *rest = key if isinstance(key, tuple) else (key,)
        first, stop, step = rows.indices(len(self)) if isinstance(rows, slice) else (int(rows), int(rows) + 1, 1)
        if step != 1 or not 0 <= first <= stop <= len(self):
            raise IndexError(f"{self._member}: rows {key} are not there, or not in order")
        if stop - first == 1 and len(self.shape) > 1 and rest and isinstance(rest[0], slice):
            start, end, stride = rest[0].indices(self.shape[1])
            if stride == 1 and start < end:
                at = first * self.shape[1]
                part = self._items(at + start, at + end, self.shape[2:])[None]
                return part[(slice(None) if isinstance(rows, slice) else 0, slice(None), *rest[1:])]
        width = self.shape[1] if len(self.shape) > 1 else 1
        whole = self._items(first * width, stop * width, self.shape[2:]).reshape(-1, *self.shape[1:])
        return whole[(slice(None) if isinstance(rows, slice) else 0, *rest)]

    def _items(self, start: int, stop: int, shape: tuple[int, ...]) -> NDArray[Any]:
        """Items `start`..`stop` of `shape` each."""
        if self._last is not None and self._last[0] == (start, stop):
            return self._last[1]
        size = math.prod(shape) * self.dtype.itemsize
        if self._stream is None or start < self._next:
            self._open()
        assert self._stream is not None
        skipped = (start - self._next) * size
        while skipped:
            skipped -= len(_exactly(self._stream, min(skipped, _PIECE), self._path))
        found = np.frombuffer(_exactly(self._stream, (stop - start) * size, self._path), self.dtype)
        self._next, self._last = stop, ((start, stop), found.reshape(-1, *shape))
        return self._last[1]

    def _open(self) -> None:
        with zipfile.ZipFile(self._path) as archive:
            self._stream = archive.open(self._member)
        _read_header(self._stream)
        self._next = 0


def write(
    path: Path, arrays: Mapping[str, NDArray[Any] | Column | Part], narrowed: Mapping[str, np.dtype[Any]] | None = None
) -> None:
    """Write an archive unless the file holds it already.

    Args:
        narrowed: dtypes of arrays that are kept in another than their own.
    """
    narrowed = narrowed or {}
    with files.replacing(path, unless_equal=True) as temporary, zipfile.ZipFile(
        temporary, "w", compresslevel=1
    ) as archive:
        for name, array in arrays.items():
            if isinstance(array, Part):
                with array.path.open("rb") as file:
                    shape, held = _read_header(file)
                    _add(archive, name, array.dtype, shape, _pieces(file, held))
            else:
                dtype = narrowed.get(name, array.dtype)
                pieces = (array[some] for some in parts(array.shape)) if array.shape else (array[()],)
                _add(archive, name, dtype, array.shape, pieces)


class Blocks:
    """An archive of arrays of `rows` rows, of which each block brings some, in order; made in a scratch folder."""

    def __init__(self, folder: Path, rows: int) -> None:
        self._folder, self._rows = folder, rows
        self._writers: dict[str, Writer] = {}
        self._parts: dict[str, Part] = {}

    def put(self, block: Mapping[str, NDArray[Any]]) -> None:
        for name, values in block.items():
            if name not in self._writers:
                part = Part(self._folder / f"{len(self._writers)}.npy", values.dtype)
                self._writers[name] = Writer(part.path, values.dtype, (self._rows, *values.shape[1:]))
                self._parts[name] = part
            self._writers[name].put(values)

    def finish(self, path: Path, others: Mapping[str, NDArray[Any] | Column] | None = None) -> None:
        """Write the archive, once all rows are there, and `others` behind them."""
        for writer in self._writers.values():
            writer.close()
        write(path, {**self._parts, **(others or {})})


def read(path: Path) -> dict[str, NDArray[Any] | Column]:
    """The arrays of an archive: those of sequences and timesteps in columns, where they are large."""
    with zipfile.ZipFile(path) as archive:
        large = {info.filename.removesuffix(".npy") for info in archive.infolist() if info.file_size >= _DEFLATED}
    with np.load(path, allow_pickle=False) as loaded:
        lazy = {name: Column(path, f"{name}.npy") for name in loaded.files if name in large}
        return {
            name: lazy[name] if name in lazy and len(lazy[name].shape) > 2 else loaded[name] for name in loaded.files
        }


def head(array: NDArray[Any] | Column, rows: int) -> NDArray[Any] | Column:
    """The first rows."""
    return array.head(rows) if isinstance(array, Column) else array[:rows]


def held(archive: Mapping[str, NDArray[Any] | Column]) -> dict[str, NDArray[Any]]:
    """The arrays that are in memory."""
    return {name: array for name, array in archive.items() if not isinstance(array, Column)}


def _add(
    archive: zipfile.ZipFile, name: str, dtype: np.dtype[Any], shape: tuple[int, ...], pieces: Iterable[NDArray[Any]]
) -> None:
    size = math.prod(shape) * dtype.itemsize
    archive.compression = zipfile.ZIP_DEFLATED if size >= _DEFLATED and dtype.kind in "biu" else zipfile.ZIP_STORED
    # a member opened by its name gets no time of day, which would make every run look like a change
    with archive.open(f"{name}.npy", "w", force_zip64=size >= 1 << 31) as member:
        _write_header(member, dtype, shape)
        for piece in pieces:
            member.write(np.ascontiguousarray(piece, dtype).tobytes())


def _pieces(file: IO[bytes], held: np.dtype[Any]) -> Iterator[NDArray[Any]]:
    while data := file.read(_PIECE // held.itemsize * held.itemsize):
        yield np.frombuffer(data, held)


def _write_header(file: IO[bytes], dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    np.lib.format.read_magic(file)
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    return shape, dtype


def _exactly(file: IO[bytes], size: int, path: Path) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise ValueError(f"{path}: it is cut off; run the build again")
    return data
