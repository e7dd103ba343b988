"""Which file a module's name stands for: that of the user's folders, or of Python and of packages.

What is found in the user's folders, and what is not, is noted: a file that appears there later may come first. What
Python looks at on the way is no input beside that.
"""

from __future__ import annotations

import importlib.util
import os
import pkgutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib._bootstrap_external import _NamespacePath  # type: ignore[attr-defined]
from importlib.machinery import FileFinder, ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any
from zipimport import zipimporter

from hlspike.tasks.engine import states
from hlspike.tasks.inputs import recording
from hlspike.tasks.layout import PACKAGE


class Fresh(SourceFileLoader):
    """Compiles the source that is there: bytecode is told from its source by second and size, an edit may have both."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class Finder:
    """Installed, it finds every module that is not loaded yet, in the place of Python's own finder of paths.

    Args:
        here: the project's folder.
        counts: whether a path is the user's.
        note: told of a folder and a name, as `<folder>/<name>`, and of what is found there.
        quiet: called with +1 before the finder looks about, and with -1 after.
    """

    def __init__(
        self, here: str, counts: Callable[[str], bool], note: Callable[[str, str], None], quiet: Callable[[int], None]
    ) -> None:
        self.here, self.counts, self._note, self._quiet = here, counts, note, quiet
        self._noted: set[str] = set()

    def install(self) -> None:
        sys.meta_path[:] = [self if finder is PathFinder else finder for finder in sys.meta_path]

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Called by Python."""
        found = self._found(name, path)
        if found is not None and found.loader is None and found.submodule_search_locations is not None:
            # as Python marks the folders of a package without __init__.py
            found.submodule_search_locations = _NamespacePath(name, found.submodule_search_locations, self._found)
        return found

    def find_distributions(self, *arguments: Any) -> Iterable[Any]:
        """Called by importlib.metadata."""
        with self.unseen():
            return list(PathFinder.find_distributions(*arguments))

    def invalidate_caches(self) -> None:
        """Called by importlib."""
        PathFinder.invalidate_caches()

    def _found(self, name: str, path: Sequence[str] | None) -> ModuleSpec | None:
        # what Python's own modules import is Python's
        is_pythons = path is None and name in sys.stdlib_module_names
        portions: list[str] = []
        last = name.rpartition(".")[2]
        for place in sys.path if path is None else path:
            folder = os.path.abspath(place)
            is_users = self.is_users(folder) and not self.is_hook(place)
            if is_users and is_pythons:
                continue
            with self.unseen():
                is_archive = os.path.isfile(folder)
            if is_users and not is_archive:
                file = self.look(folder, last)
                if file and not file.endswith("/"):
                    return _spec(name, f"{folder}/{file}")
                portions += [f"{folder}/{last}"] if file else []
                continue
            with nullcontext() if is_users else self.unseen():
                spec = PathFinder.find_spec(name, [place])
            if spec is None:
                continue
            if spec.origin is None:
                portions += spec.submodule_search_locations or []
            elif not (portions and self.is_ours(spec.origin) and _hold(portions)):
                return spec
        if not portions:
            return None
        found = ModuleSpec(name, None, is_package=True)
        found.submodule_search_locations = portions
        return found

    def is_users(self, folder: str) -> bool:
        """Our own folder, if Python was told of it, is none of theirs."""
        return self.counts(folder) and not (folder == str(PACKAGE) != self.here)

    def is_hook(self, place: str) -> bool:
        """Whether an entry of Python's path is no folder, but a name that a finder of some package answers to."""
        if not place or os.path.isabs(place):
            return False
        with self.unseen():
            answers = pkgutil.get_importer(place)
        return answers is not None and not isinstance(answers, FileFinder | zipimporter)

    def is_ours(self, path: str) -> bool:
        if not path.startswith(f"{PACKAGE}/") or self.here == str(PACKAGE):
            return False
        return not any(path.startswith(f"{place}/") for place in recording.installed())

    def look(self, folder: str, name: str) -> str:
        """What importing `name` finds in `folder`, which is noted; see `states.resolved`."""
        place = f"{folder}/{name}"
        with self.unseen():
            file = states.resolved(folder, name)
        if place not in self._noted:
            self._noted.add(place)
            self._note(place, file)
        return file

    @contextmanager
    def unseen(self) -> Iterator[None]:
        """What the block looks at is no input."""
        self._quiet(1)
        try:
            yield
        finally:
            self._quiet(-1)


def _spec(name: str, path: str) -> ModuleSpec | None:
    is_package = os.path.basename(path).startswith("__init__.")
    return importlib.util.spec_from_file_location(
        name, path, loader=Fresh(name, path) if path.endswith(".py") else None,
        submodule_search_locations=[os.path.dirname(path)] if is_package else None,
    )


def _hold(portions: Sequence[str]) -> bool:
    """Whether there is a module in one of these folders."""
    return any(states.holds_modules(place) for place in portions)
