"""A file of parameters, loaded into a module; what keeps it from fitting is one line with the keys that are there."""

from __future__ import annotations

import os
import pickle
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from hlspike.generators.errors import ConfigError

_SHOWN = 8
"""Keys that a message lists."""
_LONGEST = 300
"""Characters of an error's own message."""
_WRAPPERS = {"module.": "nn.DataParallel", "_orig_mod.": "torch.compile"}
"""How keys begin in the state_dict of a module that another one wraps."""
_REMEDY = "save it with torch.save(module.state_dict(), path)"


def load(key: str, module: nn.Module, path: str) -> None:
    """Load the parameters in the file `path` into `module`.

    Args:
        key: of the configuration, for messages.
    Raises:
        ConfigError: there is no such file, it holds more than tensors, or other ones than the module has.
    """
    where = f"{key}: {path}"
    _check_file(key, path)
    state = _read(where, path)
    _check_keys(where, state, module)
    problem = _difference(module.state_dict(), state)
    if problem is not None:
        raise ConfigError(f"{where} does not fit the module: {problem}; it holds {_listed(state)}")
    try:
        module.load_state_dict(dict(state), strict=True)
    except Exception as error:
        # a module may have a load_state_dict of its own
        raise ConfigError(f"{where} does not fit the module: {_told(error)}; it holds {_listed(state)}") from None


def _check_file(key: str, path: str) -> None:
    try:
        status = os.stat(path)
    except OSError:
        home = "; write the path out, ~ is not expanded" if path.startswith("~") else ""
        raise ConfigError(f"{key}: there is no file {path}; paths are relative to {Path.cwd()}{home}") from None
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no file of its own, but a pipe, a socket or a device"
        raise ConfigError(f"{key}: {path} is {kind}; name the file that torch.save wrote")
    if not status.st_size:
        raise ConfigError(f"{key}: {path} is empty; {_REMEDY}")


def _read(where: str, path: str) -> Mapping[Any, Any]:
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL (\S+) was not an allowed global", str(error))
        if found is None:
            raise ConfigError(f"{where} was not written by torch.save; {_REMEDY}") from None
        raise ConfigError(f"{where} holds a {found[1]}, but only tensors are loaded; {_REMEDY}") from None
    except Exception as error:
        raise ConfigError(f"{where} is damaged or cut off, {_told(error)}; {_REMEDY}") from None
    if not isinstance(state, Mapping):
        raise ConfigError(f"{where} holds a {type(state).__name__}, not a state_dict; {_REMEDY}")
    return state


def _check_keys(where: str, state: Mapping[Any, Any], module: nn.Module) -> None:
    """Refuse what is no state_dict of any module of this shape, saying what it is instead."""
    own = module.state_dict().keys()
    odd = next((name for name in state if not isinstance(name, str)), None)
    if odd is not None:
        raise ConfigError(f"{where} has the key {odd!r}, which is no text, so it is no state_dict; {_REMEDY}")
    inner = [name for name, value in state.items() if isinstance(value, Mapping) and name not in own]
    if inner:
        held = max(inner, key=lambda name: len(own & state[name].keys()))
        raise ConfigError(
            f"{where} holds {_listed(state)}: the parameters lie deeper; save what '{held}' holds by itself, "
            f"torch.save(torch.load(path)['{held}'], other)"
        )
    prefix = _prefix(own, state)
    if prefix:
        by = next((f", as {wrapper} writes them" for start, wrapper in _WRAPPERS.items() if start in prefix), "")
        raise ConfigError(
            f"{where} holds {_listed(state)}: its keys begin with '{prefix}'{by}, those of the module do not; save the "
            "state_dict of the module within"
        )


def _prefix(own: Iterable[str], state: Mapping[str, Any]) -> str | None:
    """What stands before each key of the module in the file, if that is the only difference."""
    first = next(iter(own), None)
    if first is None or first in state:
        return None
    starts = [name.removesuffix(first) for name in state if name.endswith(first)]
    return next((start for start in starts if {start + name for name in own} == state.keys()), None)


def _difference(own: Mapping[str, Any], state: Mapping[str, Any]) -> str | None:
    """The first thing in which a state_dict is not that of the module."""
    for name, value in own.items():
        if name not in state:
            return f"'{name}' is missing"
        given = state[name]
        if not isinstance(value, torch.Tensor):
            continue  # of a module's own making
        if not isinstance(given, torch.Tensor):
            return f"'{name}' is a {type(given).__name__}, not a tensor"
        if not isinstance(value, (UninitializedBuffer, UninitializedParameter)) and value.shape != given.shape:
            return f"'{name}' has shape {tuple(given.shape)}, in the module it has {tuple(value.shape)}"
        if given.layout is not torch.strided or given.is_quantized:
            return f"'{name}' is {'quantised' if given.is_quantized else 'sparse'}"
        if given.is_complex() and not value.is_complex():
            return f"'{name}' is complex"
        if given.is_meta:
            return f"'{name}' is on the meta device, without values"
    extra = next((name for name in state if name not in own), None)
    return None if extra is None else f"'{extra}' is not in the module"


def _listed(state: Mapping[Any, Any]) -> str:
    names = [str(name) for name in state]
    if not names:
        return "no key"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def _told(error: BaseException) -> str:
    text = " ".join(str(error).split()).split(". ")[0].rstrip(".:")[:_LONGEST]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
