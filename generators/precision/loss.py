"""Loss: what fixed point takes from the values of a parameter, measured by what the parameter is for.

    weight, bias    enter sums of many: their errors count together, by their root mean square
    beta, alpha     decays, each alone: by the value, and by the leak 1 − β, which sets the time constant; the response
                    of a neuron to an input, Σ βᵏ, changes by as large a part as 1 − β does
    any other key   each alone, by the value
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

SUMMED = ("weight", "bias")
DECAYS = ("beta", "alpha", "decay")
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of each kind of loss is allowed."""

    rms: float
    value: float
    leak: float

    def used(self, key: str, loss: Loss) -> float:
        """`loss` of the parameter `key` as a part of what is allowed: at most 1 is within."""
        if key in SUMMED:
            return loss.rms / self.rms
        return max(loss.value / self.value, (loss.leak or 0.0) / self.leak)


@dataclass(frozen=True, slots=True)
class Loss:
    """Relative errors of one parameter of one layer.

    Attributes:
        rms: root mean square of the errors, over that of the values.
        value: the largest error of a value, over that value; values of 0 aside.
        leak: of decays: the largest error of a value, over its leak 1 − value; infinite where 1 itself was lost.
    """

    rms: float
    value: float
    leak: float | None

    @staticmethod
    def of(key: str, values: Floats, taken: Floats) -> Loss:
        """What is lost if the parameter `key` has the values `taken` instead of `values`, arrays of one shape."""
        scale = float(np.abs(values).max(initial=0.0)) or 1.0
        size = float(np.square(values / scale).sum())
        rms = float(np.sqrt(np.square(taken / scale - values / scale).sum() / size)) if size else 0.0
        leak = float(leaks(values, taken).max(initial=0.0)) if key in DECAYS else None
        return Loss(rms, float(relative(values, taken).max(initial=0.0)), leak)

    def to_json(self) -> dict[str, float | None]:
        """Plain JSON types, which know no infinity: a leak that came from nothing is None, as that of no decay is."""
        found = asdict(self)
        return {name: None if value is None or not np.isfinite(value) else value for name, value in found.items()}


def relative(values: Floats, taken: Floats) -> Floats:
    """The error of each value over that value; 0 for values of 0."""
    return _over(np.abs(taken - values), np.abs(values))


def leaks(values: Floats, taken: Floats) -> Floats:
    """The error of each decay over its leak; infinite where 1 was lost."""
    return np.where((values == 1) & (taken != 1), np.inf, _over(np.abs(taken - values), 1 - values))


def _over(errors: Floats, sizes: Floats) -> Floats:
    return np.divide(errors, sizes, out=np.zeros_like(errors), where=sizes > 0)
