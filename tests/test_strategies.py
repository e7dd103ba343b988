"""Strategies: other hardware for a synapse, the same values."""

from __future__ import annotations

import subprocess
from copy import deepcopy
from dataclasses import replace
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import CASES, Case, leaky, linear
from projects import Workshop, designed, run, write_project, write_whole
from test_agreement import _expected, _unequal

from hlspike.generators.design import Io, LinearDesign
from hlspike.generators.errors import ConfigError
from hlspike.generators.estimate.whole import estimate
from hlspike.generators.hardware.strategy import Strategy
from hlspike.generators.ir import Linear
from hlspike.generators.reference import run_reference
from hlspike.generators.report import hardware
from hlspike.tasks.compilation.toolchain import FLAGS

IOS: tuple[Io, ...] = ("parallel", "stream")
EXACT = "-DHLSPIKE_EXACT_WIDTH"
THOROUGH = ("gears", "wrapping", "many", "odd")
"""Cases of which both widths are compiled with both ways of handing over; of others, each with one."""


def spiking(case: Case, layer: Linear) -> bool:
    return case.spikes_in or layer.inputs[0] != "input"


def under(case: Case, strategy: Strategy) -> Case:
    """`case` with every synapse that can of `strategy`, and reuse factors of its kind."""
    hls: dict[str, Any] = deepcopy(case.hls)
    hls.setdefault("model", {})["strategy"] = strategy
    for layer in case.layers:
        entry = hls.get("layers", {}).get(layer.name, {})
        if isinstance(layer, Linear) and "reuse_factor" in entry and spiking(case, layer):
            entry["reuse_factor"] = layer.in_features * gcd(entry["reuse_factor"], layer.out_features)
    return replace(case, hls=hls)


SPIKING: dict[str, Any] = {
    "model": {"precision": "ap_fixed<9,3>"}, "layers": {"input": {"precision": {"result": "ap_uint<1>"}}},
}
EVENTS = [case for case in CASES if any(isinstance(layer, Linear) and spiking(case, layer) for layer in case.layers)]
# more spikes than are taken at once, and words that no beat is a multiple of
EVENTS += [
    Case("many", (linear("fc1", "input", 1100, 3), leaky("lif1", "fc1", 3)), SPIKING,
         inputs=1100, spikes_in=True, scale=0.05, theta=0.2, seed=3),
    Case("odd", (linear("fc1", "input", 67, 6), leaky("lif1", "fc1", 6)),
         {**SPIKING, "types": {"Linear": {"reuse_factor": 134}}}, inputs=67,
         spikes_in=True, scale=0.2, theta=0.2, seed=4),
]


@pytest.mark.parametrize("case", EVENTS, ids=lambda case: case.name)
def test_events_change_no_value(case: Case, workshop: Workshop, tmp_path: Path) -> None:
    for io in IOS:
        project = write_project(under(case, "event"), io, tmp_path / io)
        chosen = [report.strategy for report in project.design.reports if report.strategy]
        assert chosen == ["event" if spiking(case, it) else "dense" for it in case.layers if isinstance(it, Linear)]
        whole, program = write_whole(project), tmp_path / io / "csim"
        both = ["", EXACT] if case.name in THOROUGH else [EXACT if io == "stream" else ""]
        for width in both:
            flags = [*FLAGS, "-Werror", "-O0", *filter(None, [width]), "-include", str(workshop.header)]
            given = ["-isystem", workshop.tools.include, str(whole), *map(str, workshop.bench), "-o", str(program)]
            subprocess.run([workshop.tools.compiler, *flags, *given], check=True)
            code, found = run(program, project.layout.bench_data, tmp_path / f"{io}{len(width)}")
            assert _unequal(found, _expected(project)) == []
            assert code == 0


COUNTING = """
#include <cstdio>
#include "event.h"
int added = 0;
struct layer {
    static constexpr int n_in = 70, n_out = 6, in_parallel = 1, out_parallel = 2, reuse_factor = 210, taken = 70;
    static constexpr int in_lanes = 70, out_lanes = 2, weight_width = 8, sum_width = 15, acc_width = 15;
    typedef ap_uint<1> in_t, bias_t;
    typedef ap_fixed<15, 15> out_t, acc_t, accum_t, result_t;
    static signed char weight(int row, int k) { added++; return row % 70 + k; }
    static bool bias(int, int) { return 0; }
};
int main() {
    for (int ones = 0; ones <= 70; ones += 7) {
        hlspike::raw<ap_uint<1>> in[1][70] = {};
        hlspike::raw<ap_fixed<15, 15>> out[3][2];
        for (int i = 0; i < ones; i++) in[0][i * 9 % 70] = 1;
        added = 0;
        hlspike::bit_t last = 0;
        hlspike::event<layer>(in, last, out);
        std::printf("%d %d %d\\n", ones, added, int(out[2][1]));
    }
}
"""


def test_only_spikes_cost_a_row_of_weights(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "main.cpp").write_text(COUNTING)
    kernels = Path(__file__).resolve().parent.parent / "hls_src" / "kernels"
    command = [workshop.tools.compiler, "-std=c++14", "-Wno-unknown-pragmas", "-I", str(kernels), "-isystem"]
    subprocess.run([*command, workshop.tools.include, "main.cpp", "-o", "main"], cwd=tmp_path, check=True)
    done = subprocess.run(["./main"], cwd=tmp_path, capture_output=True, text=True, check=True)
    found = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    # two weights for each of three groups of outputs; a silent timestep has one row a group, which adds nothing
    assert found == [
        (ones, max(ones, 1) * 6, sum(i * 9 % 70 + 1 for i in range(ones))) for ones in range(0, 71, 7)
    ]


DENSE_IN = Case(
    "dense_in", (linear("fc1", "input", 6, 8), leaky("lif1", "fc1", 8), linear("fc2", "lif1", 8, 4)),
    {"model": {"precision": "ap_fixed<9,3>"}},
)


def test_events_of_numbers_are_refused_by_name_and_else_moved_to_dense() -> None:
    rule = "event adds the weights of spikes, and the inputs of layer 'fc1' are ap_fixed<9,3>"
    with pytest.raises(ConfigError) as error:
        designed(DENSE_IN, "parallel", {**DENSE_IN.hls, "layers": {"fc1": {"strategy": "event"}}})
    assert str(error.value) == f"hls.layers.fc1.strategy: {rule}, found event; write dense"
    _, design = designed(DENSE_IN, "parallel", {**DENSE_IN.hls, "types": {"Linear": {"strategy": "event"}}})
    assert [report.strategy for report in design.reports] == [None, "dense", None, "event"]
    assert design.reports[1].warnings[-1] == f"strategy: {rule}, moved from event to dense"
    assert design.reports[3].warnings[-1] == (
        "reuse_factor: 1 is not legal for 32 products of 8 inputs, taken one at a time, moved to 8"
    )


@pytest.mark.parametrize(("factor", "message"), [
    (3, "3 does not divide the 32 products of layer 'fc2'; the nearest legal value is 8"),
    (4, "4 is no multiple of the 8 inputs, which event takes one at a time, of the 32 products of layer 'fc2'; the "
        "nearest legal value is 8"),
    (12, "12 does not divide the 32 products of layer 'fc2'; the nearest legal values are 8 and 16"),
])
def test_a_reuse_factor_of_events_is_a_multiple_of_the_inputs(factor: int, message: str) -> None:
    hls = {**DENSE_IN.hls, "layers": {"fc2": {"strategy": "event", "reuse_factor": factor}}}
    with pytest.raises(ConfigError) as error:
        designed(DENSE_IN, "parallel", hls)
    assert str(error.value) == f"hls.layers.fc2.reuse_factor: {message}"


def test_cycles_of_events_are_the_most_and_those_of_the_stimulus() -> None:
    hls = {**DENSE_IN.hls, "layers": {"fc2": {"strategy": "event", "reuse_factor": 16}}}
    quantized, design = designed(DENSE_IN, "stream", hls)
    run_of = run_reference(quantized.typed, quantized.integers, DENSE_IN.stimulus, "spikes")
    found = hardware.counted(estimate(design).to_json(), {"fc2": [90, 0, 9, 0, 0, 0, 0, 1, 0]})
    layer = found["layers"][3]
    # a word of eight spikes, and two groups of outputs for each spike
    assert (layer["cycles"], layer["cycles_mean"], layer["cycles_99"]) == (1 + 8 * 2, 1 + (90 + 9 * 2 + 7) * 2 / 100, 5)
    assert all("cycles_mean" not in other for other in found["layers"] if other is not layer)
    synapse = design.layers[3]
    assert isinstance(synapse, LinearDesign)
    assert (synapse.in_parallel, synapse.out_parallel, synapse.taken) == (1, 2, 8)
    spikes = run_of.trace["spikes/lif1"]
    valid = np.arange(spikes.shape[1]) < DENSE_IN.stimulus.lengths[:, None]
    assert run_of.spikes["fc2"].tolist() == np.bincount(spikes.sum(-1)[valid], minlength=9).tolist()
    assert list(run_of.spikes) == ["fc2"]
