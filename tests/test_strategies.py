"""Strategies: other hardware for a synapse, the same values."""

from __future__ import annotations

import subprocess
import sys
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

from hlspike.generators.design import Io, LinearDesign, Port, Sums
from hlspike.generators.errors import ConfigError
from hlspike.generators.estimate.constants import waiting
from hlspike.generators.estimate.whole import estimate
from hlspike.generators.fixed import FixedType
from hlspike.generators.hardware.distributed import _found, shared
from hlspike.generators.hardware.limits import BANKS
from hlspike.generators.hardware.strategy import Strategy
from hlspike.generators.ir import Linear
from hlspike.generators.reference import run_reference
from hlspike.generators.report import hardware
from hlspike.tasks.compilation.toolchain import FLAGS

IOS: tuple[Io, ...] = ("parallel", "stream")
EXACT = "-DHLSPIKE_EXACT_WIDTH"
OTHERS: tuple[Strategy, ...] = ("event", "distributed_arithmetic")
WAYS = [(io, width) for io in IOS for width in ("", EXACT)]


def can(case: Case, layer: Linear, strategy: Strategy) -> bool:
    """Whether its inputs are spikes; whether it can be done at once, of weights of which no bit is lost."""
    if strategy == "event":
        return layer.inputs[0] in case.spiking
    return case.name != "wide" and layer.in_features <= BANKS


def under(case: Case, strategy: Strategy) -> Case:
    """`case` with every synapse that can of `strategy`, and reuse factors of its kind."""
    hls: dict[str, Any] = deepcopy(case.hls)
    hls.setdefault("model", {})["strategy"] = strategy
    for layer in case.layers:
        entry = hls.get("layers", {}).get(layer.name, {})
        if isinstance(layer, Linear) and can(case, layer, strategy):
            if strategy == "distributed_arithmetic":
                hls.setdefault("layers", {})[layer.name] = {**entry, "reuse_factor": 1}
            elif "reuse_factor" in entry:
                entry["reuse_factor"] = layer.in_features * gcd(entry["reuse_factor"], layer.out_features)
    return replace(case, hls=hls)


SPIKING: dict[str, Any] = {
    "model": {"precision": "ap_fixed<9,3>"}, "layers": {"input": {"precision": {"result": "ap_uint<1>"}}},
}
# more spikes than are taken at once, words that no beat is a multiple of, and several beats of everything
ALL = [
    *CASES,
    Case("many", (linear("fc1", "input", 1100, 3), leaky("lif1", "fc1", 3)), SPIKING,
         inputs=1100, spikes_in=True, scale=0.05, theta=0.2, seed=3),
    Case("odd", (linear("fc1", "input", 67, 6), leaky("lif1", "fc1", 6)),
         {**SPIKING, "types": {"Linear": {"reuse_factor": 134}}}, inputs=67,
         spikes_in=True, scale=0.2, theta=0.2, seed=4),
]


SYNAPSES = {
    (case.name, strategy): [can(case, layer, strategy) for layer in case.layers if isinstance(layer, Linear)]
    for case in ALL for strategy in OTHERS
}
# each case under each strategy in two of the ways, by turns: one here, the other where minutes are spent
EVERY = [
    pytest.param(case, strategy, *way, id=f"{case.name}-{strategy}-{way[0]}{'-exact' * bool(way[1])}",
                 marks=() if place == (number + other) % len(WAYS) else pytest.mark.heavy)
    for number, case in enumerate(ALL) for other, strategy in enumerate(OTHERS)
    if any(SYNAPSES[case.name, strategy]) for place, way in enumerate(WAYS)
    if (place - number - other) % len(WAYS) < 2
]


@pytest.mark.parametrize(("case", "strategy", "io", "width"), EVERY)
def test_a_strategy_changes_no_value(
    case: Case, strategy: Strategy, io: Io, width: str, workshop: Workshop, tmp_path: Path
) -> None:
    project = write_project(under(case, strategy), io, tmp_path / io)
    chosen = [report.strategy for report in project.design.reports if report.strategy]
    assert chosen == [strategy if able else "dense" for able in SYNAPSES[case.name, strategy]]
    program = tmp_path / "csim"
    flags = [*FLAGS, "-Werror", "-O0", *filter(None, [width]), "-include", str(workshop.header)]
    given = ["-isystem", workshop.tools.include, str(write_whole(project)), *map(str, workshop.bench)]
    subprocess.run([workshop.tools.compiler, *flags, *given, "-o", str(program)], check=True)
    code, found = run(program, project.layout.bench_data, tmp_path / "out")
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


def test_sums_are_those_of_the_weights_with_zeros_signs_and_common_factors() -> None:
    rng = np.random.default_rng(5)
    for weight, given in [
        (rng.integers(-8, 8, (7, 5)), "ap_uint<1>"), (np.zeros((3, 2), np.int64), "ap_uint<1>"),
        (np.array([[0, 0], [0, -4], [6, 0]]), "ap_fixed<9,3>"), (-rng.integers(1, 99, (1, 13)) * 8, "ap_ufixed<5,1>"),
        (np.array([[2**23 + 1]]), "ap_int<40>"), (-np.eye(6, dtype=np.int64), "ap_fixed<7,7,AP_RND,AP_SAT_SYM>"),
    ]:
        kind = FixedType.parse(given)
        told, tables = shared(weight, kind, 80, "fc1")
        low, high = kind.min_raw, kind.max_raw
        for x in [np.full(weight.shape[1], low), np.full(weight.shape[1], high),
                  *(np.array([rng.choice([low, high, 0, 1]) for _ in range(weight.shape[1])]) for _ in range(9))]:
            values = [int(one) for one in x]
            for first, up, second, other, sign, kept, _, _ in tables["steps"].tolist():
                values.append((values[first] << up) + sign * (values[second] << other))
                assert -1 << (kept - 1) <= values[-1] < 1 << (kept - 1)
            found = [0 if at < 0 else sign * (values[at] << up) for at, up, sign in tables["outputs"].tolist()]
            assert found == [sum(int(w) * int(v) for w, v in zip(row, x, strict=True)) for row in weight]
        assert sum(count for _, count in told.adders) <= len(tables["steps"]) + len(weight)


def test_sums_of_one_place_each_are_wires_and_those_that_wrap_are_no_wider_than_what_is_kept() -> None:
    spikes = FixedType.parse("ap_uint<1>")
    assert shared(np.array([[1, 2, 4, 8]]), spikes, 60, "fc1")[0] == Sums((), 0)
    assert shared(np.array([[3, 0], [0, -5]]), FixedType.parse("ap_int<8>"), 60, "fc1")[0].depth == 2
    narrow, tables = shared(np.array([[3, 7, 5], [1, 7, 5]]), FixedType.parse("ap_int<8>"), 6, "fc1")
    assert max(bits for bits, _ in narrow.adders) <= 6 and tables["steps"][:, 5].max() == 6


def test_registers_of_shared_sums_are_the_bits_that_wait_from_one_cycle_to_another() -> None:
    # four levels, two a cycle: 3 x0, 15 x0 = 3 x0 + 12 x0, 15 x0 + x1, and that with x2
    steps = np.array([[0, 0, 0, 1, 1, 6, 6, 1], [3, 0, 3, 2, 1, 8, 8, 2], [4, 0, 1, 0, 1, 9, 9, 3],
                      [5, 0, 2, 0, 1, 9, 9, 4]], np.int64)
    synapse = designed(DENSE_IN, "parallel")[1].layers[1]
    assert isinstance(synapse, LinearDesign)
    layer = replace(synapse, input=Port(3, "ap_int<4>", 3))
    # x1 and x2 wait, of 4 bits each, and the sum of 8 bits; what is formed in the last cycle leaves
    assert waiting(layer, steps, np.array([[6, 0, 1]]), 2) == 4 + 4 + 8
    # an output that is there sooner waits for the others; one of zeros does not
    assert waiting(layer, steps, np.array([[6, 0, 1], [3, 0, 1], [-1, 0, 1]]), 2) == 4 + 4 + 8 + 6


DA: dict[str, Any] = {"strategy": "distributed_arithmetic"}


@pytest.mark.parametrize(("hls", "message"), [
    ({"layers": {"fc1": {**DA, "reuse_factor": 2}}},
     "hls.layers.fc1.strategy: distributed_arithmetic does the work of layer 'fc1' at once, and "
     "hls.layers.fc1.reuse_factor is 2, found distributed_arithmetic; set hls.layers.fc1.reuse_factor to 1, or write "
     "dense"),
    ({"types": {"Linear": {"reuse_factor": 4}}, "layers": {"fc2": DA}},
     "hls.layers.fc2.strategy: distributed_arithmetic does the work of layer 'fc2' at once, and "
     "hls.types.Linear.reuse_factor is 4, found distributed_arithmetic; set hls.layers.fc2.reuse_factor to 1, or write "
     "dense"),
    ({"layers": {"fc1": {**DA, "precision": {"weight": "ap_fixed<40,4>"}}}},
     "hls.layers.fc1.strategy: da4ml sees 24 bits of a weight, and those of layer 'fc1' have 37, found "
     "distributed_arithmetic; write dense"),
])
def test_what_cannot_be_shared_is_refused_by_name(hls: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        designed(DENSE_IN, "parallel", {**DENSE_IN.hls, **hls})
    assert str(error.value) == message


def test_what_cannot_be_shared_is_else_dense() -> None:
    _, design = designed(DENSE_IN, "parallel", {
        "model": {**DENSE_IN.hls["model"], **DA}, "layers": {"fc2": {"reuse_factor": 4}},
    })
    assert [report.strategy for report in design.reports] == [None, "distributed_arithmetic", None, "dense"]
    assert design.reports[3].warnings[-1] == (
        "strategy: distributed_arithmetic does the work of layer 'fc2' at once, and hls.layers.fc2.reuse_factor is 4, "
        "moved from distributed_arithmetic to dense"
    )
    assert "fc1/weight" not in design.arrays and "fc2/weight" in design.arrays
    large = Case("large", (linear("fc1", "input", 65, 64), linear("fc2", "fc1", 64, 2)), SPIKING, inputs=65)
    _, design = designed(large, "parallel", {"model": {**SPIKING["model"], **DA}})
    assert [report.strategy for report in design.reports] == [None, "dense", "distributed_arithmetic"]
    assert design.reports[1].warnings[-2:] == (
        "strategy: distributed_arithmetic does the work of layer 'fc1' at once, which is more than 4096 units, moved "
        "from distributed_arithmetic to dense",
        "reuse_factor: 1 is not legal for 4160 products, moved to 2",
    )


def test_without_the_package_nothing_is_made_in_its_stead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "da4ml.cmvm", None)
    _found.cache_clear()
    with pytest.raises(ConfigError) as error:
        designed(DENSE_IN, "parallel", {"model": {**DENSE_IN.hls["model"], **DA}})
    assert str(error.value) == (
        "strategy distributed_arithmetic: needs the package da4ml, which is not installed; pip install 'hlspike[da]', "
        "or write dense"
    )


def test_shared_additions_take_less_than_the_products_of_constants() -> None:
    _, dense = designed(DENSE_IN, "parallel")
    _, alike = designed(DENSE_IN, "parallel", {"model": {**DENSE_IN.hls["model"], **DA}})
    every, shared_ = estimate(dense).layers[1], estimate(alike).layers[1]
    assert (every.multipliers, every.adders, every.cycles) == (48, 5 * 8 + 8, 1)
    # additions in the place of products, and one for each bias
    synapse = alike.layers[1]
    assert isinstance(synapse, LinearDesign) and synapse.sums is not None
    additions = sum(count for _, count in synapse.sums.adders)
    assert (shared_.multipliers, shared_.adders, shared_.cycles) == (0, additions + 8, 1)
    assert shared_.resources.lut < every.resources.lut


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
