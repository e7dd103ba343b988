"""A snnTorch module → Network and parameters.

In: an nn.Module whose forward runs one timestep, the shape of one timestep, the configuration's `readout`.
Out: `ir.Network`, whose parameters are in hardware order, and the parameters.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import snntorch
from numpy.typing import NDArray
from torch import nn

from generators import ir
from generators.errors import UnsupportedModel
from generators.extract.chain import Step, read_chain
from generators.extract.marker import settle
from generators.extract.neuron import read_leaky, values
from generators.extract.tracing import EXCLUSIVE
from generators.extract.trial import verify

Arrays = dict[str, NDArray[np.float64]]


def extract(
    module: nn.Module, input_shape: tuple[int, ...], readout: Mapping[str, Any]
) -> tuple[ir.Network, dict[str, NDArray[np.float64]]]:
    """The network that `module` runs, and its parameters at their present values.

    The module itself is left as it is. What was read is proved on a short trial run of the module before it is
    returned.

    Args:
        input_shape: one timestep in torch order (channels first), without the batch dimension.
        readout: values of the configuration keys `readout.*`; None or absent means: from the marker, else the default.
    Returns:
        The network, and float64 arrays keyed `<layer>/<parameter>` as in `generators.ir`.
    Raises:
        UnsupportedModel: the module holds what would not be built exactly as it runs.
        ConfigError: a configured value is illegal, or impossible for this network.
    """
    with EXCLUSIVE:
        return _extract(module, tuple(input_shape), readout)


def _extract(module: nn.Module, input_shape: tuple[int, ...], readout: Mapping[str, Any]) -> tuple[ir.Network, Arrays]:
    chain = read_chain(module, input_shape)
    decision = settle(readout, chain.marker, chain.output)
    if decision.readout is None and chain.output.factor != 1:
        raise UnsupportedModel(
            f"layer '{chain.output.layer}': graded_spikes_factor is {chain.output.factor:g}, but no layer follows "
            "whose weights could take it in; set it to 1"
        )
    layers: list[ir.Layer] = [ir.Input(input_shape, decision.reset_policy, decision.window_size)]
    parameters: Arrays = {}
    notes = list(chain.notes)
    for step in chain.steps:
        layer, arrays, remarks = _layer(step)
        layers.append(layer)
        parameters.update(arrays)
        notes.extend(remarks)
    if decision.readout is not None:
        layers.append(decision.readout)
    told = (*notes, *decision.notes)
    network = ir.Network(tuple(layers), told, decision.marked, window_given=decision.window_given)
    verify(module, chain, network, parameters)
    return network, parameters


def _layer(step: Step) -> tuple[ir.Layer, Arrays, list[str]]:
    source = step.source
    if isinstance(step.module, snntorch.Leaky):
        return read_leaky(step.name, source.layer, step.module, source.shape, source.order)
    assert isinstance(step.module, nn.Linear)
    weight = values(step.name, "weight", step.module.weight)
    columns = slice(None) if source.order is None else list(source.order)
    parameters = {f"{step.name}/weight": np.ascontiguousarray(weight[:, columns]) * source.factor}
    bias: nn.Parameter | None = step.module.bias
    if bias is not None:
        parameters[f"{step.name}/bias"] = values(step.name, "bias", bias)
    outputs, inputs = weight.shape
    assert inputs == math.prod(source.shape)
    return ir.Linear(step.name, (source.layer,), inputs, outputs, bias is not None), parameters, []
