"""Tally: casts every value of a run, and keeps the range of each key of each layer and what of it did not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.exact.rounding import Raw
from hlspike.generators.fixed import FixedType
from hlspike.generators.typed import holding


@dataclass(frozen=True, slots=True)
class Overflow:
    """Values of one key of one layer that lay beyond their type.

    Attributes:
        count, total: values beyond the type, and all values, over the used timesteps.
        low, high: the extreme mantissas of all of them after quantisation, with the fractional bits of `type`.
        first: sequence → first timestep of an overflow in it.
    """

    layer: str
    key: str
    type: str
    count: int
    total: int
    low: int
    high: int
    first: dict[int, int]

    @property
    def holding(self) -> FixedType:
        """The narrowest type of the same resolution that would have held every value."""
        declared = FixedType.parse(self.type)
        # AP_SAT_SYM gives up the most negative value of a type
        low = self.low - 1 if self.low < 0 and declared.overflow == "SAT_SYM" else self.low
        needed = holding(low, self.high, declared.frac)
        return replace(needed, quantization=declared.quantization, overflow=declared.overflow)

    @property
    def message(self) -> str:
        """One line for the report."""
        return (
            f"{self.key}: {self.count} of {self.total} values overflow {self.type}; {self.holding} would have held them"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; the inverse of `from_json`."""
        return {**asdict(self), "first": {str(key): value for key, value in self.first.items()}}

    @staticmethod
    def from_json(data: dict[str, Any]) -> Overflow:
        return Overflow(**{**data, "first": {int(key): value for key, value in data["first"].items()}})


@dataclass
class _Seen:
    """What is known of one key of one layer; `count` and `first` are of the values beyond `type`."""

    type: FixedType
    width: int
    low: int
    high: int
    count: int = 0
    first: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Places:
    """The (t, B) timesteps that run at once: t timesteps of B sequences.

    Attributes:
        valid: the timestep is in use.
        sequence, timestep: which one of the whole stimulus it is.
    """

    valid: NDArray[np.bool_]
    sequence: NDArray[np.int64]
    timestep: NDArray[np.int64]

    @staticmethod
    def of(lengths: NDArray[np.int64], first: int, times: slice) -> Places:
        """`times` of the sequences from number `first` on, of which `lengths` timesteps are used."""
        timestep = np.arange(times.start, times.stop)[:, None]
        sequence = np.arange(first, first + len(lengths))[None]
        shape = np.broadcast_shapes(timestep.shape, sequence.shape)
        return Places(timestep < lengths, np.broadcast_to(sequence, shape), np.broadcast_to(timestep, shape))

    def at(self, times: Any, sequences: Any = slice(None)) -> Places:
        """Some of them: two slices, or two lists of equal length, whose places follow each other in one sequence."""
        chosen = [array[times, sequences] for array in (self.valid, self.sequence, self.timestep)]
        return Places(*(array[:, None] if array.ndim == 1 else array for array in chosen))


class Settled(NamedTuple):
    """Mantissas (t, B, n) of a type, and the smallest and the largest of them."""

    raw: Raw
    low: int
    high: int


class Tally:
    """Casts values and counts what did not fit, place by place.

    Args:
        timesteps: used timesteps of the whole stimulus.
    """

    def __init__(self, timesteps: int) -> None:
        self._timesteps = timesteps
        self._seen: dict[tuple[str, str], _Seen] = {}
        self._spikes: dict[str, NDArray[np.int64]] = {}

    def begin(self, places: Places) -> None:
        """What is cast from now on belongs to `places`; places come in the order of time."""
        self._places = places
        self._whole = bool(places.valid.all())

    @property
    def ranges(self) -> Mapping[tuple[str, str], tuple[int, int]]:
        """(layer, key) → the extreme mantissas after quantisation, with the fractional bits of their type."""
        return {place: (seen.low, seen.high) for place, seen in self._seen.items()}

    @property
    def overflows(self) -> tuple[Overflow, ...]:
        """In the order of the layers."""
        return tuple(
            Overflow(*place, str(it.type), it.count, self._timesteps * it.width, it.low, it.high, it.first)
            for place, it in self._seen.items()
            if it.count
        )

    @property
    def spikes(self) -> Mapping[str, NDArray[np.int64]]:
        """Layer fed by n spikes → (n + 1,) in how many timesteps there were 0, 1, … n of them."""
        return self._spikes

    def count(self, layer: str, spikes: Raw) -> None:
        """Take note of how many of (t, B, n) spikes are 1."""
        size = spikes.shape[-1]
        found = np.bincount(np.count_nonzero(spikes, axis=-1)[self._places.valid], minlength=size + 1)
        self._spikes[layer] = self._spikes.get(layer, 0) + found

    def convert(self, layer: str, target: FixedType, values: NDArray[Any]) -> Settled:
        """(B, t, n) numbers as mantissas of `target`, the `result` of the ingress; of any integer dtype."""
        held = target.held(values)
        if held is None:
            raw, frac = target.mantissas(values)
            turned = Settled(raw.swapaxes(0, 1), int(raw.min()), int(raw.max()))
            made = self.cast(layer, "result", target, turned, frac)
            return made._replace(raw=made.raw.swapaxes(0, 1))
        self.see(layer, "result", target, held[1:], held[0].swapaxes(0, 1))
        return Settled(*held)

    def cast(self, layer: str, key: str, target: FixedType, values: Settled, frac: int) -> Settled:
        """(t, B, n) mantissas of `frac` fractional bits, cast into `target`."""
        raw, low, high = target.settled(values.raw, frac, values.low, values.high)
        self.see(layer, key, target, (low, high), raw)
        if target.holds(low, high):
            return Settled(raw, low, high)
        raw = target.confined(raw)
        return Settled(raw, int(raw.min()), int(raw.max()))

    def see(self, layer: str, key: str, target: FixedType, extremes: tuple[int, int], *raws: Raw) -> None:
        """Take note of values before overflow.

        Args:
            extremes: the smallest and the largest of `raws`.
            raws: (t, B, n) mantissas with the fractional bits of `target`; of several, a place in which more than one
                overflows counts once.
        """
        valid, (low, high) = self._places.valid, extremes
        if not self._whole:
            if not valid.any():
                return
            used = [raw[valid] for raw in raws]
            low, high = min(int(raw.min()) for raw in used), max(int(raw.max()) for raw in used)
        seen = self._seen.setdefault((layer, key), _Seen(target, raws[0].shape[-1], low, high))
        seen.low, seen.high = min(seen.low, low), max(seen.high, high)
        if target.holds(low, high):
            return
        beyond = np.logical_or.reduce([target.beyond(raw) for raw in raws]) & valid[..., None]
        seen.count += int(beyond.sum())
        where = beyond.any(-1)
        # the first of several places of a sequence is its earliest
        sequences, places = np.unique(self._places.sequence[where], return_index=True)
        steps = self._places.timestep[where][places]
        seen.first |= dict(zip(sequences.tolist(), steps.tolist(), strict=True)) | seen.first
