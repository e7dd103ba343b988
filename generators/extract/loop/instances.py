"""snnTorch's list of all neurons there are, held to those of one module.

`utils.reset` and the `reset_hidden` of its classes clear whatever is on that list: of a copy, which was never put
there, nothing, and of every other network of the process all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import snntorch
from torch import nn


@contextmanager
def own_neurons(root: nn.Module) -> Iterator[None]:
    """Let snnTorch know the neurons of `root` alone."""
    neurons = [part for part in root.modules() if isinstance(part, snntorch.SpikingNeuron)]
    with mock.patch.object(snntorch.SpikingNeuron, "instances", neurons):
        yield
