"""What the executors leave behind: traces, and what the test bench reads, block by block as they come about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from hlspike.generators.decided import Readings
from hlspike.generators.ir import Network
from hlspike.generators.reference import Block, Reference, emissions, outcomes, spread
from hlspike.generators.stimulus import Stimulus
from hlspike.generators.traces import parts
from hlspike.generators.typed import TypedNetwork, TypedNeuron, TypedReadout
from hlspike.tasks.archives import arrays, columns
from hlspike.tasks.layout import Layout
from hlspike.tasks.system import files

_ROWS = 1 << 24
"""Bytes of emissions that are worked on at once."""


def reference(layout: Layout, typed: TypedNetwork, run: Reference, played: Stimulus) -> None:
    """Run `run`, and write its trace and the data of the test bench."""
    timesteps = played.frames.shape[1]
    emitted, widths = [], _Widths(typed)
    with ExitStack() as stack:
        # its products are too small to be worth the waiting of threads for each other
        stack.enter_context(threadpool_limits(1, "blas"))
        folder = stack.enter_context(files.scratch(layout.trace("reference")))
        bench = {
            name: stack.enter_context(files.replacing(layout.bench_data / f"{name}.npy", unless_equal=True))
            for name in ("input", "expected")
        }
        bits = typed.layers[0].result.width
        row = -(-typed.network.input.size * bits // 8)
        frames = columns.Writer(bench["input"], np.uint8, (len(played), timesteps, row))
        last = typed.layers[-1]
        width = 1 if isinstance(last, TypedReadout) else last.layer.size
        expected = columns.Writer(bench["expected"], np.int64, (int(emissions(typed, played.lengths).sum()), width))
        made = _Parts(folder, (len(played), timesteps))
        for block in run.blocks():
            frames.put(arrays.packed(block.input, bits))
            expected.put(block.emitted)
            for key, values in block.trace.items():
                made.put(key, values, widths.held(key), widths.kept(key))
            if typed.network.readout is None:
                made.put(_OUTPUT, _output(typed, block, played), *widths.output)
            else:
                emitted.append(block.emitted)
        frames.close()
        expected.close()
        decided = outcomes(typed, np.concatenate(emitted), played.lengths, timesteps) if emitted else {}
        columns.write(layout.trace("reference"), {**decided, **made.finished()})
    files.write(layout.bench_data / "lengths.npy", arrays.npy_bytes(played.lengths))
    files.write_json(layout.spikes, {name: counts.tolist() for name, counts in run.tally.spikes.items()})
    files.write_json(layout.overflows, [overflow.to_json() for overflow in run.tally.overflows])


def csim(layout: Layout, typed: TypedNetwork, folder: Path, played: Stimulus) -> None:
    """Write as a trace what a run of csim left in `folder`."""
    names = json.loads(layout.design.read_text(encoding="utf-8"))["names"]
    widths, timesteps = _Widths(typed), played.frames.shape[1]
    emitted = np.load(folder / "emitted.npy", mmap_mode="r")
    found: dict[str, NDArray[Any] | columns.Part] = {}
    if typed.network.readout is not None:
        found |= outcomes(typed, np.asarray(emitted), played.lengths, timesteps)
    else:
        found[_OUTPUT] = _outputs(folder, typed, emitted, played)
    for path in sorted(folder.glob("*__*.npy")):
        kind, _, identifier = path.stem.partition("__")
        layer = names[identifier]
        key = f"readout/{kind}" if layer == "readout" else f"{kind}/{layer}"
        found[key] = columns.Part(path, widths.kept(key))
    columns.write(layout.trace("csim"), found)


def floating(
    layout: Layout, network: Network, record: Mapping[str, NDArray[Any] | columns.Column], lengths: NDArray[np.int64],
    states: bool,
) -> None:
    """Write the trace of the float run: of the first sequences of `record`, as many as there are `lengths`."""
    kept = {name: columns.head(array, len(lengths)) for name, array in record.items()}
    if network.readout is None:
        columns.write(layout.trace("float"), kept)
        return
    output, readings = kept.pop(_OUTPUT), Readings(network, network.readout, states)
    with files.scratch(layout.trace("float")) as folder:
        made = columns.Blocks(folder, len(lengths))
        for rows in parts(output.shape):
            made.put(readings.of(output[rows], lengths[rows]))
        made.finish(layout.trace("float"), kept)


_OUTPUT = "output"


class _Widths:
    """The dtypes of the arrays of a trace: as they are held while they are made, and as an archive promises them."""

    def __init__(self, typed: TypedNetwork) -> None:
        self._typed = typed
        kept = np.dtype(np.uint8 if typed.layers[-1].result.width == 1 else np.int64)
        self.output = typed.layers[-1].result.storage, kept

    def held(self, key: str) -> np.dtype[Any]:
        kind, _, name = key.partition("/")
        if kind == "spikes":
            return np.dtype(np.uint8)
        layer = self._typed.layers[-1] if kind == "readout" else self._typed.layer(name)
        assert isinstance(layer, (TypedNeuron, TypedReadout))
        return (layer.state(kind) if isinstance(layer, TypedNeuron) else layer.state).storage

    def kept(self, key: str) -> np.dtype[Any]:
        return np.dtype(np.uint8 if key.startswith("spikes/") else np.int64)


class _Parts:
    """Arrays (N, T, n) of a trace in files of their own, until all of them are complete."""

    def __init__(self, folder: Path, shape: tuple[int, int]) -> None:
        self._folder, self._shape = folder, shape
        self._writers: dict[str, columns.Writer] = {}
        self._parts: dict[str, columns.Part] = {}

    def put(self, key: str, rows: NDArray[Any], held: np.dtype[Any], kept: np.dtype[Any]) -> None:
        if key not in self._writers:
            path = self._folder / f"{len(self._writers)}.npy"
            self._writers[key] = columns.Writer(path, held, (*self._shape, rows.shape[-1]))
            self._parts[key] = columns.Part(path, kept)
        self._writers[key].put(rows)

    def finished(self) -> Mapping[str, columns.Part]:
        for writer in self._writers.values():
            writer.close()
        return self._parts


def _output(typed: TypedNetwork, block: Block, played: Stimulus) -> NDArray[Any]:
    """What a network without readout gave in a block, (B, t, n)."""
    lengths = played.lengths[block.sequences]
    valid = np.arange(block.times.start, block.times.stop) < lengths[:, None]
    return spread(block.emitted, valid, typed.layers[-1].result)


def _outputs(folder: Path, typed: TypedNetwork, emitted: NDArray[np.int64], played: Stimulus) -> columns.Part:
    """The same of a run of csim."""
    outcomes_of = emissions(typed, played.lengths)
    timesteps = played.frames.shape[1]
    made = _Parts(folder, (len(played), timesteps))
    ends = np.concatenate([[0], np.cumsum(outcomes_of)])
    step = max(1, _ROWS // (8 * timesteps * emitted.shape[1]))
    for first in range(0, len(played), step):
        lengths = played.lengths[first : first + step]
        rows = np.array(emitted[ends[first] : ends[first + len(lengths)]])
        found = outcomes(typed, rows, lengths, timesteps)[_OUTPUT]
        made.put(_OUTPUT, found, *_Widths(typed).output)
    return made.finished()[_OUTPUT]
