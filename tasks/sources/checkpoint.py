"""A file of parameters, loaded into a module; what keeps it from fitting is one line with the keys that are there.

People keep parameters with more around them: what DataParallel, torch.compile and Lightning put before the names, the
optimizer beside them, the membranes of the last batch. What is certain to change nothing is left out, and noted.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from hlspike.generators.errors import ConfigError
from hlspike.tasks.sources.tensors import REMEDY, read, told

_SHOWN = 8
"""Keys that a message lists."""
_WRAPPERS = {"module": "nn.DataParallel", "_orig_mod": "torch.compile"}
"""Parts of keys that a module which wraps another puts before the names of that."""
_DEEPEST = 3
"""Levels of a checkpoint below which no state_dict is looked for."""
_STATES = ("mem", "syn", "spk", "syn_exc", "syn_inh", "reset_mechanism_val")
"""snntorch's names of what a neuron keeps from timestep to timestep, and of what its class settles: a sequence begins
without the first, and the second is checked where the module is read."""
_FACTOR = "graded_spikes_factor"


def load(key: str, module: nn.Module, path: str) -> tuple[str, ...]:
    """Load the parameters in the file `path` into `module`; returns what the report has to say of it.

    Args:
        key: of the configuration, for messages.
    Raises:
        ConfigError: there is no such file, it holds more than tensors, or other ones than the module has.
    """
    where = f"{key}: {path}"
    _check_file(key, path)
    own = module.state_dict()
    state, notes = _found(where, read(where, path), own)
    left_out = {name for name in (*state, *own) if _is_left_out(name, state, own, module)}
    kept = {name: value for name, value in state.items() if name not in left_out}
    problem = _difference({name: value for name, value in own.items() if name not in left_out}, kept)
    if problem is not None:
        raise ConfigError(f"{where} does not fit the module: {problem}; it holds {_listed(state)}")
    if left_out:
        notes.append(f"{where}: {_listed(sorted(left_out))} left out: no parameters, a sequence begins anew")
    rounded = [name for name, value in kept.items() if _is_rounded(value, own[name])]
    if rounded:
        notes.append(f"{where}: {_listed(rounded)} rounded, from {kept[rounded[0]].dtype} to {own[rounded[0]].dtype}")
    try:
        module.load_state_dict(kept, strict=kept.keys() == own.keys())
    except Exception as error:
        # a module may have a load_state_dict of its own
        raise ConfigError(f"{where} does not fit the module: {told(error)}; it holds {_listed(state)}") from None
    return tuple(notes)


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
        raise ConfigError(f"{key}: {path} is empty; {REMEDY}")


def _found(where: str, held: Mapping[Any, Any], own: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str]]:
    """The state_dict among what a file holds, by the names that the module has; and what tells of it.

    Raises:
        ConfigError: it holds none, or several that fit.
    """
    levels = [*_levels("", held)]
    fitting = [(place, *named) for place, state in levels if _has_texts(state) and (named := _named(state, own))]
    if not fitting:
        odd = next((name for name in held if not isinstance(name, str)), None)
        if odd is not None:
            raise ConfigError(f"{where} has the key {odd!r}, which is no text, so it is no state_dict; {REMEDY}")
        # whatever comes nearest is told apart from the module
        place, state = max(levels, key=lambda level: len(own.keys() & level[1].keys()))
        if len(levels) > 1 and not place and not own.keys() & state.keys():
            raise ConfigError(
                f"{where} holds {_listed(held)}, and below none of them parameters of this module; {REMEDY}"
            )
        return state, []
    if fitting[0][0] and len(fitting) > 1:
        places = " and below ".join(f"'{place}'" for place, *_ in fitting)
        raise ConfigError(f"{where} holds parameters that fit below {places}; save those that are meant by themselves")
    place, state, note = fitting[0]
    notes = (f"the parameters lie below '{place}'" if place else "", note)
    return state, [f"{where}: {told}" for told in notes if told]


def _levels(place: str, held: Mapping[Any, Any], depth: int = 0) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """What a file holds, and every map within it, with the keys that lead there."""
    yield place, held
    for name, value in held.items():
        if isinstance(value, Mapping) and depth < _DEEPEST:
            yield from _levels(f"{place}.{name}" if place else str(name), value, depth + 1)


def _has_texts(state: Mapping[Any, Any]) -> bool:
    return all(isinstance(name, str) for name in state)


def _named(state: Mapping[str, Any], own: Mapping[str, Any]) -> tuple[Mapping[str, Any], str] | None:
    """`state` by the names of the module, and how it was named; None if parameters of the module are missing."""
    needed = [name for name, value in own.items() if name.rpartition(".")[2] not in (*_STATES, _FACTOR)]
    if all(name in state for name in needed):
        return (state, "") if needed or not any(isinstance(value, Mapping) for value in state.values()) else None
    plain = {".".join(part for part in name.split(".") if part not in _WRAPPERS): name for name in state}
    if len(plain) == len(state) and all(name in plain for name in needed):
        used = [f"'{part}.', as {by} writes it" for part, by in _WRAPPERS.items()
                if any(part in name.split(".") for name in state)]
        return {name: state[given] for name, given in plain.items()}, f"its keys without {' and '.join(used)}"
    starts = [name.removesuffix(needed[0]) for name in plain if name.endswith(f".{needed[0]}")]
    fitting = [start for start in starts if all(start + name in plain for name in needed)]
    if len(fitting) != 1:
        return None
    start = fitting[0]
    below = {name.removeprefix(start): state[given] for name, given in plain.items() if name.startswith(start)}
    return below, f"what its keys call '{start}'"


def _is_left_out(name: str, state: Mapping[str, Any], own: Mapping[str, Any], module: nn.Module) -> bool:
    """Whether what the file, or the module, has beside the other is no parameter of the network."""
    parts = name.split(".")
    if name not in own:
        is_one = parts[-1] == _FACTOR and isinstance(state[name], torch.Tensor) and bool((state[name] == 1).all())
        return parts[-1] in _STATES or "spike_grad" in parts or is_one
    if parts[-1] not in (*_STATES, _FACTOR) or name in dict(module.named_parameters()):
        return False
    return name not in state or getattr(state[name], "shape", None) != own[name].shape


def _is_rounded(value: Any, own: Any) -> bool:
    if not isinstance(own, torch.Tensor) or not own.is_floating_point() or not value.is_floating_point():
        return False
    return not torch.equal(value.to(own.dtype).to(torch.float64).nan_to_num(), value.to(torch.float64).nan_to_num())


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


def _listed(names: Iterable[Any]) -> str:
    every = [str(name) for name in names]
    if not every:
        return "no key"
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return f"{', '.join(every[:_SHOWN])}{more}"
