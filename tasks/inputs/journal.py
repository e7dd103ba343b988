"""The recorder's log, read when the call is over: what became of each path."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path


@dataclass(slots=True)
class Look:
    """All looks at one path.

    Attributes:
        own: it was made before it was looked at.
        written: it was made, altered or removed at some time.
        mapped: it was mapped so that it could be altered unseen.
        read: what told the moments apart at which it was opened for reading.
        missing, there: it was looked for in vain, or found and not opened.
        link: where it led as a symbolic link.
        names: in it, as a folder.
    """

    own: bool = False
    written: bool = False
    mapped: bool = False
    read: list[str] = field(default_factory=list)
    missing: bool = False
    there: list[str] = field(default_factory=list)
    link: str | None = None
    names: set[str] | None = None


@dataclass(frozen=True, slots=True)
class Journal:
    """What a call looked at.

    Attributes:
        looks: absolute path → what became of it.
        modules: <folder>/<name> → the file that an import found there, see `states.resolved`.
        packages: name → version.
    """

    looks: Mapping[str, Look]
    modules: Mapping[str, str]
    packages: Mapping[str, str]


def read(log: Path) -> Journal:
    """The log of a call."""
    found: dict[str, Look] = {}
    modules: dict[str, str] = {}
    packages: dict[str, str] = {}
    for what, at, path, more in _records(log.read_bytes()):
        if what in "iv":
            (modules if what == "i" else packages).setdefault(path, more)
            continue
        path = _whole(path)
        source = _source_of(path)
        if source is not None and what not in "rq":
            continue
        look = found.setdefault(source or path, Look())
        if what in "wa":
            untouched = not (look.read or look.missing or look.there or look.names or look.link)
            look.own |= what == "w" and untouched and not look.written
            look.written = True
        elif what == "p":
            look.mapped = True
        elif not look.own:
            _take(look, what, "" if source else at, more)
    return Journal(found, modules, packages)


def _take(look: Look, what: str, at: str, more: str) -> None:
    match what:
        case "r" | "u":
            look.read.append(at)
        case "q":
            look.read.append(more)
        case "m":
            look.missing = True
        case "s":
            look.there.append(at)
        case "k":
            look.link = look.link or more
        case "l":
            names = {name[1:] + "/" * (name[0] == "d") for name in more.split("/") if name}
            look.names = look.names if look.names is not None else names


def _records(data: bytes) -> Iterator[tuple[str, str, str, str]]:
    fields = iter(data.split(b"\0"))
    for head, path, more in zip(fields, fields, fields, strict=False):
        kind = head.decode()
        yield kind[:1], kind[1:], os.fsdecode(path), os.fsdecode(more)


def _source_of(path: str) -> str | None:
    """The source that a file of bytecode stands for."""
    folder, name = os.path.split(path)
    if os.path.basename(folder) == "__pycache__":
        return f"{os.path.dirname(folder)}/{name.partition('.')[0]}.py"
    return f"{folder}/__init__.py" if name == "__pycache__" else None


@cache
def _whole(path: str) -> str:
    """Without //, /./ and /../, of which the last may lead through a link."""
    if "/../" in path or path.endswith("/.."):
        folder, name = os.path.split(path)
        return os.path.realpath(path) if name == ".." else f"{os.path.realpath(folder)}/{name}".replace("//", "/")
    return os.path.normpath(path)


def signature(path: str) -> str:
    """What tells a file apart from what it was or will be, as the recorder writes it."""
    found = os.stat(path)
    return f"{found.st_dev}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}"
