"""Sums of vectors, and vectors one behind the other, in exact integers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hlspike.generators.reference.tally import Settled, Tally
from hlspike.generators.typed import TypedMerge

_MOST = 62
"""Bits of a mantissa that int64 adds without overflow."""


def merge(layer: TypedMerge, values: Sequence[Settled], tally: Tally) -> Settled:
    """What `layer` makes of its inputs, mantissas (t, B, n_i) of its types: formed exactly, cast once."""
    if layer.layer.passes_spikes:
        return Settled(np.concatenate([value.raw for value in values], axis=-1), 0, 1)
    frac = layer.exact.frac
    dtype = np.int64 if layer.exact.width <= _MOST else np.dtype(object)
    aligned = [value.raw.astype(dtype) << frac - kind.frac for value, kind in zip(values, layer.inputs, strict=True)]
    raw = aligned[0] + aligned[1] if layer.layer.joining == "add" else np.concatenate(aligned, axis=-1)
    exact = Settled(raw, int(raw.min()), int(raw.max()))
    return tally.cast(layer.layer.name, "result", layer.result, exact, frac)
