"""Parameters into their types: nearest even, saturated, and nothing of it silent."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from generators.errors import ConfigError
from generators.fixed import FixedType
from generators.typed import holding

_WIDEST = 63
"""Parameters are kept, and compiled, as 64-bit integers; an unsigned 63-bit mantissa still is one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something the report says of a layer."""

    layer: str
    message: str

    def to_json(self) -> dict[str, str]:
        return asdict(self)


def rounded(
    layer: str, key: str, values: NDArray[np.float64], target: FixedType
) -> tuple[NDArray[np.int64], tuple[Finding, ...]]:
    """Mantissas of `values` in `target`, and what was lost.

    Raises:
        ConfigError: the type is too wide for a parameter.
    """
    if target.width > _WIDEST:
        raise ConfigError(
            f"hls: '{key}' of layer '{layer}' is {target}, but a parameter has at most {_WIDEST} bits; "
            "choose a narrower type"
        )
    raw, saturated, vanished = target.round_parameter(values)
    findings = []
    if saturated.any():
        worst = values[saturated]
        low, high = (int(np.floor(np.ldexp(edge, target.frac))) for edge in (worst.min(), worst.max()))
        wider = holding(min(low, target.min_raw), max(high + 1, target.max_raw), target.frac)
        largest = worst.flat[np.abs(worst).argmax()]
        message = f"{key}: {_some(saturated)} saturate in {target}, the largest is {largest:g}; {wider} would hold them"
        findings.append(Finding(layer, message))
    vanished &= ~saturated
    if vanished.any():
        least = np.abs(values[vanished]).min()
        findings.append(
            Finding(
                layer,
                f"{key}: {_some(vanished)} round to zero in {target}, the smallest is {least:g}; a type with "
                f"{_bits_for(float(least))} fractional bits would keep them",
            )
        )
    return raw, tuple(findings)


def _some(mask: NDArray[np.bool_]) -> str:
    return f"{int(mask.sum())} of {mask.size} values"


def _bits_for(value: float) -> int:
    """Fractional bits at which `value` rounds to at least one step: value·2^bits > ½."""
    _, exponent = np.frexp(value)
    return int(-exponent) + (1 if value == 2.0 ** (int(exponent) - 1) else 0)
