"""Layers at work at the same time: what FIFOs have to hold, and the interval that the estimate promises.

Two proofs for io stream. The C++ itself runs with FIFOs that end the program when one overflows. And a model of the
clock, in which a layer does one iteration a cycle if what it reads is there and what it writes has room, settles at the
interval of the estimate and never stops.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import assert_never

import pytest
from cases import CASES, Case, leaky, linear, readout
from hypothesis import given, settings
from hypothesis import strategies as st
from projects import Project, Workshop, designed, write_project, write_whole

from hlspike.generators.design import (
    CloneDesign,
    Design,
    InputDesign,
    LayerDesign,
    LinearDesign,
    MergeDesign,
    NeuronDesign,
    ReadoutDesign,
)
from hlspike.generators.estimate.cycles import work
from hlspike.generators.ir import Layer
from hlspike.tasks.compilation.toolchain import FLAGS

# -- the C++


def bounded(project: Project, workshop: Workshop) -> subprocess.CompletedProcess[str]:
    """The program with FIFOs of the depth that the design gives them, run on its stimulus."""
    folder = project.layout.root
    include = ["-I", str(project.layout.bench / "bounded"), "-isystem", workshop.tools.include]
    command = [workshop.tools.compiler, *FLAGS, "-O1", "-Werror", "-DHLSPIKE_BOUNDED", *include]
    sources = [str(write_whole(project)), *map(str, workshop.bench)]
    subprocess.run([*command, *sources, "-o", "csim"], cwd=folder, check=True)
    return subprocess.run(["./csim"], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_fifo_overflows(case: Case, workshop: Workshop, tmp_path: Path) -> None:
    done = bounded(write_project(case, "stream", tmp_path), workshop)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_fifo_that_is_too_small_ends_the_program(workshop: Workshop, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.name == "primes")
    project = write_project(case, "stream", tmp_path)
    bench = project.layout.sources("tb")[-1]
    depths = [int(depth) for depth in re.findall(r"depth=(\d+)", (tmp_path / "firmware" / "top.cpp").read_text())]
    told = f"depths[] = {{{', '.join(map(str, depths))}}}"
    assert max(depths) > 2 and told in bench.read_text()
    bench.write_text(bench.read_text().replace(told, f"depths[] = {{{', '.join('2' for _ in depths)}}}"))
    done = bounded(project, workshop)
    message = "a FIFO of depth 2 is written while full: the design would wait for ever\n"
    assert (done.returncode, done.stdout, done.stderr) == (3, "", message)


# -- the clock


@dataclass
class Fifo:
    depth: int
    beats: int = 0


@dataclass
class Process:
    """A layer: for each iteration of a timestep, the beats that it takes of each input, and gives to each output."""

    iterations: list[tuple[list[int], int]]
    before: list[Fifo]
    behind: list[Fifo]
    done: int = 0
    busy: int = 0
    ends: list[int] = field(default_factory=list)

    def ready(self) -> bool:
        takes, gives = self.iterations[self.done]
        room = all(fifo.depth - fifo.beats >= gives for fifo in self.behind)
        there = all(fifo.beats >= count for fifo, count in zip(self.before, takes, strict=False))
        return not self.busy and room and there

    def begin(self, cycle: int) -> None:
        takes, gives = self.iterations[self.done]
        self.busy = max(*takes, gives, 1) - 1
        for fifo, count in zip(self.before, takes, strict=False):
            fifo.beats -= count
        for fifo in self.behind:
            fifo.beats += gives
        self.done += 1
        if self.done == len(self.iterations):
            self.done = 0
            self.ends.append(cycle + self.busy)


def taken(group: int, lanes: int, iteration: int) -> int:
    """Beats that iteration `iteration` receives, of those that take `group` values each."""
    return -(-group // lanes) if group >= lanes else int(iteration % (lanes // group) == 0)


def given_(group: int, lanes: int, iteration: int) -> int:
    return -(-group // lanes) if group >= lanes else int((iteration + 1) % (lanes // group) == 0)


def iterations(layer: LayerDesign) -> Iterator[tuple[list[int], int]]:
    """As the loops of hls_src/kernels have them."""
    if isinstance(layer, MergeDesign):
        yield from merging(layer)
    else:
        yield from (([takes], gives) for takes, gives in of_one_input(layer))


def merging(layer: MergeDesign) -> Iterator[tuple[list[int], int]]:
    if layer.joining == "add" or layer.parallel == layer.output.size:
        for group in range(layer.output.size // layer.parallel):
            takes = [taken(min(layer.parallel, port.size), port.lanes, group) for port in layer.inputs]
            yield takes, given_(layer.parallel, layer.output.lanes, group)
        return
    passed = 0
    for place, port in enumerate(layer.inputs):
        for group in range(port.size // layer.parallel):
            takes = [0] * len(layer.inputs)
            takes[place] = taken(layer.parallel, port.lanes, group)
            yield takes, given_(layer.parallel, layer.output.lanes, passed)
            passed += 1


def of_one_input(layer: LayerDesign) -> Iterator[tuple[int, int]]:
    match layer:
        case InputDesign():
            words = max(1, -(-layer.edge.words // layer.output.beats))
            yield from ((words if layer.output.lanes > layer.edge.lanes else 1, 1) for _ in range(layer.output.beats))
        case CloneDesign():
            yield from ((1, 1) for _ in range(layer.input.beats))
        case MergeDesign():
            raise TypeError("a merge has several inputs")
        case LinearDesign():
            groups = layer.input.size // layer.in_parallel
            for output in range(layer.output.size // layer.out_parallel):
                for group in range(groups):
                    takes = taken(layer.in_parallel, layer.input.lanes, group) if output == 0 else 0
                    last = group == groups - 1
                    yield takes, given_(layer.out_parallel, layer.output.lanes, output) if last else 0
        case NeuronDesign():
            groups = range(layer.input.size // layer.parallel)
            takes = [taken(layer.parallel, layer.input.lanes, group) for group in groups]
            gives = [given_(layer.parallel, layer.output.lanes, group) for group in groups]
            if layer.inhibition:
                yield from ((count, 0) for count in takes)
                yield from ((0, count) for count in gives)
            else:
                yield from zip(takes, gives, strict=True)
        case ReadoutDesign():
            for group in range(layer.input.size // layer.parallel):
                yield taken(layer.parallel, layer.input.lanes, group), 0
        case _:
            assert_never(layer)


def simulated(design: Design, timesteps: int = 12) -> float:
    """Cycles between the last timesteps that leave the last layer, on average; FIFOs as deep as the design says."""
    fifos = {(one.target, one.place): Fifo(one.depth) for one in design.channels if one.target}
    processes = []
    for layer in design.layers:
        before, behind = (
            [fifos[one.target, one.place] for one in some if one.target]
            for some in (design.taken(layer), design.given(layer))
        )
        processes.append(Process([*iterations(layer)], before, behind))
    last, cycle = processes[-1], 0
    while len(last.ends) < timesteps:
        # what was written in this cycle can be read in the next
        able = [process for process in processes if process.ready()]
        assert able or any(process.busy for process in processes), "every layer waits"
        for process in processes:
            process.busy = max(0, process.busy - 1)
        for process in able:
            process.begin(cycle)
        cycle += 1
    some = timesteps // 3
    return (last.ends[-1] - last.ends[-1 - some]) / some


@pytest.mark.parametrize("case", [case for case in CASES if case.network.readout], ids=lambda case: case.name)
def test_the_clock_settles_at_the_interval_of_the_estimate(case: Case) -> None:
    _, design = designed(case, "stream")
    assert simulated(design) == work(design)


@st.composite
def networks(draw: st.DrawFn) -> Case:
    """Sizes and reuse factors at will."""
    sizes = draw(st.lists(st.integers(1, 12), min_size=2, max_size=4))
    layers: list[Layer] = []
    factors = {}
    for number, (n_in, n_out) in enumerate(pairwise(sizes)):
        fc, lif = f"fc{number}", f"lif{number}"
        layers += [
            linear(fc, f"lif{number - 1}" if number else "input", n_in, n_out),
            leaky(lif, fc, n_out, inhibition=draw(st.booleans())),
        ]
        for name, units in ((fc, n_in * n_out), (lif, n_out)):
            factors[name] = {"reuse_factor": draw(st.sampled_from([f for f in range(1, units + 1) if units % f == 0]))}
    hls = {"model": {"precision": {"default": "ap_fixed<12,4>"}}, "layers": factors}
    return Case("drawn", (*layers, readout(f"lif{len(sizes) - 2}", sizes[-1])), hls, inputs=sizes[0])


@settings(max_examples=150, deadline=None)
@given(networks())
def test_the_clock_of_any_network_settles_at_the_interval_of_the_estimate(case: Case) -> None:
    _, design = designed(case, "stream")
    assert simulated(design) == work(design)
