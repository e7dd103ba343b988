"""Distributed arithmetic: a constant matrix as additions of shifted values, which its outputs share.

Which sums to share is found by da4ml, as two matrices one after the other whose product is the weights (C. Sun et al.,
"da4ml: Distributed Arithmetic for Real-time Neural Networks on FPGAs", 2025). Its operations are taken over here as
steps on integers, of which each is proved to be the sum that it stands for, and made as wide as that sum can become.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.design import Sums
from hlspike.generators.errors import ConfigError
from hlspike.generators.fixed import FixedType

Ints = NDArray[np.int64]
Term = tuple[int, int, int]
"""A value, the exponent of two and the sign with which it counts."""
PACKAGE = "da4ml"
_MANTISSA = 24
"""Bits of a weight that da4ml, which takes them as float32, sees."""


def unseen(weight: Ints) -> int:
    """Significant bits of the widest weight if da4ml does not see them all, else 0."""
    widest = max(abs(int(one)) // (int(one) & -int(one)) if one else 0 for one in weight.flat).bit_length()
    return widest if widest > _MANTISSA else 0


def shared(weight: Ints, given: FixedType, most: int, name: str) -> tuple[Sums, dict[str, Ints]]:
    """The additions of W x, and the tables that `templates/firmware/sums.j2` prints.

    Args:
        weight: (n_out, n_in), mantissas.
        given: the type of an input.
        most: bits that are kept of a sum; what is above wraps.
        name: of the layer, for errors.
    Returns:
        What they take, and two arrays. `steps`, a row per addition: two values, each with the places by which it is
        moved up, the sign of the second, bits kept of the sum, bits that hold it and both of its terms, and how many
        additions follow each other up to it. Values are numbered, the inputs first. `outputs`, a row per output: the
        value (-1: zero), its places, its sign.
    Raises:
        ConfigError: da4ml is not installed, or what it finds is another matrix.
    """
    steps, outputs = _found(np.ascontiguousarray(weight).tobytes(), weight.shape, given.min_raw, given.max_raw)
    n_in = weight.shape[1]
    sums = np.vstack([np.eye(n_in, dtype=np.int64), np.zeros((len(steps), n_in), np.int64)])
    rows, adders, levels, negated = [], Counter[int](), [0] * n_in, 0
    for number, (first, up, second, other, sign) in enumerate(steps, n_in):
        terms = sums[first] << up, sign * (sums[second] << other)
        sums[number] = terms[0] + terms[1]
        held = max(_bits(one, given) for one in (*terms, sums[second] << other, sums[number]))
        kept = min(_bits(sums[number], given), most)
        apart = sign > 0 and _apart((sums[first], up), (sums[second], other), given)
        if not apart:
            # the last places of one that is moved less are those of the sum, unless they are taken off
            adders[max(kept - (other if sign < 0 else max(up, other)), 1)] += 1
        levels.append(max(levels[first], levels[second]) + (not apart))
        rows.append((first, up, second, other, sign, kept, held, levels[-1]))
    told = np.zeros_like(weight)
    for output, (value, places, sign) in enumerate(outputs):
        if value >= 0:
            told[output] = sign * (sums[value] << places)
            if sign < 0:
                negated = 1
                adders[min(_bits(told[output], given), most)] += 1
    if not np.array_equal(told, weight):
        raise ConfigError(f"layer '{name}': what {PACKAGE} finds for its weights is another matrix; write dense")
    made = Sums(tuple(sorted(adders.items())), max(levels) + negated)
    return made, {"steps": np.array(rows, np.int64).reshape(-1, 8), "outputs": np.array(outputs, np.int64)}


def _apart(one: tuple[Ints, int], other: tuple[Ints, int], given: FixedType) -> bool:
    """Whether two values that are moved up have no place in common, which makes their sum a matter of wires."""
    low, high = sorted((one, other), key=lambda moved: moved[1])
    return low[1] == 0 and not given.min_raw and not (low[0] < 0).any() and _bits(low[0], given) - 1 <= high[1]


def _bits(sum_: Ints, given: FixedType) -> int:
    """Of a signed integer that holds every value of a sum of inputs."""
    above, below = int(sum_[sum_ > 0].sum()), int(sum_[sum_ < 0].sum())
    low = above * given.min_raw + below * given.max_raw
    high = above * given.max_raw + below * given.min_raw
    return 1 + max((~low if low < 0 else low).bit_length(), (~high if high < 0 else high).bit_length())


@lru_cache(8)
def _found(weight: bytes, shape: tuple[int, ...], low: int, high: int) -> tuple[list[tuple[int, ...]], list[Term]]:
    """Steps that outputs need, without those of widths, and outputs."""
    try:
        from da4ml.cmvm import QInterval, solve
    except ImportError as error:
        raise ConfigError(
            f"strategy distributed_arithmetic: needs the package {PACKAGE}, which is not installed; pip install "
            f"'hlspike[da]', or write dense"
        ) from error
    n_out, n_in = shape
    # da4ml reads rows as they lie
    matrix = np.frombuffer(weight, np.int64).reshape(shape).T.astype(np.float32, order="C")
    if not matrix.any():
        return [], [(-1, 0, 1)] * n_out
    inputs = [QInterval(float(low), float(high), 1.0)] * n_in
    # every depth of the first matrix would be tried, which takes ten times as long and saves a hundredth
    stages = solve(matrix, qintervals=inputs, search_all_decompose_dc=False).solutions
    graph = _Graph(n_in)
    terms: list[Term | None] = [(number, 0, 1) for number in range(n_in)]
    for stage in stages:
        terms = _through(graph, stage, terms)
    return graph.finished(terms)


def _through(graph: _Graph, stage: Any, given: list[Term | None]) -> list[Term | None]:
    """The outputs of one of da4ml's matrices."""
    values: list[Term | None] = []
    for op in stage.ops:
        if op.opcode == -1:
            values.append(_scaled(given[op.id0], stage.inp_shifts[op.id0], 1))
        elif op.opcode in (0, 1):
            values.append(graph.sum(values[op.id0], _scaled(values[op.id1], op.data, -1 if op.opcode else 1)))
        else:
            raise ValueError(f"{PACKAGE} has an operation that is no addition: {op}")
    outputs = zip(stage.out_idxs, stage.out_shifts, stage.out_negs, strict=True)
    return [None if at < 0 else _scaled(values[at], up, -1 if negative else 1) for at, up, negative in outputs]


def _scaled(term: Term | None, places: int, sign: int) -> Term | None:
    return None if term is None else (term[0], term[1] + int(places), term[2] * sign)


@dataclass(slots=True)
class _Graph:
    """Additions as they are found; `rows` are two values with their places, and the sign of the second."""

    n_in: int
    rows: list[tuple[int, ...]] = field(default_factory=list)
    known: dict[tuple[int, ...], int] = field(default_factory=dict)

    def sum(self, one: Term | None, other: Term | None) -> Term | None:
        """A sum of two that are taken off is one that is taken off: no addition is needed for a sign."""
        if one is None or other is None:
            return one or other
        if one[2] < other[2]:
            one, other = other, one
        least = min(one[1], other[1])
        row = one[0], one[1] - least, other[0], other[1] - least, one[2] * other[2]
        if row not in self.known:
            self.known[row] = self.n_in + len(self.rows)
            self.rows.append(row)
        return self.known[row], least, one[2]

    def finished(self, outputs: Iterable[Term | None]) -> tuple[list[tuple[int, ...]], list[Term]]:
        """What outputs need, numbered anew; a difference that is only ever taken off is turned round."""
        wanted = [output or (-1, 0, 1) for output in outputs]
        used = {value for value, _, _ in wanted if value >= self.n_in}
        within: set[int] = set()
        for number in range(self.n_in + len(self.rows) - 1, self.n_in - 1, -1):
            if number in used:
                first, _, second, _, _ = self.rows[number - self.n_in]
                within |= {first, second}
                used |= {first, second}
        plus = {value for value, _, sign in wanted if sign > 0}
        rows: list[tuple[int, ...]] = []
        names = {number: number for number in range(self.n_in)}
        turned = set()
        for number, (first, up, second, other, sign) in enumerate(self.rows, self.n_in):
            if number not in used:
                continue
            if sign < 0 and number not in plus and number not in within:
                first, up, second, other = second, other, first, up
                turned.add(number)
            names[number] = self.n_in + len(rows)
            rows.append((names[first], up, names[second], other, sign))
        return rows, [
            (names.get(value, -1), places, 1 if value in turned else sign) for value, places, sign in wanted
        ]
