"""Callables and files that a configuration names. Whatever is wrong with them becomes one line."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from generators.errors import ConfigError, HlspikeError
from tasks import discovery


def load_callable(key: str, source: str) -> Callable[..., Any]:
    """The callable that `source` names: `file.py:callable` or `package.module:callable`.

    Args:
        key: the configuration key, for messages.
    Raises:
        ConfigError: there is no such file, module or callable, or importing it fails.
    """
    place, colon, attribute = source.rpartition(":")
    if not colon or not place or not attribute:
        raise ConfigError(f"{key}: {source!r} must read file.py:callable or package.module:callable")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    module = _from_file(key, place) if place.endswith(".py") else _imported(key, place)
    found = getattr(module, attribute, None)
    if found is None:
        raise ConfigError(f"{key}: {place} has no '{attribute}'; define it or correct the name")
    if not callable(found):
        kind = type(found).__name__
        raise ConfigError(f"{key}: '{attribute}' of {place} is of type {kind}; name a function or a class")
    return found  # type: ignore[no-any-return]


def call(key: str, source: str, found: list[Path], *args: Any, **kwargs: Any) -> Any:
    """The result of the callable that `source` names; an exception in it becomes a ConfigError of one line.

    Args:
        found: gets the files that the result rests on, modules and what they read.
    """
    with discovery.imported(source):
        function = load_callable(key, source)
    try:
        with discovery.called(source, function, found):
            return function(*args, **kwargs)
    except HlspikeError:
        raise
    except Exception as error:
        raise ConfigError(f"{key}: {source} raised {_told(error)}") from error


def _from_file(key: str, place: str) -> Any:
    path = Path(place)
    if not path.is_file():
        raise ConfigError(f"{key}: there is no file {place}; paths are relative to {Path.cwd()}")
    # a file below the working directory is imported by its dotted name, so that two keys naming it share one module
    parts = path.with_suffix("").parts
    if not path.is_absolute() and all(part.isidentifier() for part in parts):
        return _imported(key, ".".join(parts), place)
    name = "hlspike_source_" + "".join(c if c.isalnum() else "_" for c in str(path.resolve()))
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{key}: {place} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ConfigError(f"{key}: importing {place} raised {_told(error)}") from error
    return module


def _imported(key: str, name: str, place: str | None = None) -> Any:
    try:
        return importlib.import_module(name)
    except HlspikeError:
        raise
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name and name.startswith(error.name):
            raise ConfigError(f"{key}: there is no module '{name}'; install it or correct the name") from None
        raise ConfigError(f"{key}: importing {place or name} raised {_told(error)}") from error


def _told(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
