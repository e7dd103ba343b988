"""Stimulus: the sequences every executor runs. Refuses what does not fit the network, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from generators.errors import DataError


@dataclass(frozen=True, slots=True)
class Stimulus:
    """N sequences of at most T timesteps.

    frames (N, T, *input_shape) float32 in torch order; lengths (N,) int64 timesteps used of each; labels (N,) or None.
    """

    frames: NDArray[np.float32]
    lengths: NDArray[np.int64]
    labels: NDArray[np.int64] | None

    @staticmethod
    def validated(data: Mapping[str, Any], input_shape: tuple[int, ...]) -> Stimulus:
        """The stimulus in `data` (keys frames, labels, lengths).

        Raises:
            DataError: naming the array and what is wrong with it.
        """
        unknown = sorted(set(data) - {"frames", "labels", "lengths"})
        if unknown:
            raise DataError(f"data: unknown array '{unknown[0]}'; known are frames, labels, lengths")
        if "frames" not in data:
            raise DataError("data: 'frames' is missing; give an array of shape (N, T, *input_shape)")
        frames = _numbers("frames", data["frames"], "f")
        expected = f"(N, T, {', '.join(map(str, input_shape))})"
        if frames.ndim < 2 or frames.shape[2:] != input_shape:
            raise DataError(
                f"data: frames have shape {frames.shape}, but model.input_shape asks for {expected}; "
                "reshape them or set model.input_shape"
            )
        if 0 in frames.shape:
            raise DataError(f"data: frames are empty, shape {frames.shape}; give at least one sequence of one timestep")
        with np.errstate(over="ignore"):
            frames = frames.astype(np.float32)
        if not np.isfinite(frames).all():
            where = tuple(int(i) for i in np.argwhere(~np.isfinite(frames))[0])
            raise DataError(f"data: frames[{', '.join(map(str, where))}] is {frames[where]}; remove NaN and infinity")
        sequences, timesteps = frames.shape[:2]
        lengths = np.full(sequences, timesteps, np.int64)
        if data.get("lengths") is not None:
            lengths = _per_sequence("lengths", data["lengths"], sequences)
            bad = np.flatnonzero((lengths < 1) | (lengths > timesteps))
            if bad.size:
                raise DataError(f"data: lengths[{bad[0]}] is {lengths[bad[0]]}; it must lie in 1..{timesteps}")
        labels = None
        if data.get("labels") is not None:
            labels = _per_sequence("labels", data["labels"], sequences)
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
        return replace(self, frames=self.frames[:sequences], lengths=self.lengths[:sequences], labels=labels)

    def back_to_back(self) -> Stimulus:
        """All used timesteps as the one long sequence that reset_policy `never` makes of them."""
        joined = self.frames[self.valid][None]
        return Stimulus(joined, np.array([joined.shape[1]], np.int64), None)

    def split(self, joined: NDArray[Any]) -> NDArray[Any]:
        """The inverse of `back_to_back` for a trace: (1, ΣT, …) → (N, T, …), 0 beyond `lengths`."""
        out = np.zeros((*self.frames.shape[:2], *joined.shape[2:]), joined.dtype)
        out[self.valid] = joined[0]
        return out


def channels_last(values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """(N, T, *shape) in torch order → (N, T, prod(shape)) in hardware order."""
    head = values.shape[:2]
    if len(shape) > 1:
        values = np.moveaxis(values, 2, -1)
    return values.reshape(*head, -1)


def _numbers(name: str, value: Any, kinds: str) -> NDArray[Any]:
    array = np.asarray(value)
    if array.dtype.kind not in kinds + "biu":
        raise DataError(f"data: {name} has dtype {array.dtype}; give {'numbers' if 'f' in kinds else 'integers'}")
    return array


def _per_sequence(name: str, value: Any, sequences: int) -> NDArray[np.int64]:
    array = _numbers(name, value, "")
    if array.shape != (sequences,):
        raise DataError(f"data: {name} has shape {array.shape}; {sequences} sequences ask for ({sequences},)")
    return array.astype(np.int64)
