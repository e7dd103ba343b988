"""Installed packages that the user's code has loaded, and their versions."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterable
from functools import cache

from hlspike.tasks.engine import states
from hlspike.tasks.layout import IMPORTED

_PYTHON = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}


def used(modules: Iterable[str]) -> dict[str, str]:
    """Package, as `states.version` knows it → its version, of those that `modules` belong to."""
    found = {}
    for top in {name.partition(".")[0] for name in modules} - sys.stdlib_module_names:
        for package in _providers(top):
            found[package] = states.version(package)
    return found


def unversioned(modules: Iterable[str]) -> list[str]:
    """Files of those of `modules` that no package has brought: they count by content, wherever they lie."""
    found = set()
    for name in modules:
        file = getattr(sys.modules.get(name), "__file__", None)
        if isinstance(file, str) and not _is_known(os.path.abspath(file)):
            found.add(os.path.abspath(file))
    return sorted(found)


def _is_known(file: str) -> bool:
    """Whether a file belongs to Python, to a package, or to us."""
    # packages may lie below Python itself
    place = max((place for place in {*sys.path, *_PYTHON} if file.startswith(f"{place}/")), key=len, default="")
    top = file[len(place) + 1:].partition("/")[0].partition(".")[0]
    is_pythons = place.removesuffix("/lib-dynload") in _PYTHON
    return is_pythons or top in brought(place) or (place == str(IMPORTED) and top == "hlspike")


def _providers(top: str) -> list[str]:
    """The packages that bring a module of that name."""
    return [package for place in dict.fromkeys(sys.path) for package in brought(place).get(top, ())]


@cache
def brought(place: str) -> dict[str, list[str]]:
    """Name of a module → packages that bring it, of those that are installed in a folder."""
    found: dict[str, list[str]] = {}
    for package, (_, folder) in states.installed(place).items():
        for top in _tops(folder):
            found.setdefault(top, []).append(package)
    return found


def _tops(folder: str) -> set[str]:
    """Names of modules that an installed package brings: as it says itself, or by the files it has installed."""
    said = _lines(f"{folder}/top_level.txt")
    if said:
        return set(said)
    files = _lines(f"{folder}/{'RECORD' if folder.endswith('.dist-info') else 'installed-files.txt'}")
    paths = (line.partition(",")[0].strip('"') for line in files)
    return {path.partition("/")[0].partition(".")[0] for path in paths if path.endswith((".py", ".so"))}


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return [line.strip() for line in file if line.strip()]
    except OSError:
        return []
