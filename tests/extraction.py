"""What a module and a configured readout come to: two steps of a build in one, to a network and to a float trace."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from hlspike.generators.decided import Readings
from hlspike.generators.extract import torch_module
from hlspike.generators.extract.executor import Trace, float_blocks
from hlspike.generators.ir import Network
from hlspike.generators.settle import settlement
from hlspike.generators.settle.reading import Reading
from hlspike.generators.stimulus import Stimulus


def extract(
    module: nn.Module, input_shape: tuple[int, ...], readout: Mapping[str, Any]
) -> tuple[Network, dict[str, NDArray[np.float64]]]:
    """The network and its parameters; what was read goes by way of its file."""
    reading, parameters = torch_module.extract(module, input_shape)
    return settlement.network(Reading.from_json(json.loads(json.dumps(reading.to_json()))), readout), parameters


def run_float(module: nn.Module, network: Network, stimulus: Stimulus, trace: Trace) -> dict[str, NDArray[Any]]:
    """The arrays of float/trace.npz."""
    blocks, first = [], 0
    readings = None if network.readout is None else Readings(network, network.readout, trace == "states")
    for block in float_blocks(module, network, stimulus, trace):
        rows = slice(first, first + len(block["output"]))
        if readings is not None:
            block = {**readings.of(block.pop("output"), stimulus.lengths[rows]), **block}
        blocks.append(block)
        first = rows.stop
    return {key: np.concatenate([block[key] for block in blocks]) for key in blocks[0]}
