"""The user's PyTorch module, built by the callable that a configuration names and loaded with its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from generators.errors import ConfigError
from tasks import checkpoint, loading


def load_module(model: Mapping[str, Any], seed: int, state: str | None, found: list[Path]) -> nn.Module:
    """The module of the configuration `model`.

    Args:
        state: file of the parameters to load, None for those it is made with.
        found: gets the files that the module rests on.
    Raises:
        ConfigError: there is no such module, or the parameters are not its own.
    """
    source = model["source"]
    if source.endswith(".nir"):
        raise ConfigError(f"model.source: {source}: NIR graphs are not read yet; name a callable")
    torch.manual_seed(seed)
    module = loading.call("model.source", source, found, **model["kwargs"])
    if not isinstance(module, nn.Module):
        raise ConfigError(f"model.source: {source} returned a {type(module).__name__}; return an nn.Module")
    if state is not None:
        checkpoint.load("model.checkpoint" if state == model["checkpoint"] else "model.train", module, state)
    return module
