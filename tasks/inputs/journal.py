"""The recorder's log, read when the call is over: what became of each path."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

_LINKS = 40
"""Most links that the kernel follows for one path."""


@dataclass(slots=True)
class Look:
    """All looks at one path.

    Attributes:
        own: it was made before it was looked at.
        written: it was made, altered or removed at some time.
        mapped: it was mapped so that it could be altered unseen.
        linked: it got another name, by which what is done to that moves the time of its own last change.
        read: what told the moments apart at which it was opened for reading.
        missing, there: it was looked for in vain, or found and not opened.
        link: where it led as a symbolic link.
        names: in it, as a folder.
    """

    own: bool = False
    written: bool = False
    mapped: bool = False
    linked: bool = False
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
        unseen: program that does not record → why not.
    """

    looks: Mapping[str, Look]
    modules: Mapping[str, str]
    packages: Mapping[str, str]
    unseen: Mapping[str, str]


def read(log: Path) -> Journal:
    """The log of a call."""
    reading = _Reading()
    for record in _records(log.read_bytes()):
        reading.take(*record)
    return Journal(reading.looks, reading.modules, reading.packages, reading.unseen)


class _Reading:
    """What has been read of a log so far."""

    def __init__(self) -> None:
        self.looks: dict[str, Look] = {}
        self.modules: dict[str, str] = {}
        self.packages: dict[str, str] = {}
        self.unseen: dict[str, str] = {}
        self._names = Names()

    def take(self, what: str, at: str, path: str, more: str) -> None:
        match what:
            case "i":
                self.modules.setdefault(path, more)
            case "v":
                self.packages.setdefault(path, more)
            case "x":
                self.unseen.setdefault(path, more)
            case "n":
                self._moved(_whole(more), _whole(path))
            case "d":
                path = self._names.here(_whole(path))
                self._names.forget(path)
                self._written(path, made=True)
            case "w" if more:
                path = self._names.here(_whole(path))
                self._names.lead(path, os.path.join(os.path.dirname(path), more))
                self._written(path, made=True)
            case _:
                self._looked(what, at, _whole(path), more)

    def _looked(self, what: str, at: str, path: str, more: str) -> None:
        path = self._names.here(path) if what == "k" else self._names.real(path)
        source = _source_of(path)
        if source is not None and what not in "rq":
            return
        if what in "wa":
            self._written(path, made=what == "w")
            return
        look = self.looks.setdefault(source or path, Look())
        if what == "p":
            look.mapped = True
        elif not look.own:
            _take(look, what, "" if source else at, more)

    def _written(self, path: str, made: bool) -> None:
        look = self.looks.setdefault(path, Look())
        untouched = not (look.read or look.missing or look.there or look.names or look.link)
        look.own |= made and untouched and not look.written
        look.written = True

    def _moved(self, old: str, new: str) -> None:
        """What was not made by the call stays what it was, under another name."""
        old, new = self._names.here(old), self._names.here(new)
        looks = [self.looks[place] for place in (old, *parents(old)) if place in self.looks]
        own = any(look.own or (look.missing and look.written) for look in looks)
        self._names.move(old, new, known=own)
        self._written(new, made=True)
        self.looks.setdefault(old, Look()).written = True


class Names:
    """Paths that lead elsewhere since the call has made a link there, or has moved something there."""

    def __init__(self) -> None:
        self._leads: dict[str, str] = {}

    def lead(self, path: str, to: str) -> None:
        self._leads[path] = _whole(to)

    def forget(self, path: str) -> None:
        self._leads.pop(path, None)

    def move(self, old: str, new: str, known: bool) -> None:
        """
        Args:
            known: it was made by the call, and its content is no input.
        """
        to = self._leads.pop(old, None if known else old)
        below = [path for path in self._leads if path.startswith(f"{old}/")]
        for path in below:
            self._leads[new + path[len(old):]] = self._leads.pop(path)
        self.forget(new)
        if to not in (None, new):
            self._leads[new] = to

    def real(self, path: str) -> str:
        """Where `path` leads."""
        for _ in range(_LINKS if self._leads else 0):
            start = next((place for place in (path, *parents(path)) if place in self._leads), None)
            if start is None:
                break
            path = self._leads[start] + path[len(start):]
        return path

    def here(self, path: str) -> str:
        """Where `path` itself is, which may be a link."""
        folder, name = os.path.split(path)
        return os.path.join(self.real(folder), name)


def _take(look: Look, what: str, at: str, more: str) -> None:
    match what:
        case "r" | "u":
            look.read.append(at)
        case "h":
            look.read.append(at)
            look.linked = True
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


def parents(path: str) -> Iterator[str]:
    while path != "/":
        path = os.path.dirname(path)
        yield path


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
