"""Which file an import of the user's code gets: that of their own folders, or of Python and of packages, or a refusal.

The prepared process has imported much before the user's code runs, and Python gives the first module of a name to all.
So a name that stands for a file of the user's, and for something else that is loaded already, is refused where their
code imports it; only our own packages make way. What is found in the user's folders, and what is not, is noted: a file
that appears there later may come first.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib._bootstrap_external import _NamespacePath  # type: ignore[attr-defined]
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

from generators.errors import ConfigError
from tasks import states
from tasks.layout import PACKAGE

_OURS = ("generators", "tasks")
_import = builtins.__import__
_import_module = importlib.import_module
_swapping = threading.RLock()


class Fresh(SourceFileLoader):
    """Compiles the source that is there: bytecode is told from its source by second and size, an edit may have both."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class Imports:
    """Installed, it decides about the imports of this process.

    Args:
        counts: whether a path is the user's.
        here: the project's folder.
        note: told of a folder and a name, as `<folder>/<name>`, and of what is found there.
        quiet: called with +1 before the finder looks about, and with -1 after.
    """

    def __init__(
        self, here: str, counts: Callable[[str], bool], note: Callable[[str, str], None], quiet: Callable[[int], None]
    ) -> None:
        self._here, self.counts, self._note, self._quiet = here, counts, note, quiet
        self._noted: dict[str, str] = {}
        self._checked: set[tuple[str, str]] = set()
        self._hidden: dict[str, ModuleType] = {}
        self.named: set[str] = set()
        """Modules outside of the user's folders that their code imports, by the first part of their names."""

    def install(self) -> None:
        sys.meta_path.insert(0, self)
        builtins.__import__ = self._imported
        importlib.import_module = self._module_imported

    # ------------------------------------------------------------ the finder

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Called by Python for every module that is not loaded yet."""
        found = self._found(name, path)
        if found is not None and found.loader is None and found.submodule_search_locations is not None:
            # as Python marks the folders of a package without __init__.py
            found.submodule_search_locations = _NamespacePath(name, found.submodule_search_locations, self._found)
        return found

    def _found(self, name: str, path: Sequence[str] | None) -> ModuleSpec | None:
        if path is None and (name in sys.builtin_module_names or name in sys.stdlib_module_names):
            return None
        portions: list[str] = []
        last = name.rpartition(".")[2]
        for place in sys.path if path is None else path:
            folder = os.path.abspath(place)
            with self.unseen():
                is_archive = os.path.isfile(folder)
            if is_archive or not self.is_users(folder):
                with nullcontext() if self.is_users(folder) else self.unseen():
                    spec = PathFinder.find_spec(name, [place])
                if spec is None:
                    continue
                if spec.origin is not None and not (portions and self._is_ours(spec.origin) and _hold(portions)):
                    return spec
                portions += spec.submodule_search_locations or [] if spec.origin is None else []
                continue
            file = self._look(folder, last)
            if file and not file.endswith("/"):
                return _spec(name, f"{folder}/{file}")
            portions += [f"{folder}/{last}"] if file else []
        if not portions:
            return None
        found = ModuleSpec(name, None, is_package=True)
        found.submodule_search_locations = portions
        return found

    def is_users(self, folder: str) -> bool:
        """Our own folder, if Python was told of it, is none of theirs."""
        return self.counts(folder) and not (folder == str(PACKAGE) != self._here)

    def _is_ours(self, path: str) -> bool:
        return path.startswith(f"{PACKAGE}/") and self._here != str(PACKAGE)

    def _look(self, folder: str, name: str) -> str:
        """What importing `name` finds in `folder`, which is noted."""
        place = f"{folder}/{name}"
        if place not in self._noted:
            with self.unseen():
                self._noted[place] = states.resolved(folder, name)
            self._note(place, self._noted[place])
        return self._noted[place]

    @contextmanager
    def unseen(self) -> Iterator[None]:
        """What the block looks at is no input."""
        self._quiet(1)
        try:
            yield
        finally:
            self._quiet(-1)

    # ------------------------------------------------------------ import statements

    def _imported(
        self, name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
    ) -> ModuleType:
        importer = globals if globals is not None else sys._getframe(1).f_globals
        if level == 0:
            if self._hidden and _of_ours(importer) and name.partition(".")[0] in _OURS:
                return self._of_ours(lambda: _import(name, globals, locals, fromlist, level))
            self._check(name, importer, fromlist)
        return _import(name, globals, locals, fromlist, level)

    def _module_imported(self, name: str, package: str | None = None) -> ModuleType:
        if not name.startswith("."):
            self._check(name, sys._getframe(1).f_globals, ())
        return _import_module(name, package)

    def _check(self, name: str, importer: dict[str, Any], fromlist: Any) -> None:
        file = importer.get("__file__")
        if isinstance(file, str) and not self.counts(os.path.abspath(file)):
            return
        self.check(name, str(file or "the code"), tuple(fromlist or ()))

    def check(self, name: str, importer: str, parts: Sequence[str] = ()) -> None:
        """Before code of the user's in the file `importer` imports `name`, or `parts` from it.

        Raises:
            ConfigError: the name stands for a file of theirs, and for a module that is not.
        """
        top, _, rest = name.partition(".")
        wanted = [part.partition(".")[0] for part in ((rest,) if rest else parts)]
        if (top, importer) in self._checked and not wanted:
            return
        self._checked.add((top, importer))
        folders = dict.fromkeys(map(os.path.abspath, sys.path))
        found = {folder: self._look(folder, top) for folder in folders if self.is_users(folder)}
        own = [f"{folder}/{file}" for folder, file in found.items() if file and not file.endswith("/")]
        bare = [f"{folder}/{file}" for folder, file in found.items() if file.endswith("/")]
        with self.unseen():
            own += [place for place in bare if any(states.resolved(place, part) for part in wanted)]
        if not own:
            self.named.add(top)
            return
        folder = os.path.dirname(os.path.abspath(importer))
        beside = [path for path in own if os.path.dirname(path.rstrip("/")) == folder]
        if beside and beside[0] != own[0] and not own[0].endswith("/"):
            raise self._clash(top, importer, own[0], self._shown(beside[0]))
        loaded = sys.modules.get(top)
        if loaded is None and top not in sys.stdlib_module_names and top not in sys.builtin_module_names:
            return
        file = getattr(loaded, "__file__", None)
        if loaded is not None and (file in own or (file is None and own[0].endswith("/"))):
            return
        if file is None or not self._is_ours(file):
            other = "a module of Python" if top in sys.stdlib_module_names else "an installed package"
            raise self._clash(top, importer, own[0], other)
        self._hide(top)

    def _clash(self, name: str, importer: str, own: str, other: str) -> ConfigError:
        return ConfigError(
            f"{name}: {self._shown(importer)} imports '{name}', which is {self._shown(own)}, but also {other}; rename "
            "yours"
        )

    def _shown(self, path: str) -> str:
        return path.removeprefix(f"{self._here}/")

    # ------------------------------------------------------------ our own packages

    def _hide(self, top: str) -> None:
        for name in [name for name in sys.modules if name == top or name.startswith(f"{top}.")]:
            self._hidden[name] = sys.modules.pop(name)

    def _of_ours(self, action: Callable[[], ModuleType]) -> ModuleType:
        """`action`, which imports ours, while the user's have the names."""
        with _swapping:
            tops = {name.partition(".")[0] for name in self._hidden}
            theirs = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in tops}
            for name in theirs:
                del sys.modules[name]
            sys.modules.update(self._hidden)
            try:
                return action()
            finally:
                for name in [name for name in sys.modules if name.partition(".")[0] in tops]:
                    self._hidden[name] = sys.modules.pop(name)
                sys.modules.update(theirs)


def _spec(name: str, path: str) -> ModuleSpec | None:
    is_package = os.path.basename(path).startswith("__init__.")
    return importlib.util.spec_from_file_location(
        name, path, loader=Fresh(name, path) if path.endswith(".py") else None,
        submodule_search_locations=[os.path.dirname(path)] if is_package else None,
    )


def _hold(portions: Sequence[str]) -> bool:
    """Whether there is a module in one of these folders."""
    return any(states.holds_modules(place) for place in portions)


def _of_ours(importer: dict[str, Any]) -> bool:
    file = importer.get("__file__")
    return isinstance(file, str) and any(file.startswith(f"{PACKAGE}/{name}/") for name in _OURS)
