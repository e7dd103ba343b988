"""What the tools would refuse is refused before them: targets, work at once, widths; each with its remedy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cases import CASES, Case, leaky, linear, readout
from projects import designed, texts

from hlspike.generators.errors import ConfigError
from hlspike.generators.exact.widths import Exact
from hlspike.generators.fixed import FixedType
from hlspike.generators.hardware import limits
from hlspike.tasks.configuration.settings import validated

CONFIG: dict[str, Any] = {
    "name": "net", "model": {"source": "model.py:build", "input_shape": [4]}, "data": {"source": "data.npz"},
}
TARGET = {"part": "xc7z020clg400-1", "clock_period": 10, "io": "parallel"}


def target(**settings: str) -> dict[str, Any]:
    found: dict[str, Any] = validated({**CONFIG, "target": {**TARGET, **settings}})["target"]
    return found


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"flow_target": "vitis"},
         "target.flow_target: vitis: a kernel takes arrays from memory, which hold no timestep in one word, found "
         "target.io parallel; set target.io=stream, or target.flow_target=vivado and target.export=ip_catalog"),
        ({"export": "xo"},
         "target.export: xo: a kernel takes arrays from memory, which hold no timestep in one word, found target.io "
         "parallel; set target.io=stream, or target.flow_target=vivado and target.export=ip_catalog"),
        ({"export": "xo", "io": "stream", "control": "ap_ctrl_hs"},
         "target.export: xo: a kernel is started by its AXI4-Lite registers or by its data, found target.control "
         "ap_ctrl_hs; set target.control to s_axilite or ap_ctrl_none"),
        ({"flow_target": "vitis", "io": "stream", "control": "ap_ctrl_hs"},
         "target.flow_target: vitis: a kernel is started by its AXI4-Lite registers or by its data, found "
         "target.control ap_ctrl_hs; set target.control to s_axilite or ap_ctrl_none"),
        ({"control": "ap_ctrl_none"},
         "target.control: without a protocol co-simulation takes streams only, because nothing else tells one timestep "
         "from the next, found target.io parallel; set target.io=stream, or target.control=ap_ctrl_hs"),
    ],
)
def test_settings_that_the_tools_refuse_together_are_refused(settings: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        target(**settings)
    assert str(refusal.value) == message


@pytest.mark.parametrize("control", ["s_axilite", "ap_ctrl_none"])
@pytest.mark.parametrize("kernel", [{}, {"flow_target": "vitis"}, {"export": "xo"}])
def test_streams_go_with_every_flow(control: str, kernel: dict[str, str]) -> None:
    assert target(io="stream", control=control, **kernel)["control"] == control
    assert target(control="ap_ctrl_hs")["io"] == "parallel"


@pytest.mark.parametrize(("control", "line"), [
    ("ap_ctrl_none", "#pragma HLS DATAFLOW disable_start_propagation"), ("s_axilite", "#pragma HLS DATAFLOW"),
])
def test_processes_start_by_themselves_where_nothing_starts_the_design(control: str, line: str) -> None:
    design = replace(designed(CASES[0], "stream")[1], control=control)
    assert line in texts(design)["firmware/top.cpp"].splitlines()


@pytest.mark.parametrize("io", ["parallel", "stream"])
def test_the_top_has_the_name_by_which_a_kernel_is_linked(io: Any) -> None:
    for path, text in texts(designed(CASES[0], io)[1]).items():
        found = [line for line in text.splitlines() if "snn_top(" in line and not line.startswith((" ", "//"))]
        assert all(line.startswith('extern "C" void snn_top(') for line in found), path
        assert len(found) == path.startswith("firmware/top"), path


def network(*layers: Any, inputs: int, current: str = "ap_fixed<12,4>", **types: str) -> Case:
    """With `current` as the result of synapses."""
    precision = {"default": "ap_fixed<12,4>", **types}
    hls = {"model": {"precision": precision}, "types": {"Linear": {"precision": {"result": current}}}}
    return Case("large", layers, hls, inputs, window=2, lengths=(2,))


def refused(case: Case, factor: int, layer: str) -> str:
    with pytest.raises(ConfigError) as refusal:
        designed(case, "parallel", {**case.hls, "layers": {layer: {"reuse_factor": factor}}})
    return str(refusal.value).removeprefix(f"hls.layers.{layer}.reuse_factor: ")


@pytest.mark.parametrize(
    ("layer", "factor", "message", "moved"),
    [
        (linear("x", "input", 2000, 2), 1, "1 leaves more than 1024 inputs at once for the 4000 products of layer 'x'; "
         "the nearest legal value is 2", 2),
        (linear("x", "input", 2, 2000), 2, "2 leaves more than 1024 outputs at once for the 4000 products of layer "
         "'x'; the nearest legal value is 4", 4),
        (linear("x", "input", 65, 64), 1, "1 leaves more than 4096 units at once for the 4160 products of layer 'x'; "
         "the nearest legal value is 2", 2),
        (linear("x", "input", 1024, 1024), 128, "128 leaves more than 4096 units at once for the 1048576 products of "
         "layer 'x'; the nearest legal value is 256", 256),
        (leaky("x", "input", 2049), 1, "1 leaves more than 1024 neurons at once for the 2049 neurons of layer 'x'; the "
         "nearest legal value is 3", 3),
        # 1031 is prime
        (leaky("x", "input", 1031), 1, "1 leaves more than 1024 neurons at once for the 1031 neurons of layer 'x'; the "
         "nearest legal value is 1031", 1031),
    ],
)
def test_too_much_at_once_is_refused_with_the_nearest_factor_that_is_not(
    layer: Any, factor: int, message: str, moved: int
) -> None:
    case = network(layer, inputs=getattr(layer, "in_features", layer.size))
    assert refused(case, factor, "x") == message
    # for all layers it moves to where the message points
    hls = {**case.hls, "model": {**case.hls["model"], "reuse_factor": factor}}
    assert designed(case, "parallel", hls)[1].reports[1].reuse_factor == moved


@pytest.mark.parametrize(
    ("layers", "types", "message"),
    [
        ((linear("fc", "input", 4, 4), readout("fc", 4, "membrane", "argmax_membrane")),
         {"current": "ap_fixed<1024,512>"},
         "layer 'readout': to form and cast its update takes 1027 bits, more than the 1024 that the tools take; give "
         "membrane and current nearer binary points"),
        ((linear("fc", "input", 4, 4),), {"bias": "ap_fixed<16,-1000>", "weight": "ap_fixed<16,8>", "accum": "auto"},
         "hls: the exact sum of 4 weights ap_fixed<16,8> by inputs ap_fixed<12,4> and biases ap_fixed<16,-1000> has "
         "1030 bits, more than the 1024 that the tools take; give them nearer binary points"),
        ((leaky("lif", "input", 4),), {"membrane": "ap_fixed<12,-1010>"},
         "layer 'lif': to form and cast its update takes 1038 bits, more than the 1024 that the tools take; give "
         "membrane, current and threshold nearer binary points"),
    ],
)
def test_what_is_wider_or_larger_than_the_tools_take_is_refused(
    layers: Any, types: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        designed(network(*layers, inputs=4, **types), "parallel")
    assert str(refusal.value) == message


def test_what_is_at_a_limit_is_taken() -> None:
    assert limits.crowded(4096, {"inputs": 1024, "outputs": 4}) == ""
    assert limits.crowded(4097, {}) == "4096 units"
    assert limits.crowded(1025, {"neurons": 1025}) == "1024 neurons"


@pytest.mark.parametrize("seed", range(200))
def test_an_exact_type_holds_every_result_of_its_operands(seed: int) -> None:
    chance = np.random.default_rng(seed)
    kinds = [FixedType(int(chance.integers(1, 12)), int(chance.integers(-6, 8)), bool(chance.integers(2)))
             for _ in range(2)]
    one, other = (Exact.of(str(kind)) for kind in kinds)

    def corners(kind: FixedType, frac: int) -> list[int]:
        return [raw << frac - kind.frac for raw in (kind.min_raw, kind.max_raw)]

    def bounds(exact: Exact) -> tuple[int, int]:
        return (-(1 << exact.width - 1) if exact.signed else 0), (1 << exact.width - exact.signed) - 1

    a, b = (corners(kind, (one | other).frac) for kind in kinds)
    both, total, difference, product = one | other, one + other, one - other, one * other
    for exact, results in (
        (both, a + b), (total, [x + y for x in a for y in b]), (difference, [x - y for x in a for y in b]),
        (product, [x * y for x in corners(kinds[0], kinds[0].frac) for y in corners(kinds[1], kinds[1].frac)]),
    ):
        low, high = bounds(exact)
        assert low <= min(results) and max(results) <= high, (kinds, exact)
