"""What a caller gives as sequences: checked, and as csim takes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.errors import DataError
from hlspike.generators.exact.given import array_of
from hlspike.generators.ir import Network
from hlspike.generators.stimulus import Stimulus, channels_last
from hlspike.generators.typed import TypedInput
from hlspike.tasks.archives import arrays

_TOGETHER = 1 << 15
"""Timesteps that are converted at once, while the program runs those before."""
_FRAMES = "data: frames"


def stimulus(frames: Any, lengths: Any, network: Network) -> tuple[Stimulus, bool]:
    """The sequences, and whether they were given as one without an axis that counts them.

    Args:
        frames: (N, T, *input_shape), (T, *input_shape), or a list of N arrays (T_n, *input_shape).
        lengths: (N,) timesteps used of each, of one sequence a number; None for all that are given.
    Raises:
        DataError: they do not fit the network, or its reset policy.
    """
    shape = network.input.shape
    unequal = _unequal(frames, shape)
    if unequal is not None:
        if lengths is not None:
            raise DataError("data: lengths are those of the sequences where frames are a list of them; leave them out")
        found, single = Stimulus.validated(_padded(unequal, shape), shape), False
    else:
        array = array_of(_FRAMES, frames)
        single = array.ndim == 1 + len(shape) and array.shape[1:] == shape
        if lengths is not None and single:
            lengths = np.reshape(array_of("data: lengths", lengths, fractions=False), -1)
        found = Stimulus.validated({"frames": array[None] if single else array, "lengths": lengths}, shape)
    if not (network.input.told and not found.lengths.any()):
        network.check_lengths(found.lengths)
    return found, single


def _unequal(frames: Any, shape: tuple[int, ...]) -> list[NDArray[Any]] | None:
    """The arrays (T_n, *shape) of a list of sequences that are not all as long; None if `frames` is something else."""
    if getattr(frames, "is_nested", False):
        frames = list(frames.detach().unbind())
    if isinstance(frames, np.ndarray) and frames.dtype == object and frames.ndim == 1:
        frames = frames.tolist()
    if not isinstance(frames, (list, tuple)) or not all(map(_holds_some, frames)):
        return None
    items: list[NDArray[Any]] = []
    for place, item in enumerate(frames):
        items.append(array_of(f"{_FRAMES}[{place}]", _empty(shape) if _is_empty(item) else item))
        if items[0].ndim != 1 + len(shape):
            return None
        if items[-1].shape[1:] != shape:
            found, asked = items[-1].shape, f"(T, {', '.join(map(str, shape))})"
            raise DataError(
                f"{_FRAMES}[{place}] has shape {found}, but a sequence has {asked}; give a list of such arrays"
            )
    lengths = {len(item) for item in items}
    return items if len(lengths) > 1 or lengths == {0} else None


def _holds_some(item: Any) -> bool:
    return isinstance(item, (list, tuple)) or hasattr(item, "__array__")


def _is_empty(item: Any) -> bool:
    return isinstance(item, (list, tuple)) and not item


def _empty(shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.zeros((0, *shape), np.float32)


def _padded(items: list[NDArray[Any]], shape: tuple[int, ...]) -> dict[str, Any]:
    """The arrays of a stimulus; what is put behind a sequence is never run."""
    lengths = np.array([len(item) for item in items], np.int64)
    frames = np.zeros((len(items), max(1, int(lengths.max())), *shape), np.float32)
    for place, item in enumerate(items):
        with np.errstate(over="ignore"):
            frames[place, : len(item)] = item
    return {"frames": frames, "lengths": lengths}


def records(ingress: TypedInput, played: Stimulus) -> Iterator[NDArray[np.uint8]]:
    """The used timesteps of all sequences in order, some at a time, as `Program.run` takes them."""
    timesteps = played.frames.shape[1]
    whole = bool((played.lengths == timesteps).all())
    together = max(1, _TOGETHER // timesteps)
    for first in range(0, len(played), together):
        rows = slice(first, first + together)
        frames, lengths = played.frames[rows], played.lengths[rows]
        used = frames.reshape(-1, *frames.shape[2:]) if whole else frames[np.arange(timesteps) < lengths[:, None]]
        last = np.zeros(len(used), np.uint8)
        last[np.cumsum(lengths)[lengths > 0] - 1] = 1
        yield from packed(ingress, used, last)


def packed(ingress: TypedInput, frames: NDArray[Any], last: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """(t, 1 + b) of timesteps (t, *input_shape), some at a time."""
    kind = ingress.result
    for first in range(0, len(frames), _TOGETHER):
        some = channels_last(frames[None, first : first + _TOGETHER], ingress.layer.shape)
        held = kind.held(some)
        mantissas = arrays.packed(kind.from_float(some) if held is None else held[0], kind.width)[0]
        made = np.empty((len(mantissas), 1 + mantissas.shape[1]), np.uint8)
        made[:, 0], made[:, 1:] = last[first : first + _TOGETHER], mantissas
        yield made
