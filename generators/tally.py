"""Tally: every value that a cast could not keep, by layer and by key, with the type that would have held it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from generators.fixed import WIDEST, FixedType
from generators.typed import holding


@dataclass(frozen=True, slots=True)
class Overflow:
    """Values of one key of one layer that lay beyond their type.

    Attributes:
        count, total: values beyond the type, and all values, over the used timesteps.
        low, high: the extreme mantissas after quantisation, with the fractional bits of `type`.
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
        needed = holding(self.low, self.high, declared.frac)
        return replace(needed, quantization=declared.quantization, overflow=declared.overflow)

    @property
    def message(self) -> str:
        """One line for the report."""
        return (
            f"{self.key}: {self.count} of {self.total} values overflow {self.type}; {self.holding} would have held them"
        )

    def joined(self, later: Overflow) -> Overflow:
        """Both together; where they name the same sequence, this one is the earlier."""
        return replace(
            self,
            count=self.count + later.count,
            low=min(self.low, later.low),
            high=max(self.high, later.high),
            first={**later.first, **self.first},
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; the inverse of `from_json`."""
        return {**asdict(self), "first": {str(key): value for key, value in self.first.items()}}

    @staticmethod
    def from_json(data: dict[str, Any]) -> Overflow:
        return Overflow(**{**data, "first": {int(key): value for key, value in data["first"].items()}})


class Tally:
    """Casts values and counts what did not fit.

    Args:
        valid: (N, T) the timesteps that count.
        first_sequence: number of the first of these sequences in the stimulus.
        timesteps: used timesteps of the whole stimulus.
    """

    def __init__(self, valid: NDArray[np.bool_], first_sequence: int, timesteps: int) -> None:
        self._valid = valid
        self._first_sequence = first_sequence
        self._timesteps = timesteps
        self._found: dict[tuple[str, str], Overflow] = {}

    @property
    def overflows(self) -> tuple[Overflow, ...]:
        return tuple(self._found.values())

    def cast(self, layer: str, key: str, target: FixedType, raw: NDArray[Any], frac: int) -> NDArray[Any]:
        """(N, T, n) mantissas of `frac` fractional bits, cast into `target`; overflows are counted."""
        values, beyond = target.cast_checked(raw, frac)
        self._count(layer, key, target, raw, frac, beyond, slice(None))
        return values

    def cast_step(
        self, layer: str, key: str, target: FixedType, raw: NDArray[Any], frac: int, t: int
    ) -> NDArray[Any]:
        """`cast` for the (N, n) values of timestep `t`."""
        values, beyond = target.cast_checked(raw, frac)
        self._count(layer, key, target, raw[:, None], frac, beyond[:, None], slice(t, t + 1))
        return values

    def conversion(self, layer: str, target: FixedType, values: NDArray[np.floating], raw: NDArray[Any]) -> None:
        """Count the (N, T, n) floats that lay beyond `target`; `raw` is what it made of them."""
        low, high = (float(target.to_float(np.array(edge, object))) for edge in (target.min_raw, target.max_raw))
        if low <= values.min() and values.max() <= high:
            return
        exact = values.astype(np.float64)
        beyond = np.abs(target.to_float(raw) - exact) >= 2.0**-target.frac
        if beyond.any():
            unlimited = _unlimited(target)
            self._count(layer, "result", target, unlimited.from_float(exact), target.frac, beyond, slice(None))

    def _count(
        self, layer: str, key: str, target: FixedType, raw: NDArray[Any], frac: int, beyond: NDArray[np.bool_],
        times: slice,
    ) -> None:
        if not beyond.any():
            return
        valid = self._valid[:, times]
        beyond = beyond & valid[..., None]
        if not beyond.any():
            return
        values = raw[valid]
        low, high = _unlimited(target).cast(np.array([values.min(), values.max()], object), frac)
        steps = np.asarray(beyond.any(-1))
        first = {
            int(n) + self._first_sequence: int(steps[n].argmax()) + (times.start or 0)
            for n in np.flatnonzero(steps.any(-1))
        }
        total = self._timesteps * raw.shape[-1]
        found = Overflow(layer, key, str(target), int(beyond.sum()), total, int(low), int(high), first)
        known = self._found.get((layer, key))
        self._found[layer, key] = found if known is None else known.joined(found)

    @staticmethod
    def merged(parts: Iterable[tuple[Overflow, ...]]) -> tuple[Overflow, ...]:
        """The overflows of several batches of sequences of one stimulus, as if it had been one."""
        merged: dict[tuple[str, str], Overflow] = {}
        for overflow in (overflow for part in parts for overflow in part):
            known = merged.get((overflow.layer, overflow.key))
            merged[overflow.layer, overflow.key] = overflow if known is None else known.joined(overflow)
        return tuple(merged.values())


def _unlimited(target: FixedType) -> FixedType:
    return FixedType(WIDEST, WIDEST - target.frac, True, target.quantization)
