"""Tally: casts every value of a run, and keeps the range of each key of each layer and what of it did not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from generators.fixed import Cast, FixedType
from generators.stimulus import Stimulus
from generators.typed import holding


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
class Batch:
    """The (N, T) timesteps that run at once.

    Attributes:
        valid: the timestep is in use.
        sequence, timestep: which one of the whole stimulus it is.
    """

    valid: NDArray[np.bool_]
    sequence: NDArray[np.int64]
    timestep: NDArray[np.int64]

    @staticmethod
    def of(stimulus: Stimulus, first: int = 0) -> Batch:
        """The sequences of `stimulus`, which are those from number `first` on."""
        valid = stimulus.valid
        places = np.indices(valid.shape, np.int64)
        return Batch(valid, places[0] + first, places[1])

    def joined(self) -> Batch:
        """As `Stimulus.back_to_back` joins them."""
        used = self.valid
        return Batch(used[used][None], self.sequence[used][None], self.timestep[used][None])


class Tally:
    """Casts values and counts what did not fit, batch by batch.

    Args:
        timesteps: used timesteps of the whole stimulus.
    """

    def __init__(self, timesteps: int) -> None:
        self._timesteps = timesteps
        self._seen: dict[tuple[str, str], _Seen] = {}
        self._beyond: NDArray[np.bool_] | None = None

    def begin(self, batch: Batch) -> None:
        """What is cast from now on belongs to `batch`; batches come in the order of their sequences."""
        self._batch = batch
        self._whole: NDArray[np.bool_] = np.asarray(batch.valid.all(0))

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

    def convert(self, layer: str, target: FixedType, values: NDArray[np.floating]) -> NDArray[Any]:
        """(N, T, n) floats as mantissas of `target`, the `result` of the ingress; of any integer dtype."""
        held = target.held(values)
        if held is None:
            return self.cast(layer, "result", target, *target.mantissas(values))
        raw, low, high = held
        cast = Cast(raw, np.broadcast_to(np.False_, raw.shape), low, high)
        self._count(layer, "result", target, raw, target.frac, cast, slice(None))
        return raw

    def cast(self, layer: str, key: str, target: FixedType, raw: NDArray[Any], frac: int) -> NDArray[Any]:
        """(N, T, n) mantissas of `frac` fractional bits, cast into `target`."""
        cast = target.cast_checked(raw, frac)
        self._count(layer, key, target, raw, frac, cast, slice(None))
        return cast.raw

    def cast_step(
        self, layer: str, key: str, target: FixedType, raw: NDArray[Any], frac: int, t: int, again: bool = False
    ) -> NDArray[Any]:
        """`cast` for the (N, n) values of timestep `t`; `again` if they are those of the call before, moved on."""
        cast = target.cast_checked(raw, frac)
        beyond = cast.beyond
        if again and self._beyond is not None:
            beyond = beyond & ~self._beyond
        self._beyond = cast.beyond
        once = Cast(cast.raw, beyond[:, None], cast.low, cast.high)
        self._count(layer, key, target, raw[:, None], frac, once, slice(t, t + 1))
        return cast.raw

    def _count(
        self, layer: str, key: str, target: FixedType, raw: NDArray[Any], frac: int, cast: Cast, times: slice
    ) -> None:
        valid, low, high = self._batch.valid[:, times], cast.low, cast.high
        if not self._whole[times].all():
            used = raw[valid]
            if not used.size:
                return
            _, _, low, high = target.cast_checked(np.array([used.min(), used.max()], object), frac)
        seen = self._seen.setdefault((layer, key), _Seen(target, raw.shape[-1], low, high))
        seen.low, seen.high = min(seen.low, low), max(seen.high, high)
        if target.holds(low, high):
            return
        beyond = cast.beyond & valid[..., None]
        seen.count += int(beyond.sum())
        where = beyond.any(-1)
        sequences, places = np.unique(self._batch.sequence[:, times][where], return_index=True)
        steps = self._batch.timestep[:, times][where][places]
        seen.first |= dict(zip(sequences.tolist(), steps.tolist(), strict=True)) | seen.first
