"""The user's PyTorch module, built by the callable that a configuration names and loaded with its parameters."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from generators.errors import ConfigError
from tasks import loading


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
        _load(module, state)
    return module


def _load(module: nn.Module, path: str) -> None:
    if not Path(path).is_file():
        raise ConfigError(f"model.checkpoint: there is no file {path}; paths are relative to {Path.cwd()}")
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
    except pickle.UnpicklingError:
        raise ConfigError(
            f"model.checkpoint: {path} is no file of tensors alone; save it with torch.save(module.state_dict(), path)"
        ) from None
    except Exception as error:
        raise ConfigError(
            f"model.checkpoint: {path} cannot be read, {type(error).__name__}; "
            "save it with torch.save(module.state_dict(), path)"
        ) from None
    if not isinstance(state, Mapping):
        raise ConfigError(f"model.checkpoint: {path} holds a {type(state).__name__}; save module.state_dict()")
    try:
        module.load_state_dict(dict(state), strict=True)
    except RuntimeError as error:
        problem = _difference(module.state_dict(), state) or str(error).splitlines()[0]
        raise ConfigError(f"model.checkpoint: {path} does not fit the module, {problem}") from None


def _difference(own: Mapping[str, Any], state: Mapping[str, Any]) -> str | None:
    """The first thing in which a state_dict is not that of the module."""
    for name, value in own.items():
        if name not in state:
            return f"it has no '{name}'; save the state_dict of this module"
        if not isinstance(state[name], torch.Tensor):
            return f"'{name}' is a {type(state[name]).__name__}, not a tensor; save the state_dict of this module"
        if value.shape != state[name].shape:
            return f"'{name}' has shape {tuple(state[name].shape)}, but {tuple(value.shape)} there; set model.kwargs"
    for name in state:
        if name not in own:
            return f"which has no '{name}'; save the state_dict of this module"
    return None
