"""What of our own sources a step's result rests on: what its function imports, and what that imports, wherever.

The imports of steps stand inside their functions, so that what one rests on is not what another does. What is imported
for types alone counts for nothing, and neither do modules that decide messages, places and times, but never a byte of a
result.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache

from hlspike.tasks.layout import PACKAGE
from hlspike.tasks.system import files

NO_CONTENT = frozenset({
    "generators/errors.py", "tasks/layout.py", "tasks/system/files.py", "tasks/system/processes.py",
    "tasks/terminal/console.py", "tasks/engine/notes.py", "tasks/engine/manifests.py",
})
"""The last because a manifest is not shared, and is written again with every version of ours."""
INPUTS = "tasks/inputs/"
"""What decides what the user's code gets, and what it is known to read."""
SUFFIXES = (".py", ".j2", ".c", ".h")
_IMPORT = re.compile(r"^[ \t]*(?:from (hlspike[.\w]*) import (\([^)]*\)|[^\n(]*)|import (hlspike[.\w]*))", re.MULTILINE)
_TYPES = re.compile(r"^[ \t]*if TYPE_CHECKING:\n(?:[ \t]+.*\n|\n)*", re.MULTILINE)
_FUNCTION = re.compile(r"^(?:@.*\n)*def (\w+)", re.MULTILINE)
_CALLS = "hlspike.tasks.inputs.calls"
_CALLED = re.compile(r'\b_called\(\s*"(\w+)"')
_WORD = re.compile(r"\w+")
_NAMED = re.compile(r"(?<![\w.])(?:\w+(?=\()|_\w+)")
"""What may be a function of the same module: public names are words as well, unless they are called."""


@cache
def of_function(name: str) -> tuple[str, ...]:
    """Paths below the package, of `module:function`; the function of a step, or one that the user's code runs in."""
    module, _, function = name.partition(":")
    path = _path(module)
    assert path is not None, f"{module} is no module of ours"
    text, functions = _divided(path)
    body = _closure(function, functions)
    words = set(_WORD.findall(body))
    pending = {found for _, found in _imported(body)} | {found for bound, found in _imported(text) if bound in words}
    reached = {path, *(found for call in _CALLED.findall(body) for found in of_function(f"{_CALLS}:{call}"))}
    pending -= reached
    while pending:
        found = pending.pop()
        if found not in NO_CONTENT:
            reached.add(found)
            pending |= imported(found) - reached
    return tuple(sorted(reached))


@cache
def imported(path: str) -> frozenset[str]:
    """Paths below the package of what the module in `path` imports anywhere, but for its types alone."""
    return frozenset(found for _, found in _imported(_TYPES.sub("", _text(path))))


@cache
def digests(paths: tuple[str, ...]) -> dict[str, str]:
    """Of our own sources, files and folders below the package, path → digest; shortened, for they are only compared."""
    return {path: digest for source in paths for path, digest in _digests(source)}


@cache
def _digests(source: str) -> list[tuple[str, str]]:
    """Of a file, or of every source in a folder."""
    place = PACKAGE / source
    found = [str(place)] if not source.endswith("/") else sorted(
        os.path.join(folder, name) for folder, _, names in os.walk(place) for name in names if name.endswith(SUFFIXES)
    )
    start = len(f"{PACKAGE}/")
    return [(path[start:], files.file_digest(path)[:16]) for path in found]


@cache
def _text(path: str) -> str:
    return (PACKAGE / path).read_text(encoding="utf-8")


@cache
def _divided(path: str) -> tuple[str, dict[str, str]]:
    """What stands above the functions of a module, without types; and each of these, by its name."""
    text = _TYPES.sub("", _text(path))
    starts = [*_FUNCTION.finditer(text)]
    ends = [*(match.start() for match in starts[1:]), len(text)]
    functions = {match[1]: text[match.start():end] for match, end in zip(starts, ends, strict=True)}
    return text[:starts[0].start()], functions


def _closure(name: str, functions: dict[str, str]) -> str:
    """The text of a function, and of those of its module that it names."""
    found, pending = {name}, [name]
    while pending:
        named = functions.keys() & set(_NAMED.findall(functions[pending.pop()]))
        pending += named - found
        found |= named
    return "\n".join(functions[name] for name in sorted(found))


def _imported(text: str) -> Iterator[tuple[str, str]]:
    """Each name that `text` binds to something of ours, with the path of the module that this is, or is of."""
    for module, names, whole in _IMPORT.findall(text):
        if whole:
            path = _path(whole)
            if path is not None:
                yield whole.partition(".")[0], path
            continue
        for item in names.strip("()").split(","):
            name, _, other = item.partition("#")[0].strip().partition(" as ")
            path = _path(f"{module}.{name}") or _path(module)
            if name and path is not None:
                yield other or name, path


@cache
def _path(module: str) -> str | None:
    """Of a module or a package of ours, below the package."""
    place = module.removeprefix("hlspike").lstrip(".").replace(".", "/")
    for path in (f"{place}.py", f"{place}/__init__.py"):
        if place and (PACKAGE / path).is_file():
            return path
    return None
