"""Neurons of the reference: one layer walked through time, in exact integers, for many sequences at once.

The equations are those of `generators.ir.Neuron`. An update is formed exactly and cast once, into the membrane's type;
firing compares the cast value with θ, strictly. Each walk takes the narrowest integers that nothing in it can leave,
and is taken as if nothing overflowed: only where something did is it repeated with every cast carried out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.exact.rounding import Raw, quantize_here
from hlspike.generators.fixed import FixedType
from hlspike.generators.reference.tally import Settled, Tally
from hlspike.generators.typed import Integers, TypedNeuron, TypedReadout

_SHORT = 64
"""Neurons below which NumPy takes longer to repeat a row for every sequence than to read a matrix."""


@dataclass(frozen=True, slots=True)
class _Constants:
    """Parameters in the dtype of a walk, () or (B, n) or (n,).

    Attributes:
        decay, theta: at the point of the exact update.
        bound: U > θ holds exactly if the mantissa of U exceeds this.
        theta_after: at the point at which θ is taken from a membrane.
    """

    decay: Raw
    theta: Raw
    bound: Raw
    theta_after: Raw


class Membranes:
    """The membranes of a layer of neurons, or of a readout that integrates, from one stretch of time to the next.

    Args:
        size: n.
        keep: whether a walk returns the membranes too, as each timestep left them or as it compared them with θ.
    """

    def __init__(
        self, layer: TypedNeuron | TypedReadout, integers: Integers, keep: Literal["left", "compared"] | None
    ) -> None:
        self.name, self._keep = layer.layer.name, keep
        self._type: FixedType = layer.membrane if isinstance(layer, TypedNeuron) else layer.state
        self._neuron = layer.layer if isinstance(layer, TypedNeuron) else None
        self._reset = self._neuron.reset_mechanism if self._neuron else "none"
        self._twice = self._neuron is not None and not self._neuron.reset_delay and self._reset != "none"
        beta, mem = layer.beta, self._type
        theta_type = layer.threshold if isinstance(layer, TypedNeuron) else mem
        decayed = mem.frac + (beta.frac if beta else 0)
        self._frac = max(decayed, layer.input.frac, theta_type.frac, mem.frac)
        self._after_frac = max(mem.frac, theta_type.frac)
        self._input_shift = self._frac - layer.input.frac
        self._mem_shift = self._after_frac - mem.frac
        theta = _exact(integers[f"{self.name}/threshold"] if self._neuron else 0)
        rise = mem.frac - theta_type.frac
        bound = _exact(theta * (1 << rise) if rise >= 0 else theta // (1 << -rise))
        # what lies beyond the type is compared like the values at its edges
        within = [min(max(value, mem.min_raw - 1), mem.max_raw) for value in bound.reshape(-1).tolist()]
        self._parameters = tuple(map(_exact, (
            _exact(integers[f"{self.name}/beta"] if beta else 1) * (1 << self._frac - decayed),
            theta * (1 << self._frac - theta_type.frac),
            np.array(within, object).reshape(bound.shape),
            theta * (1 << self._after_frac - theta_type.frac),
        )))
        self._largest = [max(map(abs, values.reshape(-1).tolist())) for values in self._parameters]
        self._mem: Raw = np.zeros((0, 0), np.int32)
        self._constants: dict[tuple[type[Any], int], _Constants] = {}
        self._overflows = False

    def clear(self) -> None:
        """Back to the initial state."""
        self._mem = np.zeros((0, 0), np.int32)

    def walk(
        self, values: Settled, last: NDArray[np.bool_], tally: Tally
    ) -> tuple[NDArray[np.bool_], Raw | None]:
        """The next t timesteps of B sequences.

        Args:
            values: (t, B, n) mantissas of the input's type.
            last: (t,) timesteps after which the state returns to 0.
        Returns:
            Spikes (t, B, n), of a readout none; the mantissas (t, B, n) of the membranes or None.
        """
        raw = values.raw
        if not self._mem.size:
            self._mem = np.zeros(raw.shape[1:], np.int32)
        largest = max(-values.low, values.high)
        dtype = self._dtype(largest, len(raw))
        arriving = _shifted(raw, self._input_shift, dtype)
        if dtype is object:
            self._overflows = True
        exact, again, left, spikes, mem = self._walked(arriving, last, dtype)
        low, high = _extremes(exact, again)
        if not self._overflows and not self._type.holds(low, high):
            self._overflows = True
            dtype = self._dtype(largest, len(raw))
            arriving = _shifted(raw, self._input_shift, dtype)
            exact, again, left, spikes, mem = self._walked(arriving, last, dtype)
            low, high = _extremes(exact, again)
        tally.see(self.name, "membrane", self._type, (low, high), *([exact] if again is None else [exact, again]))
        self._mem = mem
        return spikes, left

    def _walked(
        self, arriving: Raw, last: NDArray[np.bool_], dtype: type[Any]
    ) -> tuple[Raw, Raw | None, Raw | None, NDArray[np.bool_], Raw]:
        """The membranes before overflow, once more after a reset within the timestep, as kept; spikes; what is left."""
        k = self._of(dtype, arriving.shape[1])
        drop, mode, kind = self._frac - self._type.frac, self._type.quantization, self._type
        exact = np.empty(arriving.shape, dtype)
        again = np.empty(arriving.shape, dtype) if self._twice else None
        cast = np.empty(arriving.shape, dtype) if self._overflows and self._keep else exact
        spikes = np.empty(arriving.shape if self._neuron else (0, 0, 0), np.bool_)
        taken, above = np.empty(arriving.shape[1:], dtype), np.empty(arriving.shape[1:], np.bool_)
        fires = above
        plain = self._neuron is not None and not self._twice and not self._neuron.inhibition
        mem, still = self._mem.astype(dtype), np.zeros(arriving.shape[1:], dtype)
        decays = self._parameters[0].size > 1 or self._parameters[0].item() != 1
        known = False
        for t, ends in enumerate(last):
            update = exact[t]
            if decays:
                np.multiply(mem, k.decay, out=update)
                mem_decayed = update
            else:
                mem_decayed = mem
            if self._reset != "none":
                # without a delay or inhibition, whoever fired is who is reset next
                fires = spikes[t - 1] if known else np.greater(mem, k.bound, out=above)
            if self._reset == "zero":
                np.multiply(mem_decayed, ~fires, out=update)
                mem_decayed = update
            np.add(mem_decayed, arriving[t], out=update)
            if self._reset == "subtract":
                np.multiply(fires, k.theta, out=taken)
                update -= taken
            if drop:
                quantize_here(update, drop, mode)
            mem = update
            if self._overflows:
                mem = kind.confined(update).astype(dtype, copy=False)
            if self._neuron:
                spike = np.greater(mem, k.bound, out=spikes[t])
                if self._neuron.inhibition:
                    _inhibit(spike, mem * (1 << self._mem_shift) - k.theta_after)
                if self._overflows and self._keep == "compared":
                    cast[t] = mem
                if again is not None:
                    mem = self._after(mem, spike, fires, again[t], k)
            if self._overflows and self._keep == "left":
                cast[t] = mem
            known = plain
            if ends:
                mem, known = still, False
        kept: Raw | None = None
        if self._keep:
            kept = again if again is not None and self._keep == "left" and not self._overflows else cast
        return exact, again, kept, spikes, mem.copy()

    def _after(self, mem: Raw, spike: NDArray[np.bool_], reset: NDArray[np.bool_], out: Raw, k: _Constants) -> Raw:
        """The reset within the timestep: d = S − R, then U − dθ or U − dU."""
        direction = spike.astype(np.int8) - reset.astype(np.int8)
        aligned = mem * (1 << self._mem_shift)
        out[...] = aligned - direction * (k.theta_after if self._reset == "subtract" else aligned)
        quantize_here(out, self._after_frac - self._type.frac, self._type.quantization)
        return self._type.confined(out).astype(out.dtype, copy=False) if self._overflows else out

    def _dtype(self, largest: int, timesteps: int) -> type[Any]:
        """The narrowest that holds every value of a walk, if no input exceeds `largest` in magnitude."""
        drop, rise = self._frac - self._type.frac, self._mem_shift
        edge = max(-self._type.min_raw, self._type.max_raw)
        decay, theta, _, after = self._largest
        mem = edge if self._overflows else min(edge, _magnitude(self._mem))
        arriving, worst = largest << self._input_shift, 0
        for _ in range(timesteps):
            update = mem * decay + arriving + theta
            grown = (update >> drop) + 1
            # a reset within the timestep takes θ or the membrane once more
            twice = (grown << rise) + max(grown << rise, after)
            worst = max(worst, update, twice)
            grown = min(edge, (twice >> rise) + 1 if self._twice else grown)
            if grown <= mem:
                break
            mem = grown
        worst = max(worst, *self._largest, edge if self._overflows else 0) + (1 << max(drop, rise))
        return np.int32 if worst < 1 << 31 else np.int64 if worst < 1 << 62 else object

    def _of(self, dtype: type[Any], sequences: int) -> _Constants:
        if (dtype, sequences) not in self._constants:
            self._constants[dtype, sequences] = _Constants(
                *(_spread(values.astype(dtype), sequences) for values in self._parameters)
            )
        return self._constants[dtype, sequences]


def _exact(values: Any) -> Raw:
    return np.asarray(np.asarray(values).astype(object), object)


def _spread(values: Raw, sequences: int) -> Raw:
    return np.tile(values, (sequences, 1)) if 1 < values.size < _SHORT else values


def _shifted(raw: Raw, shift: int, dtype: type[Any]) -> Raw:
    wide = raw.astype(dtype, copy=False)
    return wide << shift if shift else wide


def _extremes(exact: Raw, again: Raw | None) -> tuple[int, int]:
    every = [exact] if again is None else [exact, again]
    return min(int(raw.min()) for raw in every), max(int(raw.max()) for raw in every)


def _inhibit(spike: NDArray[np.bool_], margin: Raw) -> None:
    """Of each sequence, only the first neuron of the largest margin may fire."""
    only = np.zeros_like(spike)
    only[np.arange(len(spike)), margin.argmax(1)] = True
    spike &= only


def _magnitude(raw: Raw) -> int:
    return max(-int(raw.min()), int(raw.max())) if raw.size else 0
