"""A snnTorch module → what it is made of, and its parameters.

In: an nn.Module whose forward runs one timestep, the shape of one timestep.
Out: `Reading`, and the parameters in hardware order.
"""

from __future__ import annotations

import math

import numpy as np
import snntorch
from numpy.typing import NDArray
from torch import nn

from hlspike.generators import ir
from hlspike.generators.extract.chain import Step, read_chain
from hlspike.generators.extract.functions.joins import Join
from hlspike.generators.extract.loop.layouts import TimeAxis
from hlspike.generators.extract.marks import marker
from hlspike.generators.extract.neuron import read_neuron, values
from hlspike.generators.extract.timestep import EXCLUSIVE
from hlspike.generators.extract.trial import verify
from hlspike.generators.settle.reading import Output, Reading, Sequences

Arrays = dict[str, NDArray[np.float64]]


def extract(module: nn.Module, input_shape: tuple[int, ...], axis: TimeAxis = "auto") -> tuple[Reading, Arrays]:
    """The layers that `module` runs, and their parameters at their present values.

    The module itself is left as it is. What was read is proved on a short trial run of the module before it is
    returned.

    Args:
        input_shape: one timestep in torch order (channels first), without the batch dimension.
        axis: of time, in what a forward that holds the time loop takes among (batch, *input_shape); auto finds it.
    Returns:
        What was read, and float64 arrays keyed `<layer>/<parameter>` as in `generators.ir`.
    Raises:
        UnsupportedModel: the module holds what would not be built exactly as it runs.
        ConfigError: `input_shape` is no shape.
    """
    with EXCLUSIVE:
        return _extract(module, tuple(input_shape), axis)


def _extract(module: nn.Module, input_shape: tuple[int, ...], axis: TimeAxis) -> tuple[Reading, Arrays]:
    chain = read_chain(module, input_shape, axis)
    layers: list[ir.Linear | ir.Merge | ir.Neuron] = []
    parameters: Arrays = {}
    notes = list(chain.notes)
    for step in chain.steps:
        layer, arrays, remarks = _layer(step)
        layers.append(layer)
        parameters.update(arrays)
        notes.extend(remarks)
    verify(module, chain, input_shape, layers, parameters)
    flow = chain.output
    assert flow.kind != "input"
    output = Output(flow.kind, flow.layer, flow.shape, flow.order is not None, flow.factor)
    marked = None if chain.marker is None else marker(*chain.marker)
    loop = None if chain.loop is None else Sequences(chain.loop.timesteps)
    return Reading(input_shape, tuple(layers), output, marked, tuple(notes), loop), parameters


def _layer(step: Step | Join) -> tuple[ir.Linear | ir.Merge | ir.Neuron, Arrays, list[str]]:
    if isinstance(step, Join):
        sizes = tuple(math.prod(source.shape) for source in step.sources)
        spikes = all(source.kind == "spikes" for source in step.sources)
        inputs = tuple(source.layer for source in step.sources)
        return ir.Merge(step.name, inputs, step.joining, sizes, spikes), {}, []
    source = step.source
    if isinstance(step.module, snntorch.SpikingNeuron):
        return read_neuron(step.name, source.layer, step.module, source.shape, source.order)
    assert isinstance(step.module, nn.Linear)
    weight = values(step.name, "weight", step.module.weight)
    columns = slice(None) if source.order is None else list(source.order)
    parameters = {f"{step.name}/weight": np.ascontiguousarray(weight[:, columns]) * source.factor}
    bias: nn.Parameter | None = step.module.bias
    if bias is not None:
        parameters[f"{step.name}/bias"] = values(step.name, "bias", bias)
    features = weight.shape[1]
    assert features == math.prod(source.shape)
    return ir.Linear(step.name, (source.layer,), features, weight.shape[0], bias is not None), parameters, []
