"""Parameters into their types: nearest even, saturated, and nothing of it silent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.errors import ConfigError
from hlspike.generators.fixed import FixedType
from hlspike.generators.precision.automatic import Auto, percent
from hlspike.generators.precision.loss import DECAYS, SUMMED, Bounds, Loss, leaks, relative
from hlspike.generators.typed import holding

_WIDEST = 63
"""Parameters are kept, and compiled, as 64-bit integers; an unsigned 63-bit mantissa still is one."""
_TOLD = Bounds(rms=0.01, value=0.01, leak=0.1)
"""What is lost beyond these is a warning."""
_FEW = 0.1
"""A type promises each weight to within half a step, and small ones go to zero; a larger share of them is a warning."""
_PROMISED = 2.0
"""A type promises that values of its width are stored with at most so many times the error that they must have: beyond
it, at least a bit is given away by where the binary point is."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something the report says of a layer."""

    layer: str
    message: str

    def to_json(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Rounded:
    """A parameter in its type.

    Attributes:
        saturated, vanished: how many values were beyond the type, and how many became 0.
        findings: what of it is a warning.
    """

    raw: NDArray[np.int64]
    loss: Loss
    saturated: int
    vanished: int
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """The entry of a report, without the mantissas."""
        counts = {"values": self.raw.size, "saturated": self.saturated, "vanished": self.vanished}
        return {**counts, **self.loss.to_json()}


def rounded(layer: str, key: str, values: NDArray[np.float64], target: FixedType, chosen: bool = False) -> Rounded:
    """`values`, all finite, in `target`, and what was lost.

    Args:
        chosen: whether `target` was taken from the values, and so cuts off what it does because that loses least.
    Raises:
        ConfigError: the type is too wide for a parameter.
    """
    if target.width > _WIDEST:
        raise ConfigError(
            f"hls: '{key}' of layer '{layer}' is {target}, but a parameter has at most {_WIDEST} bits; "
            "choose a narrower type"
        )
    raw, saturated, vanished = target.round_parameter(values)
    vanished &= ~saturated
    taken = target.to_float(raw)
    loss = Loss.of(key, values, taken)
    meant = chosen and key in SUMMED
    messages = [] if meant else [*_beyond(key, values, saturated, target)]
    messages += _vanished(key, values, vanished, target)
    if key not in SUMMED:
        stopped = (taken == 1) & (values != 1) & ~saturated & (key in DECAYS)
        told = saturated | vanished | stopped
        messages += [*_stopped(values, stopped, target), *_moved(key, values, taken, told, target)]
    elif not saturated.any():
        messages += _misplaced(key, values, loss, target)
    findings = tuple(Finding(layer, f"{key}: {message}") for message in messages)
    return Rounded(raw, loss, int(saturated.sum()), int(vanished.sum()), findings)


def _beyond(
    key: str, values: NDArray[np.float64], saturated: NDArray[np.bool_], target: FixedType
) -> Iterator[str]:
    if not saturated.any():
        return
    worst = values[saturated]
    low, high = (int(np.floor(np.ldexp(edge, target.frac))) for edge in (worst.min(), worst.max()))
    wider = holding(min(low, target.min_raw), max(high + 1, target.max_raw), target.frac)
    largest = worst.flat[np.abs(worst).argmax()]
    so = ", so what was 1 leaks" if key in DECAYS and 1.0 in worst else ""
    yield f"{_some(saturated)} saturate in {target}, the largest is {largest:g}{so}; {wider} would hold them"


def _vanished(
    key: str, values: NDArray[np.float64], vanished: NDArray[np.bool_], target: FixedType
) -> Iterator[str]:
    if not vanished.any() or (key in SUMMED and vanished.mean() <= _FEW):
        return
    least = float(np.abs(values[vanished]).min())
    so = ", so nothing is kept from one timestep to the next" if key in DECAYS else ""
    yield (
        f"{_some(vanished)} round to zero in {target}, the smallest is {least:g}{so}; a type with {_bits_for(least)} "
        "fractional bits would keep them"
    )


def _stopped(values: NDArray[np.float64], stopped: NDArray[np.bool_], target: FixedType) -> Iterator[str]:
    if not stopped.any():
        return
    largest = float(values[stopped].max())
    yield (
        f"{_some(stopped)} round to 1 in {target}, the largest is {largest:g}, so nothing leaks; a type with "
        f"{_bits_for(1 - largest)} fractional bits would keep them"
    )


def _moved(
    key: str, values: NDArray[np.float64], taken: NDArray[np.float64], others: NDArray[np.bool_], target: FixedType
) -> Iterator[str]:
    """Values that moved; `others` are told of by themselves."""
    known, found = values[~others], taken[~others]
    loss = Loss.of(key, known, found)
    if _TOLD.used(key, loss) <= 1:
        return
    used, leak = relative(known, found) / _TOLD.value, ""
    if loss.leak is not None:
        used, leak = np.maximum(used, leaks(known, found) / _TOLD.leak), f", their leak by up to {percent(loss.leak)}"
    worst = used.argmax()
    yield (
        f"values move by up to {percent(loss.value)}{leak} in {target}, {known[worst]:g} is {found[worst]:g}; "
        f"auto would take {Auto(None).of_parameter(key, values)}"
    )


def _misplaced(key: str, values: NDArray[np.float64], loss: Loss, target: FixedType) -> Iterator[str]:
    """That the values lose more than a type of this width promises."""
    if _TOLD.used(key, loss) <= 1:
        return
    auto = Auto(target.width)
    better = auto.of_parameter(key, values)
    raw, _, _ = better.round_parameter(values)
    least = Loss.of(key, values, better.to_float(raw))
    if loss.rms > _PROMISED * least.rms:
        yield (
            f"{percent(loss.rms)} of the root mean square is lost in {target}, more than {target.width} bits have to "
            f"lose; {auto} would take {better}, which loses {percent(least.rms)}"
        )


def _some(mask: NDArray[np.bool_]) -> str:
    return f"{int(mask.sum())} of {mask.size} values"


def _bits_for(value: float) -> int:
    """Fractional bits at which `value` rounds to at least one step: value·2^bits > ½."""
    _, exponent = np.frexp(value)
    return int(-exponent) + (1 if value == 2.0 ** (int(exponent) - 1) else 0)
