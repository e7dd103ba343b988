"""Inputs that a user's code brings along: the modules it imports and the files it reads while it is called.

Nobody declares them, but a step has to run again when one of them changes. What belongs to Python or to an installed
package counts with the package's version instead.
"""

from __future__ import annotations

import ast
import os
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from generators.errors import ToolError
from tasks import files
from tasks.layout import BUILD, PACKAGE

_heard = threading.local()
_hooked = False
_at_import: dict[str, set[str]] = {}
"""Source → files opened when it was first imported; later calls rest on them too."""


@contextmanager
def imported(source: str) -> Iterator[None]:
    """The block imports what the configured `source` names."""
    with _opened() as opened:
        yield
    _at_import.setdefault(source, set()).update(opened)


@contextmanager
def called(source: str, function: Callable[..., Any], found: list[Path]) -> Iterator[None]:
    """Add to `found` what the call of `function` in the block rests on: its modules, and the files this thread reads.

    Raises:
        ToolError: one of the modules changed meanwhile, so that nobody knows what the result rests on.
    """
    states = {path: files.signature(path) for path in _closure(_defining(function))}
    with _opened() as opened, _imports() as names:
        yield
    for path, known in states.items():
        if not path.is_file() or files.signature(path) != known:
            raise ToolError(f"{path}: it changed while {source} ran; run the build again")
    new = {name: sys.modules[name] for name in names if name in sys.modules}
    modules = _closure(_defining(function)) | set(_own(new).values())
    read = {path for path in map(_placed, opened | _at_import.get(source, set())) if _counts(path)}
    found += sorted((modules | read) - set(found))


def _opened() -> AbstractContextManager[set[str]]:
    """Paths of the files that this thread opens for reading in the block."""
    return _heard_of("open")


def _imports() -> AbstractContextManager[set[str]]:
    """Names of the modules that this thread is the first to import in the block."""
    return _heard_of("import")


@contextmanager
def _heard_of(event: str) -> Iterator[set[str]]:
    global _hooked
    if not _hooked:
        _hooked = True
        sys.addaudithook(_hear)
    outer: set[str] | None = getattr(_heard, event, None)
    inner: set[str] = set()
    setattr(_heard, event, inner)
    try:
        yield inner
    finally:
        setattr(_heard, event, outer)
        if outer is not None:
            outer |= inner


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in ("open", "import"):
        return
    heard: set[str] | None = getattr(_heard, event, None)
    if heard is None:
        return
    if event == "import":
        heard.add(str(arguments[0]))
        return
    path, mode, flags = arguments
    reading = set(mode) <= set("rbtU") if isinstance(mode, str) else (flags & os.O_ACCMODE) == os.O_RDONLY
    if reading and isinstance(path, str | bytes | os.PathLike):
        heard.add(os.fsdecode(path))


def _defining(callable_: Callable[..., Any]) -> ModuleType | None:
    return sys.modules.get(getattr(callable_, "__module__", None) or type(callable_).__module__)


def _closure(module: ModuleType | None) -> set[Path]:
    """The files of `module` and of every module that it imports, directly or not, as far as they are the user's."""
    own = _own(dict(sys.modules))
    found: set[str] = set()
    pending = {module.__name__} & own.keys() if module is not None else set()
    while pending:
        name = pending.pop()
        found.add(name)
        pending |= (_imported(name, own[name]) & own.keys()) - found
    return {own[name] for name in found}


def _imported(name: str, path: Path) -> set[str]:
    """Names that may be modules `name` imports: by its text, wherever an import stands, and by what it holds."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            start = ".".join(parents[: len(parents) - node.level + 1]) if node.level else ""
            base = ".".join(part for part in (start, node.module) if part)
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    for value in list(vars(sys.modules[name]).values()):
        holder = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        if isinstance(holder, str):
            names.add(holder)
    return names | {".".join(parts[:n]) for parts in (each.split(".") for each in names) for n in range(1, len(parts))}


def _own(modules: Mapping[str, Any]) -> dict[str, Path]:
    """Name → file of the modules that are the user's."""
    found = {}
    for name, module in modules.items():
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.endswith(".py") and _counts(path := _placed(file)):
            found[name] = path
    return found


def _placed(path: str) -> Path:
    """Relative to the working directory if it is below."""
    whole, here = Path(os.path.abspath(path)), Path.cwd()
    return whole.relative_to(here) if whole.is_relative_to(here) else whole


def _counts(path: Path) -> bool:
    whole = Path.cwd() / path
    return whole.suffix != ".pyc" and whole.is_file() and not any(whole.is_relative_to(place) for place in _foreign())


@cache
def _foreign() -> tuple[Path, ...]:
    """Where Python, installed packages, the system, this package and this build keep theirs."""
    schemes = (sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib", "scripts"))
    system = "/proc", "/sys", "/dev", "/etc", "/usr"
    ours = PACKAGE / "generators", PACKAGE / "tasks", Path.cwd() / BUILD
    places = {*schemes, *system, sys.prefix, tempfile.gettempdir(), *map(str, ours)}
    return tuple(Path(place) for place in places if place and not Path.cwd().is_relative_to(place))
