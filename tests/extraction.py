"""What a module and a configured readout come to: the two steps from a module to a network, in one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from generators import settlement
from generators.extract import torch_module
from generators.ir import Network
from generators.reading import Reading


def extract(
    module: nn.Module, input_shape: tuple[int, ...], readout: Mapping[str, Any]
) -> tuple[Network, dict[str, NDArray[np.float64]]]:
    """The network and its parameters; what was read goes by way of its file."""
    reading, parameters = torch_module.extract(module, input_shape)
    return settlement.network(Reading.from_json(json.loads(json.dumps(reading.to_json()))), readout), parameters
