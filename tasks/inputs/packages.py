"""Installed packages that the user's code has loaded, and their versions."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from functools import cache

from tasks import states

_OURS = ("generators", "tasks")


def used(modules: Iterable[str]) -> dict[str, str]:
    """Package, as `states.version` knows it → its version, of those that `modules` belong to."""
    found = {}
    for top in {name.partition(".")[0] for name in modules} - sys.stdlib_module_names:
        for package in _providers().get(top, ()):
            found[package] = states.version(package)
    return found


def unversioned(modules: Iterable[str]) -> list[str]:
    """Files of those of `modules` that no package has brought: they count by content, wherever they lie."""
    files = []
    for name in modules:
        top, file = name.partition(".")[0], getattr(sys.modules.get(name), "__file__", None)
        known = top in sys.stdlib_module_names or top in _OURS or top in _providers()
        if isinstance(file, str) and not known:
            files.append(os.path.abspath(file))
    return sorted(files)


@cache
def _providers() -> dict[str, list[str]]:
    """Name of a module → packages that bring it."""
    found: dict[str, list[str]] = {}
    for place in sys.path:
        try:
            names = os.listdir(place or ".")
        except OSError:
            continue
        for entry in names:
            base, _, ending = entry.rpartition(".")
            if ending in ("dist-info", "egg-info"):
                package = states.normalised(base.partition("-")[0])
                for top in _tops(f"{place}/{entry}", ending):
                    found.setdefault(top, []).append(package)
    return found


def _tops(folder: str, ending: str) -> set[str]:
    """Names of modules that an installed package brings: as it says itself, or by the files it has installed."""
    said = _lines(f"{folder}/top_level.txt")
    if said:
        return set(said)
    files = _lines(f"{folder}/{'RECORD' if ending == 'dist-info' else 'installed-files.txt'}")
    paths = (line.partition(",")[0].strip('"') for line in files)
    return {path.partition("/")[0].partition(".")[0] for path in paths if path.endswith((".py", ".so"))}


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return [line.strip() for line in file if line.strip()]
    except OSError:
        return []
