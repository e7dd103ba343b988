"""A .npz as a stimulus: what fits is read in float32, what does not is refused by its headers, before it is read."""

from __future__ import annotations

import io
import os
import resource
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hlspike.generators.errors import DataError
from hlspike.tasks.archives.arrays import npy_bytes
from hlspike.tasks.sources import archive

FRAMES = np.arange(40, dtype=np.float64).reshape(2, 4, 5)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refused(path: str = "x.npz") -> str:
    with pytest.raises(DataError) as error:
        archive.stimulus(path, (5,))
    return str(error.value)


def header(shape: tuple[int, ...], dtype: str = "<f8", version: int = 1) -> bytes:
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(2 if version == 1 else 4, "little") + text.encode()


def packed(**members: bytes) -> None:
    with zipfile.ZipFile("x.npz", "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    "frames",
    [FRAMES, FRAMES.astype(np.float16), FRAMES.astype(">f4"), FRAMES.astype(np.uint8), FRAMES > 3,
     np.asfortranarray(FRAMES)],
)
def test_an_archive_is_read_as_float32(save: Callable[..., None], frames: np.ndarray) -> None:
    save("x.npz", frames=frames, labels=[1, 0], lengths=np.array([4, 2], np.uint8))
    found = archive.stimulus("x.npz", (5,))
    assert found["frames"].dtype == np.float32 and found["frames"].tolist() == frames.astype(float).tolist()
    assert found["labels"].tolist() == [1, 0] and found["lengths"].tolist() == [4, 2]


def test_frames_larger_than_a_block_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_BLOCK", 24)
    np.savez("x.npz", frames=FRAMES)
    assert archive.stimulus("x.npz", (5,))["frames"].tolist() == FRAMES.tolist()


def _saved(**arrays: Any) -> None:
    np.savez("x.npz", **arrays)


def _cut() -> None:
    _saved(frames=FRAMES)
    content = Path("x.npz").read_bytes()
    Path("x.npz").write_bytes(content[: len(content) // 2])


def _damaged() -> None:
    _saved(frames=FRAMES)
    content = bytearray(Path("x.npz").read_bytes())
    content[300] ^= 1
    Path("x.npz").write_bytes(content)


def _twice() -> None:
    with zipfile.ZipFile("x.npz", "w") as file, pytest.warns(UserWarning, match="Duplicate name"):
        file.writestr("frames.npy", npy_bytes(FRAMES))
        file.writestr("frames.npy", npy_bytes(FRAMES))


def _npy() -> None:
    with open("x.npz", "wb") as file:
        np.save(file, FRAMES)


def _socket() -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("x.npz")


WRITE = "write it with numpy.savez(path, frames=…)"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: os.mkfifo("x.npz"), f"x.npz is a pipe; give a file, {WRITE}"),
        (lambda: os.mkdir("x.npz"), f"x.npz is a folder; give a file, {WRITE}"),
        (_socket, f"x.npz is a socket; give a file, {WRITE}"),
        (lambda: os.symlink("/dev/zero", "x.npz"), f"x.npz is a device; give a file, {WRITE}"),
        (lambda: Path("x.npz").touch(), f"x.npz is empty; {WRITE}"),
        (lambda: Path("x.npz").write_text("no archive"), f"x.npz is no .npz of plain arrays; {WRITE}"),
        (_npy, f"x.npz is a single array, a .npy; {WRITE}"),
        (_cut, "x.npz is cut off or damaged, File is not a zip file; write it again"),
        (_damaged, "x.npz is cut off or damaged, Bad CRC-32 for file 'frames.npy'; write it again"),
        (_twice, f"x.npz has 'frames' twice; {WRITE}"),
        (lambda: _saved(x=FRAMES), "x.npz has an array 'x'; known are frames, labels, lengths"),
        (lambda: _saved(labels=[1]), f"x.npz has no array 'frames'; {WRITE}"),
        (lambda: _saved(frames=np.array([None, {}])),
         "'frames' in x.npz holds Python objects, not numbers; save it as one array of numbers"),
        (lambda: packed(frames=b"\x93NUMPY"), f"'frames' in x.npz is no array; {WRITE}"),
        (lambda: packed(frames=b"\x93NUMPY\x01\0\x0a\0{'descr': 1"), f"'frames' in x.npz is no array; {WRITE}"),
        (lambda: packed(frames=header((10**6, 10**6, 5)) + bytes(80)),
         "'frames' in x.npz says shape (1000000, 1000000, 5) of float64, 40000000000000 bytes, but holds 80; write it "
         "again"),
        (lambda: packed(frames=header((2, 4, 5)) + bytes(321)),
         "'frames' in x.npz says shape (2, 4, 5) of float64, 320 bytes, but holds 321; write it again"),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_reason(make: Callable[[], object], message: str) -> None:
    make()
    assert refused() == f"data.source: {message}"


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"frames": FRAMES[0]},
         "frames have shape (4, 5), but model.input_shape asks for (N, T, 5); an axis is missing; give frames[None] if "
         "the first is time, frames[:, None] if it counts sequences"),
        ({"frames": FRAMES * 1j}, "frames has dtype complex128; give real numbers"),
        ({"frames": FRAMES.astype(str)}, "frames has dtype <U32; give numbers"),
        ({"frames": FRAMES, "labels": [0.5, 1]}, "labels has dtype float64; give integers"),
        ({"frames": FRAMES, "lengths": [1, 2, 3]}, "lengths has shape (3,); 2 sequences ask for (2,)"),
        ({"frames": FRAMES[:, :0]},
         "frames are empty, shape (2, 0, 5); give at least one sequence of one timestep"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_as_those_of_a_callable(arrays: dict[str, Any], message: str) -> None:
    _saved(**arrays)
    assert refused() == f"data: {message}"


def test_a_missing_file_is_told_with_where_it_was_looked_for(tmp_path: Path) -> None:
    assert refused("no.npz") == f"data.source: there is no file no.npz; paths are relative to {tmp_path}"
    assert refused("~/no.npz") == (
        f"data.source: there is no file ~/no.npz; paths are relative to {tmp_path}; write the path out, ~ is not "
        "expanded"
    )


@pytest.mark.parametrize("name", ["frames", "labels", "more"])
def test_what_expands_beyond_the_memory_is_refused_before_it_is_read(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an archive of a few kilobytes may."""
    rows = 2_000_000
    zeros = io.BytesIO()
    with zipfile.ZipFile(zeros, "w", zipfile.ZIP_DEFLATED) as file, file.open(f"{name}.npy", "w") as member:
        member.write(header((1, rows, 5)))
        for _ in range(rows // 1000):
            member.write(bytes(1000 * 5 * 8))
    Path("x.npz").write_bytes(zeros.getvalue())
    assert len(zeros.getvalue()) < 200_000
    monkeypatch.setattr(archive, "memory_size", lambda: 2**27)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert refused() == {
        "frames": "data.source: x.npz has frames of shape (1, 2000000, 5), 0.0 GiB as float32, which is more than a "
                  "quarter of the memory, 0.1 GiB; give fewer sequences or timesteps",
        "labels": f"data.source: x.npz has no array 'frames'; {WRITE}",
        "more": "data.source: x.npz has an array 'more'; known are frames, labels, lengths",
    }[name]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000
