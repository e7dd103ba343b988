"""The estimate against arithmetic done by hand, and against the pragmas of the code that is generated."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from cases import CASES, Case
from projects import designed, texts

from hlspike.generators.design import (
    CloneDesign,
    Design,
    InputDesign,
    Io,
    LayerDesign,
    LayerReport,
    LinearDesign,
    NeuronDesign,
    Parameter,
    ReadoutDesign,
)
from hlspike.generators.estimate.cycles import work
from hlspike.generators.estimate.memory import Memory
from hlspike.generators.estimate.whole import Estimate, LayerEstimate, estimate
from hlspike.generators.hardware import lanes
from hlspike.generators.hardware.channels import channels
from hlspike.generators.hardware.storage import settled, settled_constants
from hlspike.generators.hardware.wires import Edge, Port
from hlspike.generators.neurons.leaky import equations
from hlspike.generators.typed import TypedLinear, TypedNeuron

UNKNOWN = Edge(8, 1, 1, True)
SPIKE = "ap_uint<1>"
CURRENT = "ap_fixed<16,6>"


def of(io: Io, *layers: LayerDesign) -> Design:
    reports = tuple(LayerReport(layer.id, "Any", None, None, None, {}, 0, 7, ()) for layer in layers)
    inputs = {after.id: [before.id] for before, after in pairwise(layers)}
    joined, between = lanes.connected(*channels(layers, inputs, {}), io)
    names = {layer.id: layer.id.upper() for layer in layers}
    return Design(io, joined, between, reports, names, {}, lanes.output_edge(joined[-1]))


def ingress(port: Port, window: int = 0) -> InputDesign:
    return InputDesign("input", port, window, False, UNKNOWN)


def linear(name: str, given: Port, port: Port, in_parallel: int, out_parallel: int, bias: bool = True) -> LinearDesign:
    reuse_factor = given.size * port.size // (in_parallel * out_parallel)
    kind = Parameter("ap_fixed<12,4>", "short", None) if bias else None
    storage = settled_constants("auto", reuse_factor, in_parallel * out_parallel * 6)
    return LinearDesign(
        name, given, port, reuse_factor, in_parallel, out_parallel, "dense", in_parallel, None, storage, 6, kind,
        17, 15, "ap_fixed<15,9>", "ap_fixed<17,9>", CURRENT,
    )


def leaky(name: str, given: Port, port: Port, parallel: int, **options: Any) -> NeuronDesign:
    chosen = {"beta": Parameter("ap_ufixed<8,0>", "short", 200), "threshold": Parameter(CURRENT, "short", 1), **options}
    inhibition, immediate = chosen.pop("inhibition", False), chosen.pop("immediate", False)
    kind = chosen.pop("membrane_type", "ap_fixed<10,3,AP_RND,AP_SAT>")
    parameters = {key: one for key, one in chosen.items() if isinstance(one, Parameter)}
    own = equations(options.get("reset", "none"), not immediate, "beta" if "beta" in parameters else "")
    groups = given.size // parallel
    return NeuronDesign(
        name, given, port, groups, parallel, settled("auto", groups, 10), "LIFNeuron", own, {"mem": kind}, parameters,
        inhibition,
    )


def readout(given: Port, rule: Any = "argmax") -> ReadoutDesign:
    types = "ap_ufixed<5,5>", "ap_ufixed<4,4>"
    return ReadoutDesign("readout", given, given.size, *types, "accumulate", rule, False, 1, None, "count", UNKNOWN)


PIXELS, CURRENTS = Port(784, SPIKE, 0), Port(128, CURRENT, 0)
SPIKES, CLASSES = Port(128, SPIKE, 0), Port(10, CURRENT, 0)
NETWORK = (
    ingress(PIXELS, 20),
    linear("fc1", PIXELS, CURRENTS, 1, 128),
    leaky("lif1", CURRENTS, SPIKES, 16),
    linear("fc2", SPIKES, CLASSES, 1, 5, bias=False),
    readout(CLASSES),
)


def memories(layer: LayerEstimate) -> dict[str, tuple[int, int, int, int]]:
    return {one.name: (one.banks, one.words, one.width, one.bram_18k) for one in layer.memories}


@pytest.mark.parametrize("io", ["parallel", "stream"])
def test_the_interval_is_that_of_the_slowest_layer(io: Io) -> None:
    found = estimate(of(io, *NETWORK))
    # a beat per input of fc1; fc1: 784 groups of one input and 128 outputs; lif1: 128 / 16; fc2: 128 · 2 pairs of
    # groups; the readout looks at all classes at once
    assert [layer.cycles for layer in found.layers] == [784, 784, 8, 256, 1]
    # words are divided; weights are read, added and given the bias: 2 cycles; membranes are read, and an input added,
    # rounded, saturated (compared, selected) and compared with the threshold behind a small product: 1 + 1 + 5 / 2;
    # fc2 only adds; a count, four levels of largest (compared, selected): (1 + 8) / 2
    assert [layer.fill for layer in found.layers] == [1, 2, 5, 2, 5]
    assert (found.latency, found.interval) == (1833 + 15, 784 + 2)
    assert [layer.name for layer in found.layers] == ["INPUT", "FC1", "LIF1", "FC2", "READOUT"]
    assert found.multipliers == 5 * 7
    # fc1: 128 · (1 + 1 for the bias); lif1: one each for 16 neurons, one to round; fc2: 5 · 1; readout: 10 classes
    assert [layer.adders for layer in found.layers] == [0, 256, 32, 5, 10]
    # 784 · 128 · 6 + 128 · 12; 128 · 10 · 6
    assert [layer.weight_bits for layer in found.layers] == [0, 603648, 0, 7680, 0]
    # a counter to 19; 128 membranes of 10 bits and one for all; 10 counts of 5 bits and one for all
    assert [layer.state_bits for layer in found.layers] == [5, 0, 1281, 0, 51]


def test_a_design_that_does_everything_at_once_is_one_pipeline() -> None:
    small, hidden, spikes, classes = Port(8, CURRENT, 0), Port(16, CURRENT, 0), Port(16, SPIKE, 0), Port(4, CURRENT, 0)
    layers = (
        ingress(small), linear("fc1", small, hidden, 8, 16), leaky("lif1", hidden, spikes, 16),
        linear("fc2", spikes, classes, 16, 4), readout(classes),
    )
    at_once = estimate(of("parallel", *layers))
    # a state is ready again once its product is formed, the input added, rounded and saturated: 1 + 4 / 2
    assert (at_once.latency, at_once.interval) == (5 + sum(layer.fill for layer in at_once.layers), 3)
    # arrays are written once a timestep and read once, and nothing is kept twice
    assert memories(at_once.layers[1])["array"] == (16, 1, 16, 0)
    # a single reuse factor above 1 makes it a dataflow
    shared = (*layers[:2], leaky("lif1", hidden, spikes, 8), *layers[3:])
    found = estimate(of("parallel", *shared))
    # two groups, and the depth of the pipeline behind the second
    assert (found.latency, found.interval) == (6 + sum(layer.fill for layer in found.layers), 2 + 5)
    assert memories(found.layers[1])["array"] == (32, 1, 16, 0)
    assert estimate(of("stream", *layers)).interval == 3


def test_memories_between_layers_and_within() -> None:
    arrays, fifos = (estimate(of(io, *NETWORK)) for io in ("parallel", "stream"))
    # a row of 128 weights is 768 bits, 43 blocks of 1024 x 18; one of fc2 is 5 · 6 bits, 120 LUTs
    assert [layer.resources.bram_18k for layer in arrays.layers] == [0, 43, 0, 0, 0]
    # between layers in both halves of a ping-pong; fc1 gives its 128 outputs at once, 16 spikes are given at once, and
    # fc2 takes one
    weights = {"weight": (1, 784, 768, 43), "bias": (1, 1, 1536, 0)}
    assert memories(arrays.layers[0]) == {"array": (2, 784, 1, 0)}
    assert memories(arrays.layers[1]) == {**weights, "array": (256, 1, 16, 0)}
    assert memories(arrays.layers[2]) == {"mem": (16, 8, 10, 0), "array": (32, 8, 1, 0)}
    # a FIFO holds a timestep, but two beats at least; `last` is in each; two beats are shift registers
    assert memories(fifos.layers[0]) == {"fifo": (1, 784, 2, 1)}
    assert memories(fifos.layers[1]) == {**weights, "fifo": (1, 2, 2049, 0)}
    assert memories(fifos.layers[2]) == {"mem": (16, 8, 10, 0), "fifo": (1, 8, 17, 0)}
    # fc2 has two groups of outputs, and needs its inputs for both
    assert memories(fifos.layers[3]) == {"weight": (1, 256, 30, 0), "kept": (1, 128, 1, 0), "fifo": (1, 2, 161, 0)}
    assert memories(fifos.layers[4]) == {}
    assert fifos.resources.bram_18k == 43 + 1


@pytest.mark.parametrize(
    ("banks", "words", "width", "blocks"),
    [
        (1, 1023, 1, 0),  # below 1024 bits
        (1, 1024, 1, 1),
        (1, 2, 4096, 0),  # registers
        (1, 3, 4096, 114),  # 512 x 36: 113.8
        (1, 512, 36, 1),
        (1, 513, 36, 2),  # 1024 x 18, twice
        (1, 16384, 1, 1),
        (1, 16385, 1, 2),
        (1, 600, 40, 3),  # 1024 x 18, thrice; 512 x 36 would take 4
        (1, 5000, 5, 3),  # 2048 x 9, thrice, or 8192 x 2, thrice; 4096 x 4 would take 4
        (7, 784, 6, 7),
    ],
)
def test_blocks_of_a_memory(banks: int, words: int, width: int, blocks: int) -> None:
    assert Memory("any", banks, words, width).bram_18k == blocks


@pytest.mark.parametrize(
    ("options", "parallel", "cycles", "adders"),
    [  # the last of the adders round, once a cast that drops bits
        ({}, 1, 8, 1 + 1),
        ({"decay": "integrate", "beta": None}, 2, 4, 2 + 2),
        ({"reset": "subtract"}, 2, 4, 4 + 2),
        ({"reset": "subtract", "immediate": True}, 2, 4, 6 + 4),
        ({"reset": "zero", "immediate": True}, 8, 1, 8 + 8),
        # 4 groups to update, 4 groups to fire; a margin of each neuron
        ({"inhibition": True}, 2, 8, 4 + 2),
        ({"inhibition": True, "reset": "subtract", "immediate": True}, 8, 2, 32 + 16),
    ],
)
def test_eight_neurons(options: dict[str, Any], parallel: int, cycles: int, adders: int) -> None:
    given, port = Port(8, CURRENT, 8), Port(8, SPIKE, 8)
    layer = estimate(of("parallel", ingress(given), leaky("lif", given, port, parallel, **options))).layers[1]
    assert (layer.cycles, layer.adders, layer.weight_bits, layer.state_bits) == (cycles, adders, 0, 81)


def test_vectors_of_neurons_are_stored_and_split_like_the_membranes() -> None:
    given, port = Port(2048, CURRENT, 32), Port(2048, SPIKE, 512)
    beta, threshold = Parameter("ap_ufixed<8,0>", "short", None), Parameter("ap_fixed<11,3>", "short", None)
    neurons = leaky("lif", given, port, 2, beta=beta, threshold=threshold, inhibition=True)
    layer = estimate(of("stream", ingress(given), neurons)).layers[1]
    assert layer.weight_bits == 2048 * (8 + 11)
    # 1024 · 10 and 1024 · 11 bits: 1024 x 18; 1024 · 8: 2048 x 9; 1024 bits of resets: one block all the same
    assert memories(layer) == {
        "mem": (2, 1024, 10, 2), "beta": (2, 1024, 8, 2), "threshold": (2, 1024, 11, 2), "resets": (2, 1024, 1, 2),
        "fifo": (1, 1024, 3, 1),
    }
    # 1024 to update, 1024 to fire
    assert layer.cycles == 2048


def test_what_no_beat_can_hold_at_once_takes_several() -> None:
    # 512 currents of 16 bits are two beats of 4096 bits, less one for `last`: the widest divisor of 512 is 128 values
    few, many, spikes = Port(4, CURRENT, 0), Port(512, CURRENT, 0), Port(512, SPIKE, 0)
    layers = ingress(few), linear("fc", few, many, 4, 512), leaky("lif", many, spikes, 512)
    streamed = estimate(of("stream", *layers)).layers
    assert [layer.cycles for layer in streamed] == [1, 4, 4]
    assert memories(streamed[1])["fifo"] == (1, 4, 128 * 16 + 1, 57)
    assert [layer.cycles for layer in estimate(of("parallel", *layers)).layers] == [1, 1, 1]


def test_a_vector_that_leaves_takes_a_cycle_for_each_word() -> None:
    # 100 currents of 16 bits in words of 32, of which the last holds 4
    given, port = Port(4, CURRENT, 0), Port(100, CURRENT, 0)
    found = estimate(of("stream", ingress(given), linear("fc", given, port, 4, 100)))
    assert (found.latency, found.interval) == (1 + 1 + 4 + sum(layer.fill for layer in found.layers), 4 + 1)


@pytest.mark.parametrize(
    ("rule", "adders", "state_bits"), [("argmax", 2, 11), ("binary_logit", 3, 11), ("first_to_threshold", 2, 16)]
)
def test_the_readout_of_two_classes(rule: str, adders: int, state_bits: int) -> None:
    given = Port(2, SPIKE, 2)
    layer = estimate(of("parallel", ingress(given), readout(given, rule))).layers[1]
    assert (layer.cycles, layer.adders, layer.state_bits, layer.memories) == (1, adders, state_bits, ())


def lanes_of(design: Design) -> Port:
    last = design.layers[-1]
    assert not isinstance(last, ReadoutDesign)
    return last.output


both = pytest.mark.parametrize("io", ["parallel", "stream"])
every = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@both
@every
def test_totals_are_sums_and_agree_with_the_network(case: Case, io: Io) -> None:
    quantized, design = designed(case, io)
    found = estimate(design)
    bits = 0
    for typed in quantized.typed.layers:
        # from the types, not from the design: an unsigned weight is kept with a sign
        if isinstance(typed, TypedLinear):
            bits += typed.layer.in_features * typed.layer.size * (typed.weight.width + (not typed.weight.signed))
            bits += 0 if typed.bias is None else typed.layer.size * typed.bias.width
        elif isinstance(typed, TypedNeuron):
            for key, kind in typed.parameters.items():
                vector = quantized.integers[f"{typed.layer.name}/{key}"].ndim == 1
                bits += typed.layer.size * kind.width if vector else 0
    assert found.weight_bits == bits
    assert found.multipliers == sum(report.multipliers for report in design.reports)
    leaves = 0 if case.network.readout else max(design.output.words, lanes_of(design).beats)
    assert found.latency == longest(design, found, design.layers[-1].id) + leaves
    slowest = max(leaves, *(layer.cycles for layer in found.layers))
    assert work(design) == slowest
    # the last iteration ends as much later as the pipeline is deep; a state is updated before it is needed again
    most = max(leaves + 1, *(layer.cycles + layer.fill for layer in found.layers))
    assert (1 if design.structure == "pipeline" else slowest) <= found.interval <= most
    plain = found.to_json()
    assert json.loads(json.dumps(plain)) == plain
    for key in ("multipliers", "adders", "weight_bits", "state_bits", "dsp", "bram_18k", "uram"):
        assert plain[key] == sum(layer[key] for layer in plain["layers"])
    for key in ("lut", "ff"):  # and those of the interface
        assert plain[key] > sum(layer[key] for layer in plain["layers"])


PARTITION = re.compile(r"#pragma HLS ARRAY_PARTITION variable=(\w+) complete dim=[02]")


def longest(design: Design, found: Estimate, unit: str) -> int:
    """Cycles of the longest way from the ingress to the end of `unit`."""
    told = found.layers[[layer.id for layer in design.layers].index(unit)]
    before = [longest(design, found, channel.source) for channel in design.channels if channel.target == unit]
    return told.cycles + told.fill + max(before, default=0)


@both
@every
def test_memories_are_split_as_the_generated_pragmas_say(case: Case, io: Io) -> None:
    _, design = designed(case, io)
    code = texts(design)
    for layer, found in zip(design.layers, estimate(design).layers, strict=True):
        banks = {one.name: one.banks for one in found.memories}
        if isinstance(layer, NeuronDesign):
            split = {name.removeprefix(f"{layer.id}_") for name in PARTITION.findall(code[f"firmware/{layer.id}.cpp"])}
            assert split == {*layer.held, *layer.parameters} & set(banks)
            assert {banks[name] for name in split} == {layer.parallel}
    arrays = [re.split(r"_out\d*$", name)[0] for name in PARTITION.findall(code["firmware/top.cpp"])]
    copies = {layer.id: layer.copies if isinstance(layer, CloneDesign) else 1 for layer in design.layers}
    copies.pop("readout", None)
    assert Counter(arrays) == (copies if io == "parallel" else {})
    depths = re.findall(r"#pragma HLS STREAM variable=(\w+)_out\d* depth=(\d+)", code["firmware/top.cpp"])
    fifos = [
        (layer.id, str(memory.words))
        for layer, found in zip(design.layers, estimate(design).layers, strict=True)
        for memory in found.memories
        if memory.name == "fifo"
    ]
    assert depths == fifos
