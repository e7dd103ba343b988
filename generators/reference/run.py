"""The reference: a TypedNetwork run in exact integers, the oracle that the generated C++ is compared with.

In comes a TypedNetwork, its parameters as mantissas and a stimulus; out come the traces, what the design emits, and
every overflow seen. Sequences run batch by batch, and time in stretches of which every array fits into the processor's
cache: layers run one after the other, each over a stretch at once, and only neurons and readouts walk through it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, assert_never

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.fixed import SPIKE
from hlspike.generators.ir import INPUT
from hlspike.generators.reference.blocks import Block, Kept, Where, cut
from hlspike.generators.reference.merges import merge
from hlspike.generators.reference.product import Product
from hlspike.generators.reference.states import States
from hlspike.generators.reference.tally import Overflow, Places, Settled, Tally
from hlspike.generators.settle.decision import Counts, boundaries, decide, ends
from hlspike.generators.stimulus import Stimulus, channels_last
from hlspike.generators.typed import (
    Integers,
    TypedInput,
    TypedLinear,
    TypedMerge,
    TypedNetwork,
    TypedNeuron,
    TypedReadout,
)

Trace = Literal["decisions", "spikes", "states", "compared"]
"""How much to record; "compared" is "states", with membranes as they were compared with θ, before a reset within the
timestep."""
_KEPT: dict[Trace, Literal["left", "compared"]] = {"states": "left", "compared": "compared"}
_STEP_VALUES = 1 << 16
"""Values of the widest layer in a timestep of a batch: so many that NumPy's calls weigh little, so few that they stay
in the cache."""
_STRETCH_VALUES = 1 << 19
"""Values of the widest layer in a stretch of time of a batch."""
_GROUP_VALUES = 1 << 17
"""Values of the input that are converted at once."""
_BLOCK_BYTES = 1 << 26
"""Bytes that what is kept of a block may take."""


_EMITTED = "emitted"


@dataclass(frozen=True, slots=True)
class ReferenceRun:
    """What the reference did.

    Attributes:
        trace: the arrays of trace.npz that are not decisions: `spikes/<layer>`, `mem/<layer>`, `readout/…`.
        emitted: (E, w) int64 mantissas, one row per emission of the design in order: a decision (w = 1) at each
            boundary or timestep, or without readout the last layer's n values at each timestep.
        input: (N, T, n) mantissas as the design receives them.
        overflows: one per place where values left their type, in the order of the layers.
        ranges: (layer, key) → the extreme mantissas that were cast into its type, before they could overflow.
        spikes: layer fed by n spikes → (n + 1,) in how many timesteps there were 0, 1, … n of them.
    """

    trace: Mapping[str, NDArray[Any]]
    emitted: NDArray[np.int64]
    input: NDArray[Any]
    overflows: tuple[Overflow, ...]
    ranges: Mapping[tuple[str, str], tuple[int, int]]
    spikes: Mapping[str, NDArray[np.int64]]


def run_reference(
    typed: TypedNetwork, integers: Integers, stimulus: Stimulus, trace: Trace = "decisions"
) -> ReferenceRun:
    """Run every sequence of `stimulus`.

    Args:
        typed: with a settled window (`Network.bounded`).
        integers: mantissas keyed `<layer>/<parameter>`.
        trace: how much to record.
    Raises:
        DataError: a sequence would be cut off by the window.
    """
    run = Reference(typed, integers, stimulus, trace)
    blocks = list(run.blocks())
    return ReferenceRun(
        {key: _joined([block.trace[key] for block in blocks], stimulus) for key in blocks[0].trace},
        np.concatenate([block.emitted for block in blocks]),
        _joined([block.input for block in blocks], stimulus),
        run.tally.overflows,
        run.tally.ranges,
        run.tally.spikes,
    )


def _joined(arrays: list[NDArray[Any]], stimulus: Stimulus) -> NDArray[Any]:
    whole = np.concatenate([array.reshape(-1, array.shape[-1]) for array in arrays])
    return whole.reshape(*stimulus.frames.shape[:2], -1)


class Reference:
    """A run in blocks, whose memory does not grow with the stimulus.

    Args:
        typed, integers, stimulus, trace: as in `run_reference`.
    Raises:
        DataError: a sequence would be cut off by the window.
    """

    def __init__(self, typed: TypedNetwork, integers: Integers, stimulus: Stimulus, trace: Trace = "decisions") -> None:
        typed.network.check_lengths(stimulus.lengths)
        self.tally = Tally(stimulus.timesteps)
        self._typed, self._stimulus, self._trace = typed, stimulus, trace
        self._carried = typed.network.input.reset_policy == "never"
        self._last = boundaries(typed.network.input, stimulus.frames.shape[1])
        self._ends = ends(typed.network.input, stimulus.lengths, stimulus.frames.shape[1])
        self._products = {
            layer.layer.name: _product(layer, integers) for layer in typed.layers if isinstance(layer, TypedLinear)
        }
        self._states = {
            layer.layer.name: States(layer, integers, _KEPT.get(trace) if isinstance(layer, TypedNeuron) else "left")
            for layer in typed.layers
            if isinstance(layer, TypedNeuron)
            or (isinstance(layer, TypedReadout) and layer.layer.output_mode != "spike")
        }
        self._shapes: dict[str, tuple[int, Any]] = {}
        self._clear()

    def _clear(self) -> None:
        for states in self._states.values():
            states.clear()
        self._counts = Counts()
        self._latched: NDArray[np.int64] | None = None

    def blocks(self) -> Iterator[Block]:
        """All blocks, in order; once."""
        widths = [layer.layer.size for layer in self._typed.layers]
        timesteps = self._stimulus.frames.shape[1]
        kept = timesteps * (widths[0] + 16 * widths[-1] + (0 if self._trace == "decisions" else 9 * sum(widths[1:])))
        most = max(1, min(_STEP_VALUES // max(widths[1:], default=1), _BLOCK_BYTES // kept))
        batches = -(-len(self._stimulus) // most)
        edges = [len(self._stimulus) * batch // batches for batch in range(batches + 1)]
        parts = -(-kept // _BLOCK_BYTES) if most == 1 else 1
        cuts = [timesteps * part // parts for part in range(parts + 1)]
        for first, end in pairwise(edges):
            if not self._carried:
                self._clear()
            for start, stop in pairwise(cuts):
                if start < stop:
                    yield self._block(slice(first, end), slice(start, stop))

    def _block(self, sequences: slice, times: slice) -> Block:
        shape = sequences.stop - sequences.start, times.stop - times.start
        places = Places.of(self._stimulus.lengths[sequences], sequences.start, times)
        used = places.valid.T
        kept = Kept(shape, used, self._shapes)
        widest = max(layer.layer.size for layer in self._typed.layers)
        arriving = self._converted(sequences, times, places)
        kept.arrays[INPUT] = arriving.raw
        if self._carried:
            # all used timesteps, as the one long sequence that reset_policy `never` makes of them
            rows, columns = np.nonzero(used)
            for some in cut(len(rows), _STRETCH_VALUES // widest):
                where = rows[some], columns[some]
                self.tally.begin(places.at(where[1], where[0]))
                part = arriving._replace(raw=arriving.raw[where][:, None])
                self._stretch(part, self._last[times][where[1]], where, kept)
        else:
            for some in cut(shape[1], _STRETCH_VALUES // (widest * shape[0])):
                self.tally.begin(places.at(some))
                part = arriving._replace(raw=np.ascontiguousarray(arriving.raw[:, some].swapaxes(0, 1)))
                self._stretch(part, self._last[times][some], (slice(None), some), kept)
        emits = used
        if self._typed.network.readout is not None and self._typed.network.readout.emit == "window":
            emits = self._ends[sequences, times]
        arrays = kept.arrays
        emitted = arrays.pop(_EMITTED)[emits].astype(np.int64)
        return Block(sequences, times, arrays, emitted, arrays.pop(INPUT))

    def _converted(self, sequences: slice, times: slice, places: Places) -> Settled:
        """The input of a block, (B, T, n): a few sequences at a time, in the order in which they lie in memory."""
        layer = self._typed.layers[0]
        assert isinstance(layer, TypedInput)
        frames, shape = self._stimulus.frames[sequences, times], layer.layer.shape
        raw = np.empty((*frames.shape[:2], layer.layer.size), layer.result.storage)
        lows, highs = [], []
        for some in cut(len(frames), _GROUP_VALUES // (frames.shape[1] * layer.layer.size)):
            self.tally.begin(places.at(slice(None), some))
            part, low, high = self.tally.convert(INPUT, layer.result, channels_last(frames[some], shape))
            raw[some] = part
            lows.append(low)
            highs.append(high)
        return Settled(raw, min(lows), max(highs))

    def _stretch(self, arriving: Settled, last: NDArray[np.bool_], where: Where, kept: Kept) -> None:
        """Inputs (t, B, n), t timesteps of B sequences, which are those at `where` of the block."""
        tally, values = self.tally, dict[str, Settled]()
        for layer in self._typed.layers:
            name = layer.layer.name
            match layer:
                case TypedInput():
                    values[name] = arriving
                case TypedLinear():
                    values[name] = self._sums(layer, values[layer.layer.inputs[0]])
                case TypedMerge():
                    values[name] = merge(layer, [values[source] for source in layer.layer.inputs], tally)
                case TypedNeuron():
                    current = values[layer.layer.inputs[0]]
                    spikes, states = self._states[name].walk(current, last, tally)
                    values[name] = Settled(spikes.view(np.uint8), 0, 1)
                    if self._trace != "decisions":
                        kept.put(f"spikes/{name}", values[name].raw, np.uint8, where)
                    for key, state in states.items():
                        kept.put(f"{key}/{name}", state, np.int64, where)
                case TypedReadout():
                    current = values[layer.layer.inputs[0]]
                    counted = layer.layer.output_mode == "spike"
                    if counted:
                        state = self._counts.walk(current.raw, last)
                    else:
                        state = self._states[name].walk(current, last, tally)[1]["mem"]
                    if self._trace in _KEPT:
                        kept.put("readout/count" if counted else "readout/mem", state, np.int64, where)
                    self._decide(layer, state, last, where, kept)
                case _:
                    assert_never(layer)
        final = self._typed.layers[-1]
        if not isinstance(final, TypedReadout):
            kept.put(_EMITTED, values[final.layer.name].raw, final.result.storage, where)

    def _sums(self, layer: TypedLinear, values: Settled) -> Settled:
        name = layer.layer.name
        if layer.input == SPIKE:
            self.tally.count(name, values.raw)
        sums = self._products[name](values.raw.reshape(-1, values.raw.shape[-1]))
        total = Settled(sums.reshape(*values.raw.shape[:-1], -1), int(sums.min()), int(sums.max()))
        frac = layer.weight.frac + layer.input.frac
        accum = self.tally.cast(name, "accum", layer.accum, total, max(frac, layer.bias.frac if layer.bias else frac))
        return self.tally.cast(name, "result", layer.result, accum, layer.accum.frac)

    def _decide(
        self, layer: TypedReadout, state: NDArray[Any], last: NDArray[np.bool_], where: Where, kept: Kept
    ) -> None:
        rule = layer.layer.decision_rule
        if self._latched is None:
            self._latched = np.full(state.shape[1], -1)
        if rule == "binary_logit" and layer.state.width > 62:
            state = state.astype(object)
        # the logit is formed, and may overflow, at every timestep, and what was first is known only by what was before
        every = layer.layer.emit == "step" or rule in ("binary_logit", "first_to_threshold")
        every = every or self._typed.network.input.told
        chosen = np.arange(len(last)) if every else np.flatnonzero(last)
        decided = decide(layer.layer, state[chosen].swapaxes(0, 1), last[chosen], self._latched).T[..., None]
        if rule == "binary_logit":
            logits = Settled(decided, int(decided.min()), int(decided.max()))
            decided = self.tally.cast(layer.layer.name, "result", layer.result, logits, layer.state.frac).raw
        whole = np.zeros((len(last), *decided.shape[1:]), np.int64)
        whole[chosen] = decided
        kept.put(_EMITTED, whole, np.int64, where)


def _product(layer: TypedLinear, integers: Integers) -> Product:
    """The sums of a layer, with the most fractional bits of products and bias."""
    name, frac = layer.layer.name, layer.weight.frac + layer.input.frac
    if layer.bias is None:
        return Product(integers[f"{name}/weight"], 0, None, 0)
    common = max(frac, layer.bias.frac)
    return Product(
        integers[f"{name}/weight"], common - frac, integers[f"{name}/bias"], common - layer.bias.frac
    )
