"""Callables that a configuration names. Whatever is wrong with them becomes one line."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from hlspike.generators.errors import ConfigError, HlspikeError
from hlspike.tasks.engine import states
from hlspike.tasks.inputs.failures import Raised, told
from hlspike.tasks.inputs.finder import Fresh
from hlspike.tasks.inputs.imports import Imports
from hlspike.tasks.layout import PACKAGE

_SHIPPED = "examples/"


class Loader:
    """Finds what a configuration names in the project's folder, and calls it.

    Args:
        doing: told of what is called, before it is.
    """

    def __init__(self, imports: Imports, doing: Callable[[str], None] = lambda what: None) -> None:
        self._imports, self.doing = imports, doing
        self._here, self._process = Path.cwd(), os.getpid()
        self._loaded: dict[Path, ModuleType] = {}
        self._first(str(self._here))

    def load(self, key: str, source: str) -> Callable[..., Any]:
        """The callable that `source` names: `file.py:callable` or `package.module:callable`.

        Args:
            key: the configuration key, for messages.
        Raises:
            ConfigError: there is no such file, module or callable, or importing it fails.
        """
        place, colon, attribute = source.rpartition(":")
        if not colon or not place or not attribute:
            raise ConfigError(f"{key}: {source!r} must read file.py:callable or package.module:callable")
        self.doing(f"{key}: importing {place}")
        module = self._from_file(key, place) if place.endswith(".py") else self._by_name(key, place)
        found = getattr(module, attribute, None)
        if found is None:
            raise ConfigError(f"{key}: {place} has no '{attribute}'; define it or correct the name")
        if not callable(found):
            kind = type(found).__name__
            raise ConfigError(f"{key}: '{attribute}' of {place} is of type {kind}; name a function or a class")
        if not isinstance(found, type) and hasattr(found, "load_state_dict"):
            raise ConfigError(
                f"{key}: '{attribute}' of {place} is a module that is made already, a {type(found).__name__}; name the "
                "function or the class that makes it"
            )
        return found  # type: ignore[no-any-return]

    def call(self, key: str, source: str, *args: Any, **kwargs: Any) -> Any:
        """The result of the callable that `source` names; whatever it raises becomes a ConfigError of one line."""
        function = self.load(key, source)
        self.doing(f"{key}: {source}")
        try:
            made = function(*args, **kwargs)
            if os.getpid() != self._process:  # forked by the function, and returned from it
                os._exit(0)
            if inspect.iscoroutine(made):
                made.close()
                raise ConfigError(f"{key}: {source} is an async function; write it without async")
            return made
        except HlspikeError:
            raise
        except BaseException as error:
            if os.getpid() != self._process:
                traceback.print_exc()
                os._exit(1)
            raise Raised(f"{key}: {source} {told(error)}", function) from error
        finally:
            os.chdir(self._here)

    def _from_file(self, key: str, place: str) -> ModuleType:
        path = self._path(place)
        if path in self._loaded:
            return self._loaded[path]
        with self._imports.finder.unseen():
            if not path.is_file():
                raise ConfigError(f"{key}: there is no file {place}; paths are relative to {self._here}")
            if not (path.parent / "__init__.py").is_file():
                # as Python does with the folder of a script; that of the project comes first
                self._first(str(path.parent), 1)
            name = self._name(path)
        module = sys.modules.get(name)
        if module is None or getattr(module, "__file__", None) != str(path):
            module = self._executed(key, place, lambda: self._run(name, path))
        self._loaded[path] = module
        return module

    def _path(self, place: str) -> Path:
        """Of the project; what is shipped as an example is found in every project that has no such file of its own."""
        path, shipped = self._here / place, PACKAGE / place
        if place.startswith(_SHIPPED) and not path.is_file() and shipped.is_file():
            return shipped
        return path

    def _name(self, path: Path) -> str:
        """What the module is called: as others import it, if they get this file by that name."""
        parts: Sequence[str] = ()
        if path.is_relative_to(self._here):
            parts = path.relative_to(self._here).with_suffix("").parts
        if parts and all(part.isidentifier() for part in parts) and self._reaches(path, parts):
            return ".".join(parts)
        return "hlspike_source_" + "".join(c if c.isalnum() else "_" for c in str(path))

    def _reaches(self, path: Path, parts: Sequence[str]) -> bool:
        known = getattr(sys.modules.get(parts[0]), "__file__", None)
        if parts[0] in sys.stdlib_module_names or (known is not None and not Path(known).is_relative_to(self._here)):
            return False
        loaded = sys.modules.get(".".join(parts))
        if loaded is not None and getattr(loaded, "__file__", None) != str(path):
            return False
        folder = self._here
        for part in parts[:-1]:
            if states.resolved(str(folder), part) not in (f"{part}/", f"{part}/__init__.py"):
                return False
            folder /= part
        return states.resolved(str(folder), parts[-1]) == path.name

    def _run(self, name: str, path: Path) -> ModuleType:
        parent, _, last = name.rpartition(".")
        if parent:
            importlib.import_module(parent)
        if name in sys.modules:
            return sys.modules[name]
        spec = importlib.util.spec_from_file_location(name, path, loader=Fresh(name, str(path)))
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            sys.modules.pop(name, None)
            raise
        if parent:
            setattr(sys.modules[parent], last, module)
        return sys.modules[name]

    def _by_name(self, key: str, name: str) -> ModuleType:
        self._imports.check(name, key)
        return self._executed(key, name, lambda: importlib.import_module(name))

    def _executed(self, key: str, place: str, action: Callable[[], ModuleType]) -> ModuleType:
        try:
            return action()
        except HlspikeError:
            raise
        except BaseException as error:
            missing = error.name if isinstance(error, ModuleNotFoundError) else None
            if missing and f"{place}.".startswith(f"{missing}.") and not place.endswith(".py"):
                raise ConfigError(f"{key}: there is no module '{place}'; install it or correct the name") from None
            raise Raised(f"{key}: importing {place} {told(error)}") from error
        finally:
            os.chdir(self._here)

    def _first(self, folder: str, at: int = 0) -> None:
        if folder not in sys.path[: at + 1]:
            sys.path.insert(at, folder)
