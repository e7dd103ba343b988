"""A stimulus from a .npz of the user's: everything about it is judged by its headers, before an array is read."""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from hlspike.generators.errors import DataError
from hlspike.generators.exact.given import check_kind
from hlspike.generators.stimulus import NAMES, check_frames, check_per_sequence

REMEDY = "write it with numpy.savez(path, frames=…)"
_SHARE = 4
"""Frames as float32 may take up one in so many bytes of memory: what runs them needs some, too."""
_BLOCK = 2**24
"""Bytes read at a time."""
_KINDS = (
    (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"), (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


@dataclass(frozen=True, slots=True)
class Header:
    """What a member of an archive says of its array."""

    member: zipfile.ZipInfo
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    by_columns: bool
    start: int
    """Bytes before the values."""

    @property
    def size(self) -> int:
        """Bytes of the values."""
        return prod(self.shape) * self.dtype.itemsize


def stimulus(path: str, input_shape: tuple[int, ...]) -> dict[str, NDArray[Any]]:
    """The arrays of a .npz that fit a network with inputs of `input_shape`; frames as float32.

    Raises:
        DataError: one line; nothing larger than a header has been read, unless the values themselves are damaged.
    """
    _check_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            headers = _headers(path, archive)
            _check(path, headers, input_shape)
            return {name: _values(path, archive, name, header) for name, header in headers.items()}
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        with open(path, "rb") as file:
            start = file.read(6)
        if start == npy.MAGIC_PREFIX:
            raise DataError(f"data.source: {path} is a single array, a .npy; {REMEDY}") from None
        if start.startswith(b"PK"):
            raise DataError(f"data.source: {path} is cut off or damaged, {_told(error)}; write it again") from None
        raise DataError(f"data.source: {path} is no .npz of plain arrays; {REMEDY}") from None
    except OSError as error:
        raise DataError(f"data.source: {path}: {error.strerror or error}; it is read from there") from None
    except (NotImplementedError, RuntimeError) as error:
        raise DataError(f"data.source: {path} cannot be unpacked, {_told(error)}; {REMEDY}") from None


def _check_file(path: str) -> None:
    try:
        status = os.stat(path)
    except OSError:
        home = "; write the path out, ~ is not expanded" if path.startswith("~") else ""
        raise DataError(f"data.source: there is no file {path}; paths are relative to {Path.cwd()}{home}") from None
    for is_kind, kind in _KINDS:
        if is_kind(status.st_mode):
            raise DataError(f"data.source: {path} is {kind}; give a file, {REMEDY}")
    if not status.st_size:
        raise DataError(f"data.source: {path} is empty; {REMEDY}")


def _headers(path: str, archive: zipfile.ZipFile) -> dict[str, Header]:
    found: dict[str, Header] = {}
    for member in archive.infolist():
        name = member.filename.removesuffix(".npy")
        if name not in NAMES or member.filename == name:
            raise DataError(f"data.source: {path} has an array '{name}'; known are {', '.join(NAMES)}")
        if name in found:
            raise DataError(f"data.source: {path} has '{name}' twice; {REMEDY}")
        if member.flag_bits & 1:
            raise DataError(f"data.source: {path} is encrypted; {REMEDY}")
        with archive.open(member) as file:
            found[name] = _header(path, name, member, file)
    if "frames" not in found:
        raise DataError(f"data.source: {path} has no array 'frames'; {REMEDY}")
    return found


def _header(path: str, name: str, member: zipfile.ZipInfo, file: IO[bytes]) -> Header:
    try:
        version = npy.read_magic(file)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, by_columns, dtype = read(file)
    except (zipfile.BadZipFile, zlib.error, EOFError):
        raise
    except Exception:  # the header is Python, which fails in many ways
        raise DataError(f"data.source: '{name}' in {path} is no array; {REMEDY}") from None
    if dtype.hasobject:
        raise DataError(
            f"data.source: '{name}' in {path} holds Python objects, not numbers; save it as one array of numbers"
        )
    header = Header(member, tuple(map(int, shape)), dtype, by_columns, file.tell())
    if header.size != member.file_size - header.start:
        raise DataError(
            f"data.source: '{name}' in {path} says shape {header.shape} of {dtype}, {header.size} bytes, but holds "
            f"{member.file_size - header.start}; write it again"
        )
    return header


def _check(path: str, headers: dict[str, Header], input_shape: tuple[int, ...]) -> None:
    for name, header in headers.items():
        check_kind(f"data: {name}", header.dtype, fractions=name == "frames")
    frames = headers["frames"].shape
    check_frames(frames, input_shape)
    for name, header in headers.items():
        if name != "frames":
            check_per_sequence(name, header.shape, frames)
    needed, memory = prod(frames) * np.dtype(np.float32).itemsize, memory_size()
    if needed * _SHARE > memory:
        raise DataError(
            f"data.source: {path} has frames of shape {frames}, {needed / 2**30:.1f} GiB as float32, which is more "
            f"than a quarter of the memory, {memory / 2**30:.1f} GiB; give fewer sequences or timesteps"
        )


def _values(path: str, archive: zipfile.ZipFile, name: str, header: Header) -> NDArray[Any]:
    dtype = np.dtype(np.float32) if name == "frames" else header.dtype
    found = np.empty(prod(header.shape), dtype)
    step = max(1, _BLOCK // header.dtype.itemsize)
    with archive.open(header.member) as file, np.errstate(over="ignore"):
        file.read(header.start)
        for place in range(0, len(found), step):
            size = min(step, len(found) - place)
            found[place : place + size] = np.frombuffer(file.read(size * header.dtype.itemsize), header.dtype)
        file.read(1)  # past the end, where the check sum is compared
    return found.reshape(header.shape, order="F" if header.by_columns else "C")


def memory_size() -> int:
    """Bytes of memory that this process may use."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            sizes.append(int(Path(limit).read_text(encoding="ascii")))
        except (OSError, ValueError):
            continue
    return min(sizes)


def _told(error: BaseException) -> str:
    lines: Sequence[str] = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
