"""Stimulus: the sequences every executor runs. Refuses what does not fit the network, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.errors import DataError
from hlspike.generators.exact.given import array_of
from hlspike.generators.traces import Rows, Stored, parts

NAMES = ("frames", "labels", "lengths")
"""What a stimulus is given by."""


@dataclass(frozen=True, slots=True)
class Stimulus:
    """N sequences of at most T timesteps.

    frames (N, T, *input_shape) in torch order, of any dtype whose values float32 holds, in memory or read from a file
    row by row; lengths (N,) int64 timesteps used of each, 0 of an empty one; labels (N,) or None.
    """

    frames: NDArray[Any] | Stored
    lengths: NDArray[np.int64]
    labels: NDArray[np.int64] | None

    @staticmethod
    def validated(data: Mapping[str, Any], input_shape: tuple[int, ...]) -> Stimulus:
        """The stimulus in `data` (keys frames, labels, lengths).

        Raises:
            DataError: naming the array and what is wrong with it.
        """
        unknown = next((name for name in data if name not in NAMES), None)
        if unknown is not None:
            raise DataError(f"data: unknown array '{unknown}'; known are {', '.join(NAMES)}")
        if "frames" not in data:
            raise DataError("data: 'frames' is missing; give an array of shape (N, T, *input_shape)")
        frames = array_of("data: frames", data["frames"])
        check_frames(frames.shape, input_shape)
        with np.errstate(over="ignore"):
            frames = frames.astype(np.float32, copy=False)
        if not all(np.isfinite(frames[rows]).all() for rows in parts(frames.shape)):
            where = tuple(int(i) for i in np.argwhere(~np.isfinite(frames))[0])
            raise DataError(f"data: frames[{', '.join(map(str, where))}] is {frames[where]}; remove NaN and infinity")
        sequences, timesteps = frames.shape[:2]
        lengths = np.full(sequences, timesteps, np.int64)
        if data.get("lengths") is not None:
            lengths = _per_sequence("lengths", data["lengths"], frames.shape)
            bad = np.flatnonzero((lengths < 0) | (lengths > timesteps))
            if bad.size:
                raise DataError(f"data: lengths[{bad[0]}] is {lengths[bad[0]]}; it must lie in 0..{timesteps}")
        labels = None
        if data.get("labels") is not None:
            labels = _per_sequence("labels", data["labels"], frames.shape)
            if labels.min() < 0:
                bad_label = int(np.flatnonzero(labels < 0)[0])
                raise DataError(f"data: labels[{bad_label}] is {labels[bad_label]}; classes count from 0")
        return Stimulus(frames, lengths, labels)

    def __len__(self) -> int:
        return int(self.frames.shape[0])

    @property
    def timesteps(self) -> int:
        """Timesteps used, over all sequences."""
        return int(self.lengths.sum())

    @property
    def valid(self) -> NDArray[np.bool_]:
        """(N, T): the timestep lies within its sequence."""
        return np.arange(self.frames.shape[1]) < self.lengths[:, None]

    def head(self, sequences: int | None) -> Stimulus:
        """The first `sequences` sequences; all for None."""
        if sequences is None or sequences >= len(self):
            return self
        labels = None if self.labels is None else self.labels[:sequences]
        frames = self.frames[:sequences] if isinstance(self.frames, np.ndarray) else self.frames.head(sequences)
        return replace(self, frames=frames, lengths=self.lengths[:sequences], labels=labels)

    def read(self) -> Stimulus:
        """This stimulus with its frames in memory, as float32."""
        return replace(self, frames=np.asarray(self.frames[:], np.float32))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays of stimulus.npz."""
        labels = {} if self.labels is None else {"labels": self.labels}
        return {"frames": self.frames[:], "lengths": self.lengths, **labels}

    @staticmethod
    def from_arrays(arrays: Mapping[str, Any]) -> Stimulus:
        """The inverse of `to_arrays`; the frames may be read from a file."""
        labels = arrays["labels"][:] if "labels" in arrays else None
        return Stimulus(arrays["frames"], arrays["lengths"][:], labels)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The narrowest that holds each value of the frames."""
        return narrow(self.frames)


def narrow(values: Rows) -> np.dtype[Any]:
    """The narrowest dtype that holds each of `values`: of whole numbers that of small integers, else their own."""
    lows, highs = [], []
    for rows in parts(values.shape):
        some = values[rows]
        lows.append(float(some.min()))
        highs.append(float(some.max()))
        # what a conversion to 32 bits bends, none of the types below holds
        with np.errstate(invalid="ignore"):
            if not np.array_equal(some, some.astype(np.int32)):
                return values.dtype
    dtypes = (np.uint8, np.int8, np.uint16, np.int16)
    fitting = (dtype for dtype in dtypes if np.iinfo(dtype).min <= min(lows) and max(highs) <= np.iinfo(dtype).max)
    return np.dtype(next(fitting, values.dtype))


def channels_last(values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """(N, T, *shape) in torch order → (N, T, prod(shape)) in hardware order."""
    head = values.shape[:2]
    if len(shape) > 1:
        values = np.moveaxis(values, 2, -1)
    return values.reshape(*head, -1)


def check_frames(shape: tuple[int, ...], input_shape: tuple[int, ...]) -> None:
    """Refuse frames of `shape` that are no sequences of timesteps of `input_shape`.

    Raises:
        DataError: with what would make them so, where that can be told from the shape.
    """
    if len(shape) < 2 or shape[2:] != input_shape:
        asked = f"(N, T, {', '.join(map(str, input_shape))})"
        raise DataError(
            f"data: frames have shape {shape}, but model.input_shape asks for {asked}; {_meant(shape, input_shape)}"
        )
    if 0 in shape:
        raise DataError(f"data: frames are empty, shape {shape}; give at least one sequence of one timestep")


def check_per_sequence(name: str, shape: tuple[int, ...], frames: tuple[int, ...]) -> None:
    """Refuse labels or lengths of `shape` beside frames of the shape `frames`.

    Raises:
        DataError: they are not one value for each sequence.
    """
    sequences, timesteps = frames[:2]
    if shape == (sequences,):
        return
    if shape == (timesteps,):
        raise DataError(
            f"data: {name} has shape {shape}, as if there were {timesteps} sequences, but frames of shape {frames} "
            f"have {sequences}: the order is (N, T, …), sequences first; give frames.swapaxes(0, 1)"
        )
    raise DataError(f"data: {name} has shape {shape}; {sequences} sequences ask for ({sequences},)")


def _meant(shape: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    """What is likely to be wrong with frames of `shape`: they are complete but in another order."""
    if len(shape) == len(wanted) + 2:
        if len(wanted) > 1 and (*shape[-1:], *shape[2:-1]) == wanted:
            return "channels come first; give np.moveaxis(frames, -1, 2)"
        if shape[1:-1] == wanted:
            return "time comes second; give np.moveaxis(frames, -1, 1)"
    if shape[1:] == wanted:
        return "an axis is missing; give frames[None] if the first is time, frames[:, None] if it counts sequences"
    if shape == wanted:
        return "the axes of sequences and of time are missing; give frames[None, None]"
    if len(shape) > 2 and prod(shape[2:]) == prod(wanted):
        return f"give frames.reshape({', '.join(map(str, (*shape[:2], *wanted)))}), or set model.input_shape"
    return "reshape them or set model.input_shape"


def _per_sequence(name: str, value: Any, frames: tuple[int, ...]) -> NDArray[np.int64]:
    array = array_of(f"data: {name}", value, fractions=False)
    check_per_sequence(name, array.shape, frames)
    return array.astype(np.int64)
