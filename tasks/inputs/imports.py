"""What an import in the user's code is given: a file of theirs, or of Python and of packages, or a refusal.

The prepared process has imported much before the user's code runs, and Python gives the first module of a name to all.
So a name that stands for a file of the user's, and for something else that is loaded already, is refused where their
code imports it; only our own packages make way.
"""

from __future__ import annotations

import builtins
import importlib
import os
import sys
import threading
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from hlspike.generators.errors import ConfigError
from hlspike.tasks.engine import states
from hlspike.tasks.inputs.finder import Finder
from hlspike.tasks.layout import PACKAGE

_OURS = "hlspike"
_PLACES = tuple(f"{PACKAGE}/{name}/" for name in ("hlspike", "generators", "tasks"))
_import = builtins.__import__
_import_module = importlib.import_module
_swapping = threading.RLock()


class Imports:
    """Installed, it decides about the imports of this process."""

    def __init__(self, finder: Finder) -> None:
        self.finder = finder
        self._checked: set[tuple[str, str]] = set()
        self._hidden: dict[str, ModuleType] = {}
        self.named: set[str] = set()
        """Modules outside of the user's folders that their code imports, by the first part of their names."""

    def install(self) -> None:
        self.finder.install()
        builtins.__import__ = self._imported
        importlib.import_module = self._module_imported

    def _imported(
        self, name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
    ) -> ModuleType:
        importer = globals if globals is not None else sys._getframe(1).f_globals
        if level == 0:
            if self._hidden and _of_ours(importer) and name.partition(".")[0] == _OURS:
                return self._of_ours(lambda: _import(name, globals, locals, fromlist, level))
            self._check(name, importer, fromlist)
        return _import(name, globals, locals, fromlist, level)

    def _module_imported(self, name: str, package: str | None = None) -> ModuleType:
        if not name.startswith("."):
            self._check(name, sys._getframe(1).f_globals, ())
        return _import_module(name, package)

    def _check(self, name: str, importer: dict[str, Any], fromlist: Any) -> None:
        file = importer.get("__file__")
        if isinstance(file, str) and not self.finder.counts(os.path.abspath(file)):
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
        folders = dict.fromkeys(os.path.abspath(place) for place in sys.path if not self.finder.is_hook(place))
        found = {folder: self.finder.look(folder, top) for folder in folders if self.finder.is_users(folder)}
        own = [f"{folder}/{file}" for folder, file in found.items() if file and not file.endswith("/")]
        bare = [f"{folder}/{file}" for folder, file in found.items() if file.endswith("/")]
        with self.finder.unseen():
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
        if file is None or not self.finder.is_ours(file):
            other = "a module of Python" if top in sys.stdlib_module_names else "an installed package"
            raise self._clash(top, importer, own[0], other)
        self._hide(top)

    def _clash(self, name: str, importer: str, own: str, other: str) -> ConfigError:
        return ConfigError(
            f"{name}: {self._shown(importer)} imports '{name}', which is {self._shown(own)}, but also {other}; rename "
            "yours"
        )

    def _shown(self, path: str) -> str:
        return path.removeprefix(f"{self.finder.here}/")

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


def _of_ours(importer: dict[str, Any]) -> bool:
    file = importer.get("__file__")
    return isinstance(file, str) and file.startswith(_PLACES)
