"""Automatic types: what `auto` and `auto<W>` of a configuration stand for, once there are values.

    auto        a parameter: the narrowest type within `BOUNDS`, of at most `WIDEST` bits
                what a layer computes: lossless; a state: the range that was seen
    auto<W>     a parameter: W bits, and the binary point that loses least
                what a layer computes: W bits, and the binary point by the range that was seen

A parameter is signed if one of its values is negative.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import frexp
from typing import cast

import numpy as np

from hlspike.generators.exact.rounding import Overflow, Quantization
from hlspike.generators.fixed import OVERFLOWS, QUANTIZATIONS, FixedType
from hlspike.generators.fixed import WIDEST as WIDEST_TYPE
from hlspike.generators.precision.loss import DECAYS, SUMMED, Bounds, Floats, Loss
from hlspike.generators.typed import holding

BOUNDS = Bounds(rms=2.0**-8, value=2.0**-7, leak=2.0**-5)
"""What `auto` may lose of a parameter. Tighter ones cost bits, and change no decision of the shipped experiments."""
WIDEST = 24
"""Bits that `auto` gives a parameter at most: the wide port of a DSP takes as many, and a sign."""
_FINEST = 960
"""Most bits on either side of the point: AMD's headers end at 1024. What lies beyond saturates or goes to zero, and is
told as such."""
_MODES = "|".join(QUANTIZATIONS), "|".join(OVERFLOWS)
_SPELLINGS = (
    re.compile(r"\s*auto\s*"),
    re.compile(
        rf"\s*auto\s*<\s*(\d{{1,9}})\s*(?:,\s*(?:AP_)?({_MODES[0]})\s*(?:,\s*(?:AP_)?({_MODES[1]})\s*)?)?>\s*", re.ASCII
    ),
    re.compile(rf"\s*auto_(\d{{1,9}})(?:_(?:AP_)?({_MODES[0]})(?:_(?:AP_)?({_MODES[1]}))?)?\s*", re.ASCII),
)


@dataclass(frozen=True, slots=True)
class Auto:
    """A type to be taken from values.

    Attributes:
        width: None leaves it to the values.
        modes: of what a layer computes in `width` bits; a range seen is no promise, so it saturates if nothing is said.
    """

    width: int | None
    modes: tuple[Quantization, Overflow] = ("RND", "SAT")

    @staticmethod
    def parse(text: str) -> Auto | None:
        """`auto`, `auto<W>`, `auto<W,Q,O>` or `auto_W_Q_O`; None for a text that begins otherwise.

        Raises:
            ValueError: it begins with auto, and is none of these.
        """
        if not text.lstrip().startswith("auto"):
            return None
        match = next(filter(None, (spelling.fullmatch(text) for spelling in _SPELLINGS)), None)
        width, quantization, overflow = (*match.groups(), None, None, None)[:3] if match else ("0", None, None)
        if width is not None and not 1 <= int(width) <= WIDEST_TYPE:
            raise ValueError(
                f"{text!r} is no automatic type; write auto, auto<W>, auto<W,Q,O> or auto_W_Q_O, with W in "
                f"1..{WIDEST_TYPE}, Q one of {', '.join(QUANTIZATIONS)} and O one of {', '.join(OVERFLOWS)}"
            )
        default = Auto(None).modes
        modes = cast(tuple[Quantization, Overflow], (quantization or default[0], overflow or default[1]))
        return Auto(None if width is None else int(width), modes)

    def __str__(self) -> str:
        return "auto" if self.width is None else f"auto<{self.width}>"

    def of_parameter(self, key: str, values: Floats) -> FixedType:
        """The type of the parameter `key`, finite `values` of any shape."""
        if not values.any():
            width = self.width or 1
            return FixedType(width, width, signed=False)
        values = values.clip(-(2.0**_FINEST), 2.0**_FINEST)
        if self.width is None:
            return _narrowest(key, values)
        return _least_lossy(key, values, self.width)

    def of_range(self, low: int, high: int, frac: int, most: FixedType) -> FixedType:
        """The type of `width` bits of what a layer computes.

        Args:
            low, high: the extreme mantissas to hold, with `frac` fractional bits.
            most: a wider type that loses nothing: no more bits on either side of the point, and signed as it is. What
                the range leaves of the width goes to larger values before it goes to bits that are always 0.
        """
        assert self.width is not None and self.width <= most.width
        seen = holding(min(low, -1) if most.signed else low, high, frac)
        integer = min(max(seen.integer, self.width - most.frac), most.integer)
        return FixedType(self.width, integer, most.signed, *self.modes)

    def reason(self, key: str, loss: Loss, kind: FixedType, cut: int = 0) -> str:
        """Why the parameter `key`, which loses `loss`, has the type `kind`, in which `cut` of its values saturate."""
        if self.width is not None:
            lost = f"{_lost(key, loss)}, {cut} values are cut off" if cut else _lost(key, loss)
            return f"{self}: of the binary points of {self.width} bits the one that loses least; {lost}"
        if BOUNDS.used(key, loss) > 1:
            return f"auto: {kind.width} bits, where more than {WIDEST} would be needed; {_lost(key, loss)}"
        if key in SUMMED:
            return f"auto: the narrowest that loses at most {percent(BOUNDS.rms)}; {_lost(key, loss)}"
        leak = f", nor its leak by more than {percent(BOUNDS.leak)}" if key in DECAYS else ""
        return f"auto: the narrowest that moves no value by more than {percent(BOUNDS.value)}{leak}; {_lost(key, loss)}"


def percent(share: float) -> str:
    """Two digits of a share; all of them before the point."""
    return f"{100 * share:.0f} %" if share >= 1 else f"{100 * share:.2g} %"


def _lost(key: str, loss: Loss) -> str:
    if key in SUMMED:
        return f"{percent(loss.rms)} of the root mean square is lost"
    leak = "" if loss.leak is None or np.isinf(loss.leak) else f", their leak by at most {percent(loss.leak)}"
    return f"values move by at most {percent(loss.value)}{leak}"


def _narrowest(key: str, values: Floats) -> FixedType:
    frac = min(-frexp(float(np.abs(values).max()))[1], _FINEST)
    while True:
        low, high = (int(np.rint(np.ldexp(edge, frac))) for edge in (values.min(), values.max()))
        kind = holding(low, high, frac)
        within = BOUNDS.used(key, Loss.of(key, values, _taken(values, kind))) <= 1
        if within or kind.width >= WIDEST or frac >= _FINEST:
            # of a negative value that was rounded to nothing there is no sign to keep
            return kind
        frac += 1


def _least_lossy(key: str, values: Floats, width: int) -> FixedType:
    """From the finest binary point that all values fit on, as long as cutting off some loses less than rounding all."""
    signed = bool(values.min() < 0)
    frac = min(width - signed - frexp(float(np.abs(values).max()))[1] + 1, _FINEST)
    while not _fits(values, FixedType(width, width - frac, signed)):
        frac -= 1
    best, least = FixedType(width, width - frac, signed), np.inf
    while frac <= _FINEST:
        kind = FixedType(width, width - frac, signed)
        step = 2.0**-frac
        cut = np.clip(values, kind.min_raw * step, kind.max_raw * step)
        if BOUNDS.used(key, Loss.of(key, values, cut)) >= least:
            return best
        used = BOUNDS.used(key, Loss.of(key, values, _taken(values, kind)))
        if used < least:
            best, least = kind, used
        frac += 1
    return best


def _fits(values: Floats, kind: FixedType) -> bool:
    low, high = (int(np.rint(np.ldexp(edge, kind.frac))) for edge in (values.min(), values.max()))
    return kind.holds(low, high)


def _taken(values: Floats, kind: FixedType) -> Floats:
    """Values of `kind` nearest to `values`, as `FixedType.round_parameter` takes them."""
    mantissas = np.rint(np.ldexp(values, kind.frac)).clip(kind.min_raw, kind.max_raw)
    return np.asarray(np.ldexp(mantissas, -kind.frac))
