"""Neurons of the reference: one layer walked through time, in exact integers, for many sequences at once.

The equations are those of the layer. A state is formed exactly and cast once, into its type; firing compares cast
values with θ, strictly. Each walk takes the narrowest integers that nothing in it can leave, and is taken as if nothing
overflowed: only where something did is it repeated with every cast carried out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.exact.rounding import Raw, quantize_here
from hlspike.generators.neurons.equations import INPUT, SPIKES
from hlspike.generators.reference.plan import Plan, Product, Settling, Sum, magnitude
from hlspike.generators.reference.tally import Settled, Tally
from hlspike.generators.typed import Integers, TypedNeuron, TypedReadout

_SHORT = 64
"""Neurons below which NumPy takes longer to repeat a row for every sequence than to read a matrix."""


@dataclass(slots=True)
class _Walked:
    """What a walk made, arrays (t, B, n) by state.

    Attributes:
        exact: sums at the point of the type, before overflow.
        again: those of a reset within the timestep.
        cast: states as they are kept of the trace, where casting changed them.
        left: (B, n) the states at the end.
    """

    exact: dict[str, Raw]
    again: dict[str, Raw]
    cast: dict[str, Raw]
    spikes: NDArray[np.bool_]
    left: dict[str, Raw]


class States:
    """The states of a layer of neurons, or of a readout that integrates, from one stretch of time to the next.

    Args:
        keep: whether a walk returns the states too, as each timestep left them or as it compared them with θ.
    """

    def __init__(
        self, layer: TypedNeuron | TypedReadout, integers: Integers, keep: Literal["left", "compared"] | None
    ) -> None:
        self.name, self._keep = layer.layer.name, keep
        self._plan = Plan.of(layer, integers)
        self._equations = self._plan.equations
        self._types = {one.name: one.type for one in self._plan.states}
        self._held = [state.name for state in self._equations.held]
        self._recalls, self._compared = self._equations.recalls, self._equations.compares
        self._carried = (*self._held, *([SPIKES] if self._recalls else []))
        self._inhibits = isinstance(layer, TypedNeuron) and layer.layer.inhibition
        # without a delay or inhibition, whoever fired is who is reset next
        self._follows = not self._inhibits and not self._equations.after
        self._left: dict[str, Raw] = {}
        self._constants: dict[tuple[type[Any], int, int], Raw] = {}
        self._overflows = False

    def clear(self) -> None:
        """Back to the initial state."""
        self._left = {}

    def walk(
        self, values: Settled, last: NDArray[np.bool_], tally: Tally
    ) -> tuple[NDArray[np.bool_], Mapping[str, Raw]]:
        """The next t timesteps of B sequences.

        Args:
            values: (t, B, n) mantissas of the input's type.
            last: (t,) timesteps after which the state returns to 0.
        Returns:
            Spikes (t, B, n), of a readout none; the mantissas (t, B, n) of held states, if they are kept.
        """
        raw = values.raw
        if not self._left:
            self._left = {name: np.zeros(raw.shape[1:], np.int32) for name in self._carried}
        largest = max(-values.low, values.high)
        dtype = self._dtype(largest, len(raw))
        if dtype is object:
            self._overflows = True
        made = self._walked(raw, last, dtype)
        if not self._overflows and not self._fits(made):
            self._overflows = True
            made = self._walked(raw, last, self._dtype(largest, len(raw)))
        for key in dict.fromkeys(state.key for state in self._equations.states):
            own = [state.name for state in self._equations.states if state.key == key]
            raws = [arrays[name] for name in own for arrays in (made.exact, made.again) if name in arrays]
            tally.see(self.name, key, self._types[own[0]], _extremes(raws), *raws)
        self._left = made.left
        kept: dict[str, Raw] = {}
        if self._keep:
            again = made.again if self._keep == "left" and not self._overflows else {}
            kept = {name: again.get(name, made.cast[name]) for name in self._held}
        return made.spikes, kept

    def _fits(self, made: _Walked) -> bool:
        return all(
            self._types[name].holds(*_extremes([raw]))
            for arrays in (made.exact, made.again) for name, raw in arrays.items()
        )

    def _walked(self, raw: Raw, last: NDArray[np.bool_], dtype: type[Any]) -> _Walked:
        plan, shape = self._plan, raw.shape
        arriving = self._arriving(raw, dtype)
        exact = {one.name: np.empty(shape, dtype) for one in plan.states}
        again = {settling.name: np.empty(shape, dtype) for settling in plan.settling}
        apart = self._overflows and self._keep
        cast = {name: np.empty(shape, dtype) if apart else exact[name] for name in self._held}
        spikes = np.empty(shape if plan.margin is not None else (0, 0, 0), np.bool_)
        still = np.zeros(shape[1:], dtype)
        rest = dict.fromkeys(self._carried, still)
        before = {name: value.astype(dtype) for name, value in self._left.items()}
        taken, above = np.empty(shape[1:], dtype), np.empty(shape[1:], np.bool_)
        fires = above
        asked, known = self._equations.resets, False
        for t, ends in enumerate(last):
            if asked:
                fires = spikes[t - 1] if known else self._fires(before, above)
            now: dict[str, Raw] = {}
            for one in plan.states:
                update = self._formed(one, before, now, arriving, t, fires, exact[one.name][t], taken)
                now[one.name] = self._confined(one, update)
            if plan.margin is not None:
                spike = self._fires(now, spikes[t])
                if self._inhibits:
                    _inhibit(spike, self._margin(now))
            if apart and self._keep == "compared":
                for name in self._held:
                    cast[name][t] = now[name]
            for settling in plan.settling:
                now[settling.name] = self._settled(
                    settling, now[settling.name], spikes[t], fires, again[settling.name][t]
                )
            if apart and self._keep == "left":
                for name in self._held:
                    cast[name][t] = now[name]
            if self._recalls:
                now[SPIKES] = spikes[t]
            known = self._follows
            before = now
            if ends:
                before, known = rest, False
        return _Walked(exact, again, cast, spikes, {name: before[name].copy() for name in self._carried})

    def _arriving(self, raw: Raw, dtype: type[Any]) -> dict[int, Raw]:
        """The input, by the factor it is multiplied with."""
        wide = raw.astype(dtype, copy=False)
        found: dict[int, Raw] = {}
        for one in self._plan.states:
            for product in one.products:
                if product.of == INPUT:
                    k = self._constant(product.factor, dtype, raw.shape[1])
                    found[id(product)] = wide if product.is_plain else wide * k
        return found

    def _formed(
        self, one: Sum, before: Mapping[str, Raw], now: Mapping[str, Raw], arriving: Mapping[int, Raw], t: int,
        fires: NDArray[np.bool_], out: Raw, taken: Raw,
    ) -> Raw:
        """The sum `one` at the point of its type, in `out`."""
        total: Raw | None = None
        for product in one.products:
            target = out if total is None else taken
            if product.of == INPUT:
                value = arriving[id(product)][t]
            else:
                value = self._value(product, before if product.before or product.of == SPIKES else now, target)
            if product.when != "always" and not one.cleared:
                gate = fires if product.when == "reset" else ~fires
                value = np.multiply(gate, value, out=target)
            if total is None:
                total = np.negative(value, out=out) if product.negative else value
            elif product.negative:
                total = np.subtract(total, value, out=out)
            else:
                total = np.add(total, value, out=out)
        assert total is not None
        if one.cleared:
            total = np.multiply(total, ~fires, out=out)
        if total is not out:
            out[...] = total
        if one.drop:
            quantize_here(out, one.drop, one.type.quantization)
        return out

    def _value(self, product: Product, states: Mapping[str, Raw], out: Raw) -> Raw:
        if product.is_plain:
            return states[product.of]
        k = self._constant(product.factor, out.dtype.type, len(out))
        return np.multiply(states[product.of], k, out=out) if product.of else k

    def _confined(self, one: Sum | Settling, raw: Raw) -> Raw:
        return one.type.confined(raw).astype(raw.dtype, copy=False) if self._overflows else raw

    def _fires(self, states: Mapping[str, Raw], out: NDArray[np.bool_]) -> NDArray[np.bool_]:
        if self._plan.bound is not None and self._compared is not None:
            value = states[self._compared]
            return np.greater(value, self._constant(self._plan.bound, value.dtype.type, len(value)), out=out)
        return np.greater(self._margin(states), 0, out=out)

    def _margin(self, states: Mapping[str, Raw]) -> Raw:
        """The firing sum less θ."""
        assert self._plan.margin is not None
        total: Any = 0
        like = next(iter(states.values()))
        for product in self._plan.margin.products:
            k = self._constant(product.factor, like.dtype.type, len(like))
            value = states[product.of] * k if product.of else k
            total = total - value if product.negative else total + value
        return np.asarray(total)

    def _settled(
        self, settling: Settling, state: Raw, spike: NDArray[np.bool_], reset: NDArray[np.bool_], out: Raw
    ) -> Raw:
        """The reset within the timestep: d = S − R, then state − d · by."""
        direction = spike.astype(np.int8) - reset.astype(np.int8)
        aligned = state * (1 << settling.rise)
        by = aligned if settling.by is None else self._constant(settling.by, out.dtype.type, len(out))
        out[...] = aligned - direction * by
        quantize_here(out, settling.rise, settling.type.quantization)
        return self._confined(settling, out)

    def _dtype(self, largest: int, timesteps: int) -> type[Any]:
        """The narrowest that holds every value of a walk, if no input exceeds `largest` in magnitude."""
        edges = {name: max(-self._types[name].min_raw, self._types[name].max_raw) for name in self._held}
        held = {
            name: edge if self._overflows else min(edge, magnitude(self._left[name])) for name, edge in edges.items()
        }
        worst = self._plan.magnitudes(held, largest, timesteps)
        worst = max(worst, *(edges.values() if self._overflows else (0,)))
        return np.int32 if worst < 1 << 31 else np.int64 if worst < 1 << 62 else object

    def _constant(self, values: Raw, dtype: type[Any], sequences: int) -> Raw:
        key = dtype, sequences, id(values)
        if key not in self._constants:
            typed = values.astype(dtype)
            self._constants[key] = np.tile(typed, (sequences, 1)) if 1 < typed.size < _SHORT else typed
        return self._constants[key]


def _extremes(raws: list[Raw]) -> tuple[int, int]:
    return min(int(raw.min()) for raw in raws), max(int(raw.max()) for raw in raws)


def _inhibit(spike: NDArray[np.bool_], margin: Raw) -> None:
    """Of each sequence, only the first neuron of the largest margin may fire."""
    only = np.zeros_like(spike)
    only[np.arange(len(spike)), margin.argmax(1)] = True
    spike &= only
