"""Skip connections: outputs that are taken more than once, added, and put one behind the other, in every executor."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import snntorch as snn
import torch
from cases import CASES, NARROW
from extraction import extract, run_float
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from projects import Project, Workshop, build_project, designed, run, write_project
from test_agreement import _expected, _unequal
from test_overlap import bounded, simulated
from torch import Tensor, nn

from hlspike.generators.design import CloneDesign, MergeDesign
from hlspike.generators.emit import render
from hlspike.generators.errors import UnsupportedModel
from hlspike.generators.estimate.cycles import work
from hlspike.generators.hardware.units import slices
from hlspike.generators.ir import Linear, Merge, Network, Neuron
from hlspike.generators.stimulus import Stimulus
from hlspike.tasks.compilation.toolchain import FLAGS

WIDE = {"model": {"precision": {"default": "ap_fixed<60,20>"}}}
INPUTS, TIMESTEPS = 4, 10


class Graph(nn.Module):
    """A random network: each layer takes what the input or any layer before it gives.

    Parameters are eighths and the decays sixteenths, so that wide types hold them exactly.
    """

    def __init__(self, seed: int, layers: int = 8) -> None:
        super().__init__()
        chance = np.random.default_rng(seed)
        torch.manual_seed(seed)
        self.program: list[tuple[str, str, tuple[int, ...]]] = []
        sizes, unused = [INPUTS], {0}
        for number in range(layers):
            kind = chance.choice(["fc", "lif", "add", "cat"], p=[0.35, 0.25, 0.2, 0.2])
            first = int(chance.choice(sorted(unused))) if chance.random() < 0.6 else int(chance.integers(len(sizes)))
            sources = [first]
            if kind == "add":
                alike = [place for place, size in enumerate(sizes) if size == sizes[first]]
                sources.append(int(chance.choice(alike)))
            elif kind == "cat":
                sources += [int(place) for place in chance.integers(len(sizes), size=int(chance.integers(1, 3)))]
            self._append(f"{kind}{number}", kind, tuple(sources), sizes, chance)
            unused = unused.difference(sources) | {len(sizes) - 1}
        # what nothing has taken is joined at the end, and decided from
        if len(unused) > 1:
            self._append("ends", "cat", tuple(sorted(unused)), sizes, chance)
        self._append("last", "fc", (len(sizes) - 1,), sizes, chance)
        self._append("out", "lif", (len(sizes) - 1,), sizes, chance)

    def _append(
        self, name: str, kind: str, sources: tuple[int, ...], sizes: list[int], chance: np.random.Generator
    ) -> None:
        size = sizes[sources[0]]
        if kind == "fc":
            size = int(chance.integers(2, 7))
            layer = nn.Linear(sizes[sources[0]], size, bias=bool(chance.random() < 0.5))
            with torch.no_grad():
                for parameter in layer.parameters():
                    parameter.copy_(torch.randint(-8, 12, parameter.shape) / 8)
            self.add_module(name, layer)
        elif kind == "lif":
            self.add_module(name, snn.Leaky(
                beta=int(chance.integers(6, 17)) / 16, threshold=int(chance.integers(3, 12)) / 8, init_hidden=True,
                reset_mechanism=str(chance.choice(["subtract", "zero", "none"])),
            ))
        elif kind == "cat":
            size = sum(sizes[source] for source in sources)
        self.program.append((kind, name, sources))
        sizes.append(size)

    def forward(self, x: Tensor) -> Tensor:
        values = [x]
        for kind, name, sources in self.program:
            taken = [values[source] for source in sources]
            match kind:
                case "add":
                    values.append(taken[0] + taken[1])
                case "cat":
                    values.append(torch.cat(taken, dim=1))
                case _:
                    values.append(self.get_submodule(name)(taken[0]))
        return values[-1]


@dataclass(frozen=True)
class Drawn:
    """A network with what it runs on, as a `cases.Case` has it."""

    network: Network
    parameters: dict[str, NDArray[np.float64]]
    hls: dict[str, Any]
    stimulus: Stimulus
    module: nn.Module


def drawn(module: nn.Module, hls: dict[str, Any], seed: int = 0) -> Drawn:
    network, parameters = extract(module, (INPUTS,), {"decision_rule": "argmax_spike_count", "window_size": TIMESTEPS})
    chance = np.random.default_rng(seed)
    frames = (chance.integers(-8, 17, (3, TIMESTEPS, INPUTS)) / 8).astype(np.float32)
    stimulus = Stimulus(frames, np.full(3, TIMESTEPS, np.int64), None)
    return Drawn(network.bounded(TIMESTEPS), parameters, hls, stimulus, module)


def reused(network: Network, hls: dict[str, Any], seed: int) -> dict[str, Any]:
    """`hls` with a reuse factor at random for every layer that has one."""
    chance, entries = np.random.default_rng(seed), {}
    for layer in network.layers:
        if isinstance(layer, (Linear, Neuron)):
            units = layer.in_features * layer.out_features if isinstance(layer, Linear) else layer.size
            factors = [factor for factor in range(1, units + 1) if units % factor == 0]
            entries[layer.name] = {"reuse_factor": int(chance.choice(factors))}
    return {**hls, "layers": entries}


def built(case: Drawn, io: Any, workshop: Workshop, folder: Path) -> Project:
    """`case` compiled, run, and equal to the reference in every value."""
    project = build_project(workshop, case, io, folder, whole=True)  # type: ignore[arg-type]
    code, found = run(project.layout.csim, project.layout.bench_data, folder / "out")
    assert (code, _unequal(found, _expected(project))) == (0, [])
    return project


def check(seed: int, workshop: Workshop, folder: Path) -> None:
    """In wide types, the module spike by spike; in narrow ones, reference and csim; FIFOs that end the program."""
    module = Graph(seed)
    wide = drawn(module, WIDE, seed)
    wide = replace(wide, hls=reused(wide.network, WIDE, seed))
    project = built(wide, "stream" if seed % 2 else "parallel", workshop, folder / "wide")
    floating = run_float(module, wide.network, wide.stimulus, "spikes")
    spikes = {key: values for key, values in project.reference.trace.items() if key.startswith("spikes/")}
    assert spikes and set(spikes) == {key for key in floating if key.startswith("spikes/")}
    for key, values in spikes.items():
        np.testing.assert_array_equal(values, floating[key], key)
    narrow = replace(wide, hls=reused(wide.network, NARROW, seed + 1))
    built(narrow, "parallel" if seed % 2 else "stream", workshop, folder / "narrow")
    done = bounded(write_project(narrow, "stream", folder / "bounded"), workshop)  # type: ignore[arg-type]
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("seed", [1, 2])
def test_random_graphs_agree_with_the_module_and_among_executors(seed: int, workshop: Workshop, tmp_path: Path) -> None:
    check(seed, workshop, tmp_path)


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(3, 11))
def test_many_random_graphs(seed: int, workshop: Workshop, tmp_path: Path) -> None:
    check(seed, workshop, tmp_path)


# -- what waits on the shorter way


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_the_clock_of_any_graph_settles_at_the_interval_of_the_estimate(seed: int) -> None:
    case = drawn(Graph(seed), NARROW, seed)
    _, design = designed(replace(case, hls=reused(case.network, NARROW, seed)), "stream")  # type: ignore[arg-type]
    assert simulated(design, 40) == work(design)


class Skip(nn.Module):
    """Of two ways from `lif1` to `add` one has no layer, the other six."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.lif1 = nn.Linear(INPUTS, 6), snn.Leaky(beta=0.75, init_hidden=True)
        stages = (layer for _ in range(3) for layer in (nn.Linear(6, 6), snn.Leaky(beta=0.5, init_hidden=True)))
        self.way = nn.Sequential(*stages)
        self.fc3, self.lif3 = nn.Linear(6, 3), snn.Leaky(beta=0.5, init_hidden=True)

    def forward(self, x: Tensor) -> Tensor:
        first = self.lif1(self.fc1(x))
        return self.lif3(self.fc3(self.way(first) + first))


def test_a_channel_holds_as_many_timesteps_as_there_are_layers_on_the_longer_way() -> None:
    torch.manual_seed(0)
    hls = {**NARROW, "types": {"Linear": {"reuse_factor": 6}}}
    _, design = designed(drawn(Skip(), hls), "stream")  # type: ignore[arg-type]
    found = {(one.source, one.target): (one.timesteps, one.depth) for one in design.channels}
    assert found["lif1_clone", "way_0"] == (1, 2)
    # the six layers of the way and add itself are at work on a timestep each
    assert found["lif1_clone", "add"] == (7, 8)
    assert simulated(design, 40) == work(design) == 6
    shallow = tuple(replace(one, timesteps=1) for one in design.channels)
    assert simulated(replace(design, channels=shallow), 40) > 6


def test_arrays_are_as_many_as_timesteps_that_wait_and_one_more(tmp_path: Path) -> None:
    torch.manual_seed(0)
    hls = {**NARROW, "types": {"Linear": {"reuse_factor": 6}}}
    write_project(drawn(Skip(), hls), "parallel", tmp_path)  # type: ignore[arg-type]
    text = (tmp_path / "firmware" / "top.cpp").read_text()
    assert re.findall(r"#pragma HLS STREAM (.*)", text) == ["variable=lif1_clone_out1 type=pipo depth=8"]


def test_a_fifo_beside_a_longer_way_that_is_too_small_ends_the_program(workshop: Workshop, tmp_path: Path) -> None:
    torch.manual_seed(0)
    hls = {**NARROW, "types": {"Leaky": {"reuse_factor": 6}, "Linear": {"reuse_factor": 36}}}
    project = write_project(drawn(Skip(), hls), "stream", tmp_path)  # type: ignore[arg-type]
    depth = max(channel.depth for channel in project.design.channels)
    assert depth == 7 * 6
    bench = project.layout.sources("tb")[-1]
    told = [str(channel.depth) for channel in project.design.channels]
    cut = ["5" if int(one) == depth else one for one in told]
    text = bench.read_text()
    assert ", ".join(told) in text
    bench.write_text(text.replace(", ".join(told), ", ".join(cut)))
    done = bounded(project, workshop)
    message = "a FIFO of depth 5 is written while full: the design would wait for ever\n"
    assert (done.returncode, done.stderr) == (3, message)


@pytest.mark.parametrize("io", ["parallel", "stream"])
def test_the_tops_of_merges_and_clones_out_of_context_compile(io: Any, workshop: Workshop, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.name == "joined")
    project = write_project(case, io, tmp_path)
    tops, units = [], slices(project.design)
    for layer in project.design.layers:
        if isinstance(layer, (MergeDesign, CloneDesign)):
            text = render("vitis/layer.cpp", {**units[layer.id][0], "top": f"snn_{layer.id}"})
            tops.append(text.replace("../../../firmware/", "firmware/"))
    assert len(tops) == 5
    (tmp_path / "tops.cpp").write_text("".join(tops))
    include = ["-I", "firmware", "-isystem", workshop.tools.include, "-include", str(workshop.header)]
    command = [workshop.tools.compiler, *FLAGS, "-O0", "-fsyntax-only", *include, "tops.cpp"]
    subprocess.run(command, cwd=tmp_path, check=True)


# -- how forward may say it


def forward_of(body: Callable[[Any, Tensor], Any], **more: nn.Module) -> nn.Module:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1, self.lif1 = nn.Linear(INPUTS, INPUTS), snn.Leaky(beta=0.75, init_hidden=True)
            self.fc2, self.lif2 = nn.Linear(INPUTS, INPUTS), snn.Leaky(beta=0.5, init_hidden=True)
            for name, module in more.items():
                self.add_module(name, module)

        def forward(self, x: Tensor) -> Any:
            return body(self, x)

    return Net()


def merges(module: nn.Module) -> list[Merge]:
    network, _ = extract(module, (INPUTS,), {})
    return [layer for layer in network.layers if isinstance(layer, Merge)]


def in_place(net: Any, x: Tensor) -> Tensor:
    current = net.fc1(x)
    current += x
    return net.lif1(net.fc2(net.lif2(current)))


ADDS: dict[str, Callable[[Any, Tensor], Any]] = {
    "operator": lambda net, x: net.lif2(net.fc2(net.lif1(net.fc1(x) + x))),
    "function": lambda net, x: net.lif2(net.fc2(net.lif1(torch.add(net.fc1(x), x)))),
    "keywords": lambda net, x: net.lif2(net.fc2(net.lif1(torch.add(input=net.fc1(x), other=x, alpha=1)))),
    "method": lambda net, x: net.lif2(net.fc2(net.lif1(net.fc1(x).add(x)))),
    "sum": lambda net, x: net.lif2(net.fc2(net.lif1(sum([net.fc1(x), x])))),
    "in place": in_place,
}


@pytest.mark.parametrize("form", ADDS)
def test_every_way_to_add(form: str) -> None:
    assert merges(forward_of(ADDS[form])) == [Merge("add", ("fc1", "input"), "add", (INPUTS, INPUTS), False)]


@pytest.mark.parametrize("joined", [
    lambda spikes, x: torch.cat([spikes, x], 1), lambda spikes, x: torch.cat((spikes, x), dim=-1),
    lambda spikes, x: torch.concat(tensors=[spikes, x], dim=1), lambda spikes, x: torch.hstack([spikes, x]),
])
def test_every_way_to_concatenate(joined: Callable[[Tensor, Tensor], Tensor]) -> None:
    module = forward_of(lambda net, x: net.fc3(joined(net.lif1(net.fc1(x)), x)), fc3=nn.Linear(2 * INPUTS, 3))
    del module.fc2, module.lif2
    assert merges(module) == [Merge("cat", ("lif1", "input"), "concatenate", (INPUTS, INPUTS), False)]


def test_merges_are_named_after_the_module_that_makes_them_and_spikes_stay_spikes() -> None:
    def body(net: Any, x: Tensor) -> Tensor:
        first = net.lif1(net.fc1(x))
        second = net.lif2(net.fc2(first) + first + x)
        return torch.cat([first, second], 1)

    found = merges(forward_of(body, add=nn.Identity()))
    assert [(one.name, one.inputs, one.passes_spikes) for one in found] == [
        ("add_2", ("fc2", "lif1"), False), ("add_3", ("add_2", "input"), False), ("cat", ("lif1", "lif2"), True),
    ]


REFUSED: list[tuple[Callable[[Any, Tensor], Any], str]] = [
    (
        lambda net, x: net.lif1(torch.add(net.fc1(x), x, alpha=2)),
        "model: add: alpha is 2, and a sum has no weights; put a Linear before it",
    ),
    (
        lambda net, x: net.lif1(net.fc1(x) + net.narrow(x)),
        "model: add: adds the output of 'fc1' of shape (4,) and the output of 'narrow' of shape (1,), which are not of "
        "one shape; give both as many features",
    ),
    (
        lambda net, x: net.lif1(torch.cat([net.fc1(x), x], 0)),
        "model: forward joins tensors with cat, as over timesteps; give the body of the time loop as a one-timestep "
        "forward that keeps its state",
    ),
    (
        lambda net, x: net.lif2(net.fc2(net.graded(net.fc1(x)) + net.lif1(x))),
        "model: add: joins the output of 'graded' of shape (4,) and the output of 'lif1' of shape (4,), but the spikes "
        "of 'graded' are worth 2 (graded_spikes_factor), and those are no weights to fold that into; set it to 1, or "
        "put a Linear between",
    ),
    (
        lambda net, x: (net.lif1(net.fc1(x)), net.lif2(net.fc2(x))),
        "layer 'lif1': nothing that 'lif2', the last layer, puts out rests on its output; join both with torch.cat, or "
        "remove the layer",
    ),
    (
        lambda net, x: net.lif1(net.fc1(x) + 1),
        "model: add of the output of 'fc1' is not supported; use the modules",
    ),
]


@pytest.mark.parametrize(("body", "message"), REFUSED, ids=range(len(REFUSED)))
def test_what_no_merge_computes_is_refused(body: Callable[[Any, Tensor], Any], message: str) -> None:
    module = forward_of(
        body, narrow=nn.Linear(INPUTS, 1), graded=snn.Leaky(beta=0.5, init_hidden=True, graded_spikes_factor=2.0)
    )
    with pytest.raises(UnsupportedModel) as error:
        extract(module, (INPUTS,), {})
    assert str(error.value).partition(" Linear, Leaky, ")[0] == message
