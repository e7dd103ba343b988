"""Scheduling: reuse factors, the order of the weights, widths, and what the text of each unit rests on."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cases import CASES, Case, leaky, linear, readout
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from projects import texts

from hlspike.generators.design import Design, InputDesign, LinearDesign, NeuronDesign, Parameter, ReadoutDesign
from hlspike.generators.errors import ConfigError
from hlspike.generators.fixed import OVERFLOWS, QUANTIZATIONS, FixedType
from hlspike.generators.hardware.storage import settled_constants
from hlspike.generators.hardware.units import slices
from hlspike.generators.hardware.wires import Edge, Port
from hlspike.generators.ir import Input, Layer, Network, Neuron
from hlspike.generators.neurons.leaky import equations
from hlspike.generators.precision.parameters import Finding
from hlspike.generators.quantize import quantize
from hlspike.generators.schedule import schedule
from hlspike.generators.stimulus import Stimulus
from hlspike.generators.typed import TypedInput, TypedLinear, TypedNetwork

Integers = dict[str, NDArray[np.int64]]


def design_of_linear(
    weight: Any, hls: dict[str, Any], value: str = "ap_int<8>", kind: str = "ap_int<8>", accum: str = "ap_int<32>"
) -> Design:
    """One synapse without bias, named fc."""
    mantissas = np.asarray(weight, np.int64)
    n_out, n_in = mantissas.shape
    types = [FixedType.parse(text) for text in (value, kind, accum)]
    ingress, layer = Input((n_in,), "fixed_window", 1), linear("fc", "input", n_in, n_out, bias=False)
    typed = TypedLinear(layer, types[0], types[1], None, types[2], types[2])
    network = TypedNetwork(Network((ingress, layer)), (TypedInput(ingress, types[0]), typed))
    return schedule(network, {"fc/weight": mantissas}, hls, "stream")


def one(design: Design, kind: type[Any]) -> Any:
    return next(layer for layer in design.layers if isinstance(layer, kind))


def built(
    layers: tuple[Layer, ...], parameters: dict[str, Any], hls: dict[str, Any], inputs: int = 6, window: int = 6,
    io: Any = "stream", policy: Any = "fixed_window",
) -> Design:
    arrays = {key: np.asarray(value, np.float64) for key, value in parameters.items()}
    network = Network((Input((inputs,), policy, window if policy == "fixed_window" else None), *layers))
    stimulus = Stimulus(np.zeros((1, window, inputs), np.float32), np.array([window]), None)
    quantized = quantize(network, arrays, hls, stimulus)
    return schedule(quantized.typed, quantized.integers, hls, io)


def reuse(factor: int, named: bool = False) -> dict[str, Any]:
    return {"layers": {"fc": {"reuse_factor": factor}, "a": None}} if named else {"model": {"reuse_factor": factor}}


@pytest.mark.parametrize(("factor", "in_parallel", "out_parallel"), [
    (1, 6, 8), (2, 3, 8), (3, 2, 8), (4, 3, 4), (6, 1, 8), (8, 3, 2), (12, 1, 4), (16, 3, 1), (24, 1, 2), (48, 1, 1),
])
def test_a_reuse_factor_divides_the_inputs_first_and_then_the_outputs(
    factor: int, in_parallel: int, out_parallel: int
) -> None:
    design = design_of_linear(np.zeros((8, 6)), {"layers": {"fc": {"reuse_factor": factor}}})
    layer = one(design, LinearDesign)
    assert (layer.reuse_factor, layer.in_parallel, layer.out_parallel) == (factor, in_parallel, out_parallel)
    assert design.reports[1].reuse_factor == factor and design.reports[1].warnings == ()
    assert design.reports[1].multipliers == 48 // factor
    assert design.arrays["fc/weight"].shape == (factor, 48 // factor)


@pytest.mark.parametrize(("n_in", "n_out", "factor", "moved"), [
    (6, 8, 5, 4), (6, 8, 7, 6), (6, 8, 11, 12), (6, 8, 30, 24), (6, 8, 1000, 48), (7, 1, 3, 1), (7, 1, 5, 7),
    (128, 64, 1, 2),
    (3, 4099, 1, 4099),  # at 3 there would be 4099 units at once, and 4099 is prime
])
def test_a_factor_for_all_layers_moves_to_the_nearest_legal_one_and_says_so(
    n_in: int, n_out: int, factor: int, moved: int
) -> None:
    design = design_of_linear(np.zeros((n_out, n_in)), {"types": {"Linear": {"reuse_factor": factor}}})
    assert one(design, LinearDesign).reuse_factor == moved
    assert design.reports[1].warnings == (
        f"reuse_factor: {factor} is not legal for {n_in * n_out} products, moved to {moved}",
    )


@pytest.mark.parametrize(("n_in", "n_out", "factor", "message"), [
    (6, 8, 5, "5 does not divide the 48 products of layer 'fc'; the nearest legal values are 4 and 6"),
    (6, 8, 7, "7 does not divide the 48 products of layer 'fc'; the nearest legal values are 6 and 8"),
    (6, 8, 96, "96 does not divide the 48 products of layer 'fc'; the nearest legal value is 48"),
    (128, 64, 1, "1 leaves more than 4096 units at once for the 8192 products of layer 'fc'; "
                 "the nearest legal value is 2"),
    (128, 64, 3, "3 does not divide the 8192 products of layer 'fc'; the nearest legal values are 2 and 4"),
])
def test_an_illegal_factor_for_one_layer_is_refused(n_in: int, n_out: int, factor: int, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        design_of_linear(np.zeros((n_out, n_in)), {"layers": {"fc": {"reuse_factor": factor}}})
    assert str(error.value) == f"hls.layers.fc.reuse_factor: {message}"


def neurons(size: int, entry: dict[str, Any], membrane: str = "ap_fixed<8,4>", **parameters: Any) -> Design:
    hls = {"model": {"precision": {"default": membrane}}, **entry}
    integrates = "beta" not in parameters
    values = {f"a/{key}": value for key, value in {"threshold": 1.0, **parameters}.items()}
    return built((leaky("a", "input", size, integrates=integrates),), values, hls, size)


def test_neurons_update_in_groups() -> None:
    design = neurons(12, {"layers": {"a": {"reuse_factor": 3}}})
    assert (one(design, NeuronDesign).reuse_factor, one(design, NeuronDesign).parallel) == (3, 4)
    design = neurons(12, {"types": {"IFNeuron": {"reuse_factor": 5}}})
    assert one(design, NeuronDesign).parallel == 3
    assert design.reports[1].warnings == ("reuse_factor: 5 is not legal for 12 neurons, moved to 4",)
    with pytest.raises(ConfigError) as error:
        neurons(12, {"layers": {"a": {"reuse_factor": 5}}})
    assert str(error.value) == (
        "hls.layers.a.reuse_factor: 5 does not divide the 12 neurons of layer 'a'; the nearest legal values are 4 and 6"
    )


@pytest.mark.parametrize(("size", "factor", "storage", "dimension"), [
    (12, 1, "registers", 0), (12, 2, "lutram", 2), (96, 96, "lutram", 2), (128, 128, "bram", 2), (256, 128, "bram", 2),
])
def test_membranes_lie_in_registers_in_luts_and_from_a_size_on_in_block_ram(
    size: int, factor: int, storage: str, dimension: int
) -> None:
    # 8 bits each: a memory for each neuron at once
    design = neurons(size, {"layers": {"a": {"reuse_factor": factor}}})
    assert one(design, NeuronDesign).storage == storage
    text = texts(design)["firmware/a.cpp"]
    assert f"#pragma HLS ARRAY_PARTITION variable=a_mem complete dim={dimension}\n" in text
    bound = [line for line in text.splitlines() if "BIND_STORAGE" in line]
    pragma = f"#pragma HLS BIND_STORAGE variable=a_mem type=ram_s2p impl={storage}"
    assert bound == ([] if storage == "registers" else [pragma])


@pytest.mark.parametrize(("asked", "factor", "pragmas"), [
    # a row alone is part of the logic
    (None, 1, []), ("bram", 1, []), ("uram", 1, []), ("registers", 1, []),
    (None, 2,
     ["ARRAY_RESHAPE variable=fc_weight complete dim=2", "BIND_STORAGE variable=fc_weight type=rom_1p impl=lutram"]),
    ("lutram", 2,
     ["ARRAY_RESHAPE variable=fc_weight complete dim=2", "BIND_STORAGE variable=fc_weight type=rom_1p impl=lutram"]),
    ("bram", 2,
     ["ARRAY_RESHAPE variable=fc_weight complete dim=2", "BIND_STORAGE variable=fc_weight type=rom_1p impl=bram"]),
    ("registers", 2, ["ARRAY_PARTITION variable=fc_weight complete dim=0"]),
])
def test_weights_lie_where_they_are_asked_to_a_row_in_a_word(asked: Any, factor: int, pragmas: list[str]) -> None:
    entry = {"reuse_factor": factor, **({} if asked is None else {"storage": asked})}
    hls = {"layers": {"fc": entry}} if asked != "uram" else {"model": entry}
    text = texts(design_of_linear(np.zeros((8, 6)), hls))["firmware/fc.cpp"]
    assert [line[12:] for line in text.splitlines() if "variable=fc_weight" in line] == pragmas


@pytest.mark.parametrize(("words", "width", "storage"), [
    (1, 6272, "registers"), (2, 50_000, "lutram"), (28, 28672, "lutram"), (64, 384, "lutram"), (784, 1024, "bram"),
    (784, 512, "bram"), (256, 30, "lutram"), (16384, 1, "bram"), (4096, 2, "lutram"), (100_000, 8, "bram"),
])
def test_weights_lie_in_blocks_where_luts_would_take_more_of_a_part(words: int, width: int, storage: str) -> None:
    assert settled_constants("auto", words, width) == storage


@pytest.mark.parametrize(("layers", "asked", "told"), [
    ((linear("fc", "input", 40, 40),), "uram",
     "ultra RAM cannot begin with values, and weights are constants"),
    ((linear("fc", "input", 40, 40),), "registers",
     "at most 1024 values can be registers, and there are 1600 weights"),
    ((leaky("fc", "input", 2050, integrates=True),), "registers",
     "at most 1024 values can be registers, and there are 2050 membranes"),
])
def test_storage_that_cannot_be_is_refused_by_name_and_else_left_to_the_size(
    layers: tuple[Layer, ...], asked: str, told: str
) -> None:
    neurons = isinstance(layers[0], Neuron)
    size = layers[0].size if neurons else 40
    given = {"fc/threshold": 1.0} if neurons else {"fc/weight": np.ones((40, 40)), "fc/bias": np.ones(40)}
    hls: dict[str, Any] = {"model": {"precision": "ap_int<6>", "reuse_factor": 41 if neurons else 40}}
    with pytest.raises(ConfigError) as error:
        built(layers, given, {**hls, "layers": {"fc": {"storage": asked}}}, size)
    near = "bram" if asked == "uram" else "lutram"
    assert str(error.value) == f"hls.layers.fc.storage: {told} in layer 'fc', found {asked}; write {near}"
    hls["model"]["storage"] = asked
    report = built(layers, given, hls, size).reports[1]
    assert report.warnings[-1] == f"storage: {told}, moved from {asked} to auto"
    assert report.storage == "lutram"


@st.composite
def grouped(draw: st.DrawFn) -> tuple[NDArray[np.int64], int]:
    n_in, n_out = draw(st.integers(1, 12)), draw(st.one_of(st.integers(1, 12), st.integers(13, 40)))
    factor = draw(st.sampled_from([f for f in range(1, n_in * n_out + 1) if n_in * n_out % f == 0]))
    return np.arange(1, n_in * n_out + 1).reshape(n_out, n_in), factor


@settings(max_examples=200, deadline=None)
@given(grouped())
def test_the_grouped_weights_multiply_as_the_matrix_does(drawn: tuple[NDArray[np.int64], int]) -> None:
    weight, factor = drawn
    n_out, n_in = weight.shape
    design = design_of_linear(weight, {"layers": {"fc": {"reuse_factor": factor}}})
    layer, stored = one(design, LinearDesign), design.arrays["fc/weight"]
    groups_in, groups_out = n_in // layer.in_parallel, n_out // layer.out_parallel
    assert groups_in * groups_out == factor and groups_in * layer.in_parallel == n_in
    assert groups_out * layer.out_parallel == n_out and stored.flags.c_contiguous
    values = [7 * i - 11 for i in range(n_in)]
    sums = [0] * n_out
    # a row for each group of inputs of each group of outputs; in it, up to 32 outputs side by side
    for h in range(groups_out):
        for g in range(groups_in):
            row = iter(stored[h * groups_in + g].tolist())
            for block in (range(q, min(q + 32, layer.out_parallel)) for q in range(0, layer.out_parallel, 32)):
                for p in range(layer.in_parallel):
                    for q in block:
                        sums[h * layer.out_parallel + q] += next(row) * values[g * layer.in_parallel + p]
    assert sums == [sum(int(weight[o, i]) * values[i] for i in range(n_in)) for o in range(n_out)]


@pytest.mark.parametrize(("kind", "width"), [
    ("ap_fixed<8,4>", 8), ("ap_ufixed<7,4>", 8), ("ap_ufixed<8,4>", 9), ("ap_fixed<4,4>", 4), ("ap_ufixed<63,4>", 64),
])
def test_weights_are_as_wide_as_their_mantissas_with_a_sign(kind: str, width: int) -> None:
    assert one(design_of_linear([[0]], {}, kind=kind), LinearDesign).weight_width == width


@pytest.mark.parametrize(("value", "kind", "multipliers"), [
    ("ap_uint<1>", "ap_int<4>", 0), ("ap_int<2>", "ap_int<4>", 12), ("ap_ufixed<8,0>", "ap_uint<1>", 12),
])
def test_a_synapse_of_spikes_has_no_multipliers(value: str, kind: str, multipliers: int) -> None:
    design = design_of_linear(np.zeros((4, 6)), reuse(2), value, kind)
    assert design.reports[1].multipliers == multipliers


@pytest.mark.parametrize(("parameters", "multipliers"), [
    ({}, 0), ({"beta": 0.5}, 0), ({"beta": 0.0}, 0), ({"beta": 0.75}, 3), ({"beta": [0.5] * 6}, 3),
])
def test_a_neuron_multiplies_unless_its_beta_is_a_known_power_of_two(
    parameters: dict[str, Any], multipliers: int
) -> None:
    design = neurons(6, {"layers": {"a": {"reuse_factor": 2}}}, **parameters)
    assert design.reports[1].multipliers == multipliers


@pytest.mark.parametrize(("beta", "multipliers", "integrator"), [
    (1.0, 0, "accumulate"), (0.25, 0, "leak"), (0.75, 3, "leak"),
])
def test_a_readout_multiplies_unless_its_beta_is_a_power_of_two(beta: float, multipliers: int, integrator: str) -> None:
    layers = (readout("input", 3, "membrane", "argmax_membrane", beta=beta),)
    design = built(layers, {}, {"model": {"precision": "ap_fixed<8,4>"}}, 3)
    assert (design.reports[1].multipliers, one(design, ReadoutDesign).integrator) == (multipliers, integrator)


@st.composite
def sums(draw: st.DrawFn) -> tuple[FixedType, int]:
    width = draw(st.integers(1, 8))
    kind = FixedType(width, draw(st.integers(-8, 10)), draw(st.booleans()), draw(st.sampled_from(QUANTIZATIONS)),
                     draw(st.sampled_from(OVERFLOWS)))
    return kind, draw(st.integers(-2 * 128 * 128, 2 * 128 * 128))


def through_the_register(accum: FixedType, exact: int) -> int:
    """Accum of a sum of two products of 8 by 8 bits, 7 of them after the point, as the generated types take it."""
    layer = one(design_of_linear([[0, 0]], {}, "ap_fixed<8,5>", "ap_fixed<8,4>", accum.cpp_fixed), LinearDesign)
    register = FixedType.parse(layer.acc_type)
    assert (layer.sum_width, layer.accum_type, register.width) == (17, accum.cpp_fixed, layer.acc_width)
    # the register takes integers and keeps the last bits of them
    return int(accum.cast(register.cast(exact, register.frac), register.frac))


@settings(max_examples=300, deadline=None)
@given(sums())
def test_the_bits_kept_of_a_sum_give_accum_the_value_that_all_bits_would(drawn: tuple[FixedType, int]) -> None:
    accum, exact = drawn
    assert through_the_register(accum, exact) == int(accum.cast(exact, 7))


@pytest.mark.parametrize(("kind", "exact", "expected"), [
    ("ap_fixed<4,2>", -2.3125, 6),  # −9.25 quarters → −10 → 6
    ("ap_fixed<4,2,AP_TRN_ZERO>", -2.3125, 7),  # −9.25 quarters → −9 → 7
    ("ap_fixed<4,2,AP_RND_ZERO>", -2.375, 7),  # −9.5 quarters → −9 → 7
    ("ap_fixed<4,2,AP_RND_INF>", -2.375, 6),  # −9.5 quarters → −10 → 6
    ("ap_fixed<4,0>", 1.0, 0),
    ("ap_fixed<4,-7>", 2.0**-7, 0),  # one step of the sum is twice the range of accum
])
def test_a_sum_beyond_an_accum_that_wraps_is_rounded_by_its_own_sign(kind: str, exact: float, expected: int) -> None:
    assert through_the_register(FixedType.parse(kind), int(exact * 128)) == expected


FULL: dict[str, Any] = {
    "layers": (
        linear("fc1", "input", 6, 8), leaky("lif1", "fc1", 8),
        linear("fc2", "lif1", 8, 4, bias=False), leaky("lif2", "fc2", 4, reset_mechanism="zero", reset_delay=False),
        readout("lif2", 4, rule="first_to_threshold", class_threshold=2, emit="step"),
    ),
    "parameters": {
        "fc1/weight": np.arange(48).reshape(8, 6) / 16, "fc1/bias": np.arange(8) / 8, "lif1/beta": 0.75,
        "lif1/threshold": 1.5, "fc2/weight": np.arange(32).reshape(4, 8) / 16, "lif2/beta": [0.25, 0.5, 0.75, 1.0],
        "lif2/threshold": [1.0, 2.0, 3.0, 4.0],
    },
    "hls": {"model": {"precision": {"default": "ap_fixed<12,4>"}}},
}


def test_the_design_of_every_layer_in_full() -> None:
    design = built(**FULL)
    port, spikes = "ap_fixed<12,4>", "ap_uint<1>"
    scalar = Parameter(port, "short", 192)
    assert design.layers == (
        InputDesign("input", Port(6, port, 6), 6, False, Edge(128, 6, 1, True)),
        LinearDesign("fc1", Port(6, port, 6), Port(8, port, 8), 1, 6, 8, "dense", 6, None, "registers", 12,
                     Parameter(port, "short", None), 26, 20, "ap_fixed<20,4>", port, port),
        NeuronDesign("lif1", Port(8, port, 8), Port(8, spikes, 8), 1, 8, "registers", "LIFNeuron",
                     equations("subtract"), {"mem": port},
                     {"beta": scalar, "threshold": Parameter(port, "short", 384)}, False),
        LinearDesign("fc2", Port(8, spikes, 8), Port(4, port, 4), 1, 8, 4, "dense", 8, None, "registers", 12, None, 15,
                     12, port, port, port),
        NeuronDesign("lif2", Port(4, port, 4), Port(4, spikes, 4), 1, 4, "registers", "LIFNeuron",
                     equations("zero", delay=False), {"mem": port},
                     {"beta": Parameter(port, "short", None), "threshold": Parameter(port, "short", None)}, False),
        ReadoutDesign("readout", Port(4, spikes, 4), 4, "ap_ufixed<3,3>", "ap_ufixed<2,2>", "accumulate",
                      "first_to_threshold", True, 2, None, "count", Edge(8, 1, 1, True)),
    )
    assert {key: value.shape for key, value in design.arrays.items()} == {
        "fc1/weight": (1, 48), "fc1/bias": (1, 8), "fc2/weight": (1, 32), "lif2/beta": (1, 4), "lif2/threshold": (1, 4)
    }
    assert [(item.name, item.type, item.reuse_factor, item.parameters) for item in design.reports] == [
        ("input", "Input", None, 0), ("fc1", "Linear", 1, 56), ("lif1", "LIFNeuron", 1, 2), ("fc2", "Linear", 1, 32),
        ("lif2", "LIFNeuron", 1, 8), ("readout", "Readout", None, 0),
    ]
    assert [(item.strategy, item.storage) for item in design.reports] == [
        (None, None), ("dense", "registers"), (None, "registers"), ("dense", "registers"), (None, "registers"),
        (None, None),
    ]
    assert design.reports[2].precision == {"beta": port, "threshold": port, "membrane": port}
    assert design.reports[5].precision == {"membrane": "ap_uint<3>", "result": "ap_uint<2>"}


def test_findings_become_warnings_of_their_layer_and_names_become_identifiers() -> None:
    layers = (linear("net.0", "input", 2, 2, bias=False), leaky("net.1", "net.0", 2, integrates=True))
    ingress = Input((2,), "fixed_window", 1)
    parameters = {"net.0/weight": np.ones((2, 2)), "net.1/threshold": np.asarray(1.0)}
    stimulus = Stimulus(np.zeros((1, 1, 2), np.float32), np.array([1]), None)
    hls = {"model": {"precision": "ap_int<4>", "reuse_factor": 3}}
    found = quantize(Network((ingress, *layers)), parameters, hls, stimulus)
    design = schedule(found.typed, found.integers, hls, "parallel", (Finding("net.0", "first"), Finding("net.1", "b")))
    assert [item.warnings for item in design.reports] == [
        (), ("first", "reuse_factor: 3 is not legal for 4 products, moved to 2"),
        ("b", "reuse_factor: 3 is not legal for 2 neurons, moved to 2"),
    ]
    assert design.names == {"input": "input", "net_0": "net.0", "net_1": "net.1"}
    assert [item.id for item in design.layers] == ["input", "net_0", "net_1"]
    assert list(design.arrays) == ["net_0/weight"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_design_and_its_slices_are_plain_json(case: Case) -> None:
    quantized = quantize(case.network, case.parameters, case.hls, case.stimulus)
    design = schedule(quantized.typed, quantized.integers, case.hls, "stream", quantized.findings)
    keys = {"io", "structure", "output", "layers", "channels", "reports", "names"}
    assert set(json.loads(json.dumps(design.to_json()))) == keys
    units = slices(design)
    assert list(units) == [*(layer.id for layer in design.layers), "top", "tb"]
    assert json.loads(json.dumps([text for text, _ in units.values()])) == [text for text, _ in units.values()]


def changed(**parts: Any) -> set[str]:
    """Units whose slice differs from that of FULL."""
    before, after = (
        {unit: (text, {key: value.tolist() for key, value in arrays.items()})
         for unit, (text, arrays) in slices(built(**chosen)).items()}
        for chosen in (FULL, {**FULL, **parts})
    )
    return {unit for unit in before.keys() | after.keys() if before.get(unit) != after.get(unit)}


def with_hls(**layers: dict[str, Any]) -> dict[str, Any]:
    return {"hls": {**FULL["hls"], "layers": layers}}


def with_parameter(key: str, value: Any) -> dict[str, Any]:
    return {"parameters": {**FULL["parameters"], key: value}}


def with_readout(**options: Any) -> dict[str, Any]:
    return {"layers": (*FULL["layers"][:-1], replace(FULL["layers"][-1], **options))}


EVERYTHING = {"input", "fc1", "lif1", "fc2", "lif2", "readout", "top", "tb"}


@pytest.mark.parametrize(("parts", "units"), [
    ({}, set()),
    (with_parameter("fc1/weight", np.zeros((8, 6))), {"fc1"}),
    (with_parameter("fc1/bias", np.zeros(8)), {"fc1"}),
    (with_parameter("lif1/threshold", 1.25), {"lif1"}),
    (with_parameter("lif2/threshold", [1.0, 2.0, 3.0, 5.0]), {"lif2"}),
    # two inputs at once: the spikes before them still come eight in a beat
    (with_hls(fc2={"reuse_factor": 4}), {"fc2"}),
    (with_hls(lif1={"reuse_factor": 4}), {"lif1"}),
    (with_hls(fc1={"reuse_factor": 2}), {"fc1", "input"}),
    (with_hls(fc1={"precision": {"weight": "ap_fixed<6,4>"}}), {"fc1"}),
    (with_hls(lif1={"precision": {"membrane": "ap_fixed<9,4>"}}), {"lif1"}),
    (with_hls(fc1={"precision": {"result": "ap_fixed<9,4>"}}), {"fc1", "lif1"}),
    (with_hls(input={"precision": {"result": "ap_fixed<9,4>"}}), {"input", "fc1", "top", "tb"}),
    (with_readout(class_threshold=3), {"readout"}),
    (with_readout(decision_rule="argmax_spike_count"), {"readout"}),
    ({"window": 7}, {"input"}),
    ({"window": 8}, {"input", "readout"}),
    ({"policy": "never"}, {"input", "readout"}),
    ({"io": "parallel"}, EVERYTHING),
])
def test_the_slice_of_a_unit_changes_only_with_what_its_text_rests_on(parts: dict[str, Any], units: set[str]) -> None:
    assert changed(**parts) == units
