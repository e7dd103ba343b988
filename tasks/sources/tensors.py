"""Tensors by their names, from the files that people keep them in; no code that such a file brings is ever run."""

from __future__ import annotations

import json
import pickle
import re
import zipfile
from collections.abc import Mapping
from typing import Any

import torch

from hlspike.generators.errors import ConfigError

REMEDY = "save it with torch.save(module.state_dict(), path)"
_LONGEST = 300
"""Characters of an error's own message."""
_DTYPES = {
    1: torch.uint8, 2: torch.int8, 3: torch.int16, 4: torch.int32, 5: torch.int64, 6: torch.float16, 7: torch.float32,
    8: torch.float64, 12: torch.bool, 13: torch.bfloat16,
}
"""ScalarType of torch/_export/serde/schema.py → dtype, as far as numbers of a network may have it."""
_WEIGHTS = "data/weights/model_weights_config.json"


def read(where: str, path: str) -> Mapping[Any, Any]:
    """What a file holds: a state_dict, or a checkpoint with one within it.

    Args:
        where: for messages: the key of the configuration and the file.
        path: of torch.save, of safetensors (.safetensors), or of torch.export (.pt2).
    Raises:
        ConfigError: it is damaged, or holds more than tensors, numbers and texts.
    """
    if path.endswith(".safetensors"):
        return _safetensors(where, path)
    if path.endswith(".pt2"):
        return _exported(where, path)
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL (\S+) was not an allowed global", str(error))
        if found is None:
            raise ConfigError(f"{where} was not written by torch.save; {REMEDY}") from None
        raise ConfigError(f"{where} holds a {found[1]}, but only tensors are loaded; {REMEDY}") from None
    except Exception as error:
        raise ConfigError(f"{where} is damaged or cut off, {told(error)}; {REMEDY}") from None
    if not isinstance(state, Mapping):
        raise ConfigError(f"{where} holds a {type(state).__name__}, not a state_dict; {REMEDY}")
    return state


def _safetensors(where: str, path: str) -> Mapping[str, Any]:
    try:
        from safetensors.torch import load_file
    except ImportError:
        raise ConfigError(f"{where} needs the package safetensors; pip install 'hlspike[safetensors]'") from None
    try:
        return load_file(path)
    except Exception as error:
        raise ConfigError(f"{where} is damaged or cut off, {told(error)}; write it anew") from None


def _exported(where: str, path: str) -> Mapping[str, Any]:
    """The parameters of a program of torch.export, from its archive of plain bytes; the program is not loaded."""
    try:
        with zipfile.ZipFile(path) as archive:
            config = next((name for name in archive.namelist() if name.endswith(f"/{_WEIGHTS}")), None)
            if config is None:
                raise ConfigError(f"{where} holds no {_WEIGHTS}, as torch.export.save writes it; {REMEDY}")
            folder = config.rpartition("/")[0]
            described = json.loads(archive.read(config))["config"]
            return {name: _tensor(where, name, one, folder, archive) for name, one in described.items()}
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(f"{where} is damaged or cut off, {told(error)}; write it anew") from None


def _tensor(where: str, name: str, described: Mapping[str, Any], folder: str, archive: zipfile.ZipFile) -> torch.Tensor:
    meta = described["tensor_meta"]
    dtype = _DTYPES.get(meta["dtype"])
    if described["use_pickle"] or dtype is None:
        raise ConfigError(f"{where}: '{name}' is no plain tensor of numbers; {REMEDY}")
    sizes, strides = ([one["as_int"] for one in meta[key]] for key in ("sizes", "strides"))
    content = bytearray(archive.read(f"{folder}/{described['path_name']}"))
    flat = torch.frombuffer(content, dtype=dtype) if content else torch.zeros(0, dtype=dtype)
    return torch.as_strided(flat, sizes, strides, meta["storage_offset"]["as_int"]).clone()


def told(error: BaseException) -> str:
    """What an error says, in a line."""
    text = " ".join(str(error).split()).split(". ")[0].rstrip(".:")[:_LONGEST]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
