"""Speed of simulation and compilation: timesteps per CPU-second, CPU-seconds of a build, peak memory.

    python benchmarks/csim.py [--sequences N] [--io stream] [--peer 784-128-10=PATH …]

Random networks of four sizes run 25-step sequences with 30 % of the input spiking. A peer is the same network compiled
by something else: hls4ml's library or project, or a program that takes the frames as a .npy. Its speed is measured in
the same run.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import peer

from hlspike.generators.design import Design
from hlspike.generators.emit import emit
from hlspike.generators.hardware.units import slices
from hlspike.generators.ir import Input, Layer, Linear, Network, Neuron, Readout
from hlspike.generators.neurons.leaky import equations
from hlspike.generators.quantize import quantize
from hlspike.generators.reference import ReferenceRun, run_reference
from hlspike.generators.schedule import schedule
from hlspike.generators.stimulus import Stimulus
from hlspike.tasks.archives import arrays
from hlspike.tasks.compilation import toolchain
from hlspike.tasks.layout import BENCH, BENCH_UNITS, Layout

SIZES = ((4, 8, 2), (64, 64, 10), (784, 128, 10), (64, 256, 256, 10))
TIMESTEPS = 25
HLS: dict[str, Any] = {
    "model": {"precision": {"default": "ap_fixed<16,6>", "weight": "ap_fixed<8,2>", "accum": "auto"}},
    "layers": {"input": {"precision": {"result": "ap_uint<1>"}}},
}


def network(sizes: tuple[int, ...]) -> Network:
    layers: list[Layer] = [Input((sizes[0],), "fixed_window", TIMESTEPS)]
    for number, (n_in, n_out) in enumerate(pairwise(sizes), 1):
        layers.append(Linear(f"fc{number}", (layers[-1].name,), n_in, n_out, True))
        layers.append(Neuron(f"lif{number}", (layers[-1].name,), n_out, ("LIFNeuron", "Leaky"), equations("subtract")))
    layers.append(Readout((layers[-1].name,), sizes[-1], "spike", "argmax_spike_count", 1, 1.0, "window"))
    return Network(tuple(layers))


def parameters(net: Network) -> dict[str, Any]:
    chance = np.random.default_rng(0)
    found: dict[str, Any] = {}
    for layer in net.layers:
        if isinstance(layer, Linear):
            found[f"{layer.name}/weight"] = chance.normal(0, layer.in_features**-0.5, (layer.size, layer.in_features))
            found[f"{layer.name}/bias"] = chance.normal(0, 0.1, layer.size)
        elif isinstance(layer, Neuron):
            found[f"{layer.name}/beta"], found[f"{layer.name}/threshold"] = np.array(0.9), np.array(1.0)
    return found


def spikes(sequences: int, inputs: int, timesteps: int = TIMESTEPS) -> Stimulus:
    chance = np.random.default_rng(1)
    frames = (chance.random((sequences, timesteps, inputs), np.float32) < 0.3).astype(np.float32)
    return Stimulus(frames, np.full(sequences, timesteps, np.int64), None)


def cpu(action: Callable[[], Any], who: int) -> tuple[float, Any]:
    """CPU-seconds that `action` costs this process or its children, and what it returns."""
    before = resource.getrusage(who)
    result = action()
    after = resource.getrusage(who)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, result


def write_project(layout: Layout, design: Design, run: ReferenceRun, stimulus: Stimulus) -> None:
    for source, copy in layout.copies().items():
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, copy)
    for unit, (slice_, own) in slices(design).items():
        for path, text in emit(unit, slice_, own).items():
            (layout.root / path).write_text(text)
    layout.bench_data.mkdir()
    data: dict[str, Any] = {"input": arrays.packed(run.input, 1), "lengths": stimulus.lengths, "expected": run.emitted}
    for name, array in data.items():
        (layout.bench_data / f"{name}.npy").write_bytes(arrays.npy_bytes(array))


def measure(
    sizes: tuple[int, ...], io: Any, sequences: int, tools: toolchain.Toolchain, header: Path, rival: Path | None
) -> list[str]:
    net, stimulus = network(sizes), spikes(sequences, sizes[0])
    quantized = quantize(net, parameters(net), HLS, stimulus.head(4))
    run_reference(quantized.typed, quantized.integers, stimulus.head(4))
    reference, run = cpu(
        lambda: run_reference(quantized.typed, quantized.integers, stimulus), resource.RUSAGE_SELF
    )
    design = schedule(quantized.typed, quantized.integers, HLS, io)
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(Path(folder))
        write_project(layout, design, run, stimulus)
        units = list(slices(design))

        def compile_unit(unit: str) -> None:
            log = layout.log / f"{unit}.log"
            toolchain.compile_unit(tools, layout.sources(unit)[-1], layout.compiled(unit), header, log, layout.fifos)

        def link() -> None:
            bench = [header.parent / f"{unit}.o" for unit in BENCH_UNITS]
            toolchain.link(tools, [*map(layout.compiled, units), *bench], layout.csim, layout.log / "link.log")

        def build(*chosen: str) -> None:
            for unit in chosen:
                compile_unit(unit)
            link()

        first = cpu(partial(build, *units), resource.RUSAGE_CHILDREN)[0]
        layer = max(cpu(partial(build, unit), resource.RUSAGE_CHILDREN)[0] for unit in units)
        out = layout.root / "out"
        out.mkdir()
        taken, code = cpu(
            lambda: toolchain.simulate(layout.csim, layout.bench_data, out, "decisions", layout.log / "csim.log"),
            resource.RUSAGE_CHILDREN,
        )
    if code != 0:
        raise SystemExit(f"{sizes}: csim differs from the reference")
    speed = stimulus.timesteps / taken
    name, other, ratio = "-".join(map(str, sizes)), "-", "-"
    if rival is not None:
        theirs = peer.speed(rival, stimulus.frames[:].reshape(-1, sizes[0]))
        other, ratio = f"{theirs:,.0f}", f"{speed / theirs:.1f}"
    return [
        name, f"{speed:,.0f}", other, ratio, f"{stimulus.timesteps / reference:,.0f}", f"{first:.1f}", f"{layer:.1f}",
    ]


def peers(given: list[str]) -> dict[str, Path]:
    """Network → path of each `--peer`."""
    names = ["-".join(map(str, sizes)) for sizes in SIZES]
    found = {}
    for text in given:
        name, equals, path = text.partition("=")
        if not equals or name not in names:
            raise SystemExit(f"--peer: write NETWORK=PATH, with one of {', '.join(names)}; found {text!r}")
        found[name] = Path(path)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=2000)
    parser.add_argument("--io", choices=("parallel", "stream"), default="parallel")
    parser.add_argument("--peer", action="append", default=[], metavar="NETWORK=PATH")
    chosen = parser.parse_args()
    rivals = peers(chosen.peer)
    tools = toolchain.Toolchain.found("g++")
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        header = Path(folder) / "ap.h"
        headers = cpu(lambda: toolchain.precompile(tools, header), resource.RUSAGE_CHILDREN)[0]
        for unit in BENCH_UNITS:
            log = header.with_name(f"{unit}.log")
            toolchain.compile_unit(tools, BENCH / f"{unit}.cpp", header.with_name(f"{unit}.o"), None, log)
        rows = [
            ["network", "csim timesteps/CPU-s", "peer timesteps/CPU-s", "×", "reference timesteps/CPU-s",
             "build CPU-s", "one layer CPU-s"]
        ]
        rows += [
            measure(sizes, chosen.io, chosen.sequences, tools, header, rivals.get("-".join(map(str, sizes))))
            for sizes in SIZES
        ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"\nio {chosen.io}; headers, once per compiler: {headers:.1f} CPU-s; peak memory of children: {peak:.0f} MB")
    print(f"{tools.version}; {time.perf_counter() - start:.0f} s in all")


if __name__ == "__main__":
    main()
