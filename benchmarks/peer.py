"""Speed of a model of the same network that something else has compiled: timesteps per CPU-second."""

from __future__ import annotations

import ctypes
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_SECONDS = 3.0
"""Of CPU time that a library is given: some do a few hundred timesteps in it."""
_ROOM = 1 << 16
"""Values that a library may write."""


def speed(path: Path, frames: NDArray[np.float32]) -> float:
    """Timesteps per CPU-second of what lies at `path`.

    Args:
        path: a shared library as hls4ml makes them, <project>-<stamp>.so with <project>_float(float *in, float *out),
            or the folder of such a project; it is called once per timestep, as `predict` does. Else a program, which is
            run with the frames as its argument, a .npy.
        frames: (timesteps, n).
    Raises:
        SystemExit: it cannot be run.
    """
    if path.is_dir():
        found = sorted(path.glob("**/*.so"), key=lambda library: library.stat().st_mtime)
        if not found:
            raise SystemExit(f"--peer: {path} holds no .so; compile the project, or name a program")
        path = found[-1]
    if not path.is_file():
        raise SystemExit(f"--peer: there is no {path}; give a library, a project's folder or a program")
    return _library(path, frames) if path.suffix == ".so" else _program(path, frames)


def _library(path: Path, frames: NDArray[np.float32]) -> float:
    name = f"{path.stem.rpartition('-')[0] or path.stem}_float"
    try:
        call = getattr(ctypes.CDLL(str(path.resolve())), name)
    except (OSError, AttributeError) as error:
        raise SystemExit(f"--peer: {path} must be a library with {name}(float *, float *): {error}") from None
    given = np.ascontiguousarray(frames, np.float32)
    out = np.zeros(_ROOM, np.float32)
    pointer = ctypes.POINTER(ctypes.c_float)
    call.argtypes, call.restype = [pointer, pointer], None
    to = out.ctypes.data_as(pointer)
    start, done = time.process_time(), 0
    for frame in given:
        call(frame.ctypes.data_as(pointer), to)
        done += 1
        if time.process_time() - start > _SECONDS:
            break
    return done / (time.process_time() - start)


def _program(path: Path, frames: NDArray[np.float32]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder, "frames.npy")
        np.save(given, frames)
        before = os.times()
        done = subprocess.run([str(path.resolve()), str(given)], check=False, stdout=subprocess.DEVNULL)
        after = os.times()
    if done.returncode != 0:
        raise SystemExit(f"--peer: {path} ended with exit code {done.returncode}")
    taken = after.children_user + after.children_system - before.children_user - before.children_system
    return len(frames) / max(taken, 1e-9)
