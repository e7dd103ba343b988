"""Scheduling: a TypedNetwork becomes a Design, in which every reuse factor and every width is settled.

A layer of n neurons with reuse factor RF updates n / RF at once; of synapses see `synapses`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.design import (
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
from hlspike.generators.estimate.neurons import products
from hlspike.generators.estimate.values import multiplies
from hlspike.generators.fixed import SPIKE, FixedType
from hlspike.generators.hardware import lanes, legal, limits, merges, synapses
from hlspike.generators.hardware.channels import channels
from hlspike.generators.hardware.storage import Storage, settled
from hlspike.generators.hardware.strategy import Strategy
from hlspike.generators.hardware.wires import Edge, Port
from hlspike.generators.ir import type_name
from hlspike.generators.precision.parameters import Finding
from hlspike.generators.precision.resolve import Resolution
from hlspike.generators.settle.identifiers import clones, parts
from hlspike.generators.typed import (
    Integers,
    TypedInput,
    TypedLayer,
    TypedLinear,
    TypedMerge,
    TypedNetwork,
    TypedNeuron,
    TypedReadout,
    of_layer,
)

_CLASSES = 32
"""Most classes that a readout looks at in one cycle: a tree of comparisons five deep."""
_EDGE = Edge(0, 0, 0, False)
"""Until `lanes.connected` has settled it."""
_RULES: dict[str, Any] = {
    "argmax_spike_count": "argmax",
    "argmax_membrane": "argmax",
    "threshold_then_argmax": "threshold_then_argmax",
    "first_to_threshold": "first_to_threshold",
    "binary_logit": "binary_logit",
}
_WITH_THRESHOLD = ("threshold_then_argmax", "first_to_threshold")


def schedule(
    typed: TypedNetwork,
    integers: Integers,
    hls: Mapping[str, Any],
    io: Io,
    findings: Iterable[Finding] = (),
) -> Design:
    """The design of `typed`.

    Args:
        hls: the configuration key of that name; its reuse factors are read here.
        io: how layers hand over a timestep: arrays or streams of packs.
        findings: what quantisation had to say; each becomes a warning of its layer.
    Raises:
        ConfigError: a reuse factor named for one layer does not divide its work or leaves too much of it at once, or
            the design is beyond another of the tools' limits.
    """
    resolution = Resolution.of(hls, typed.network)
    structure = [(layer.layer.name, layer.layer.inputs) for layer in typed.layers]
    ids, cloned = parts(structure), clones(structure)
    warnings: dict[str, list[str]] = {layer.layer.name: [] for layer in typed.layers}
    for finding in findings:
        warnings[finding.layer].append(finding.message)
    layers, reports = [], []
    arrays: dict[str, NDArray[np.int64]] = {}
    for layer in typed.layers:
        name = layer.layer.name
        with of_layer(name):
            design, own = _scheduled(layer, integers, resolution, ids[name], warnings[name])
        layers.append(design)
        arrays |= {f"{ids[name]}/{key}": value for key, value in own.items()}
        reports.append(_report(layer, design, integers, tuple(warnings[name])))
        if name in cloned:
            reports.append(LayerReport(cloned[name], "Clone", None, None, None, {}, 0, 0, ()))
    inputs = {ids[name]: [ids[source] for source in sources] for name, sources in structure}
    cloning = {ids[name]: ids[clone] for name, clone in cloned.items()}
    placed, unsettled = channels(merges.paced(layers), inputs, cloning)
    joined, between = lanes.connected(placed, unsettled, io)
    names = {ids[name]: name for name in ids}
    whole = Design(io, joined, between, tuple(reports), names, arrays, lanes.output_edge(joined[-1]))
    limits.check(whole)
    return whole


def _scheduled(
    layer: TypedLayer, integers: Integers, resolution: Resolution, identifier: str, warnings: list[str]
) -> tuple[LayerDesign, dict[str, NDArray[np.int64]]]:
    match layer:
        case TypedInput():
            window = layer.layer.window_size or 0 if layer.layer.reset_policy == "fixed_window" else 0
            port = Port.of(layer.layer.size, layer.result)
            return InputDesign(identifier, port, window, layer.layer.told, _EDGE), {}
        case TypedLinear():
            return synapses.scheduled(layer, integers, resolution, identifier, warnings)
        case TypedNeuron():
            return _neuron(layer, integers, resolution, identifier, warnings)
        case TypedMerge():
            return merges.scheduled(layer, identifier), {}
        case TypedReadout():
            beta = None if layer.beta is None else Parameter.of(layer.beta, integers[f"{layer.layer.name}/beta"])
            return (
                ReadoutDesign(
                    identifier,
                    Port.of(layer.layer.size, layer.input),
                    max(legal.divisors(layer.layer.size, _CLASSES)),
                    layer.state.cpp_fixed,
                    layer.result.cpp_fixed,
                    "accumulate" if beta is None else "leak",
                    _RULES[layer.layer.decision_rule],
                    layer.layer.emit == "step",
                    layer.layer.class_threshold if layer.layer.decision_rule in _WITH_THRESHOLD else None,
                    beta,
                    "count" if layer.layer.output_mode == "spike" else "mem",
                    lanes.decision_edge(layer.result.cpp_fixed),
                ),
                {},
            )
        case _:
            assert_never(layer)


def _neuron(
    layer: TypedNeuron, integers: Integers, resolution: Resolution, identifier: str, warnings: list[str]
) -> tuple[NeuronDesign, dict[str, NDArray[np.int64]]]:
    name, size = layer.layer.name, layer.layer.size
    asked, crowded = resolution.reuse_factor(layer.layer), partial(_crowded, size)
    reuse_factor = legal.reuse_factor(asked, name, size, "neurons", crowded, warnings)
    # a single group is read whole at every step, and can be nothing else than registers
    held = size if reuse_factor > 1 else 0
    storage = legal.storage(resolution.storage(layer.layer), name, "membranes", held, False, warnings)
    parameters: dict[str, Parameter] = {}
    arrays = {}
    for key, kind in layer.parameters.items():
        values = integers[f"{name}/{key}"]
        parameters[key] = Parameter.of(kind, values)
        if parameters[key].scalar is None:
            arrays[key] = values.reshape(reuse_factor, -1)
    widest = max(layer.state(state.name).width for state in layer.layer.equations.held)
    design = NeuronDesign(
        identifier,
        Port.of(size, layer.input),
        Port.of(size, SPIKE),
        reuse_factor,
        size // reuse_factor,
        "registers" if reuse_factor == 1 else settled(storage, reuse_factor, widest),
        layer.layer.types[0],
        layer.layer.equations,
        {state.name: layer.state(state.name).cpp_fixed for state in layer.layer.equations.states},
        parameters,
        layer.layer.inhibition,
    )
    return design, arrays


def _crowded(size: int, reuse_factor: int) -> str:
    return limits.crowded(size // reuse_factor, {"neurons": size // reuse_factor})


def _report(
    layer: TypedLayer, design: LayerDesign, integers: Integers, warnings: tuple[str, ...]
) -> LayerReport:
    name = layer.layer.name
    parameters = sum(values.size for key, values in integers.items() if key.rsplit("/", 1)[0] == name)
    precision: dict[str, FixedType | None]
    multipliers, reuse_factor = 0, None
    strategy: Strategy | None = None
    storage: Storage | None = None
    match layer, design:
        case TypedInput(), _:
            precision = {"result": layer.result}
        case TypedMerge(), _:
            precision = {"result": layer.result}
        case TypedLinear(), LinearDesign():
            precision = {"weight": layer.weight, "bias": layer.bias, "accum": layer.accum, "result": layer.result}
            reuse_factor, strategy, storage = design.reuse_factor, design.strategy, design.storage
            none = layer.input == SPIKE or design.sums is not None
            multipliers = 0 if none else design.in_parallel * design.out_parallel
        case TypedNeuron(), NeuronDesign():
            precision = {**layer.parameters, **layer.states}
            reuse_factor, storage = design.reuse_factor, design.storage
            multipliers = design.parallel * products(design)
        case TypedReadout(), ReadoutDesign():
            precision = {"beta": layer.beta, "membrane": layer.state, "result": layer.result}
            multipliers = design.parallel if multiplies(design.beta) else 0
        case _:
            raise TypeError(f"{name} was scheduled as another type of layer")
    types = {key: str(value) for key, value in precision.items() if value is not None}
    kind = type_name(layer.layer)
    return LayerReport(name, kind, reuse_factor, strategy, storage, types, parameters, multipliers, warnings)
