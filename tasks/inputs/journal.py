"""The recorder's log, judged when the call is over: which inputs it tells of, and whether each is still as it was read.

What a call itself made is no input of it. What it altered after it had looked at it counts as the call left it: a build
from now on finds it so.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from generators.errors import ToolError
from tasks import states
from tasks.layout import BUILD


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
        if source is not None and what != "r":
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


def settled(journal: Journal, began: int, label: str) -> dict[str, states.State]:
    """Name → state of every input.

    Args:
        began: when the call did, in ns.
        label: of the step, for messages.
    Raises:
        ToolError: an input changed meanwhile, so that nobody knows what the result rests on.
    """
    found = journal.looks
    written = {path for path, look in found.items() if look.written}
    settled: dict[str, states.State] = {}
    for path, look in found.items():
        if look.own or any(found[parent].own for parent in _parents(path) if parent in found):
            continue
        by_itself = path in written or any(parent in written for parent in _parents(path))
        judged = _Judged(path, look, by_itself, began, label)
        if look.link is not None:
            _keep(settled, states.LINK + name_of(path), judged.link())
        _keep(settled, name_of(path), judged.state(written))
    settled = _needed(settled)
    for path, file in journal.modules.items():
        folder, _, module = path.rpartition("/")
        place = name_of(folder)
        if states.resolved(folder, module) != file and not any(known.startswith(path) for known in written):
            raise ToolError(f"{place}/{module}: it changed while {label} ran; run the build again")
        settled[f"{states.MODULE}{place}/{module}"] = ["module", states.resolved(folder, module)]
    settled |= {f"{states.PACKAGE}{name}": ["package", version] for name, version in sorted(journal.packages.items())}
    return settled


def _keep(settled: dict[str, states.State], name: str, state: states.State | None) -> None:
    if state is not None:
        settled[name] = state


@dataclass(frozen=True, slots=True)
class _Judged:
    """A path that was looked at, at the end of the call; `by_itself`: what changed it may have been the call."""

    path: str
    look: Look
    by_itself: bool
    began: int
    label: str

    def state(self, written: set[str]) -> states.State | None:
        """Raises ToolError if it is not what it was."""
        look = self.look
        if look.read:
            return self._bytes()
        if look.names is not None:
            return self._listing(look.names, written)
        if look.missing or look.there:
            return self._presence()
        return None

    def link(self) -> states.State | None:
        text = os.readlink(self.path) if os.path.islink(self.path) else None
        if text != self.look.link and not self.by_itself:
            raise self._changed()
        return None if text is None else ["link", text]

    def _bytes(self) -> states.State | None:
        now = _signature(self.path)
        if now is None:
            if self.by_itself:
                return ["missing"]
            # made meanwhile by a program that is not seen, and gone again: passing, not an input
            if self.look.read[0] and int(self.look.read[0].rpartition(":")[2]) >= self.began:
                return None
            raise self._changed()
        known = {at for at in self.look.read if at}
        if not (known <= {now}) and not self.by_itself:
            raise self._changed()
        state = states.seen(self.path, "bytes")
        if _signature(self.path) != now or (self.look.missing and not self.by_itself):
            raise self._changed()
        return state

    def _listing(self, names: set[str], written: set[str]) -> states.State | None:
        if _below_build(self.path):
            return None
        try:
            state, now = states.seen(self.path, "listing"), states.listed(self.path)
        except OSError:
            if self.by_itself:
                return ["missing"]
            raise self._changed() from None
        other = states.lasting(names ^ now, self.path)
        if any(f"{self.path}/{name.rstrip('/')}" not in written for name in other):
            raise self._changed()
        return state

    def _presence(self) -> states.State | None:
        look, now = self.look, _signature(self.path)
        if now is None:
            if look.there and not self.by_itself:
                raise self._changed()
            return ["missing"]
        if look.missing:
            if not self.by_itself:
                raise self._changed()
            is_file = os.path.isfile(self.path)
            return states.seen(self.path, "bytes") if is_file else states.seen(self.path, "there")
        if stat.S_ISDIR(os.stat(self.path).st_mode):
            return None if _below_build(self.path) else ["there", "folder"]
        sizes = {at.split(":")[2] for at in look.there if at}
        if not sizes <= {now.split(":")[2]} and not self.by_itself:
            raise self._changed()
        return states.seen(self.path, "there")

    def _changed(self) -> ToolError:
        if self.look.mapped:
            return ToolError(
                f"{name_of(self.path)}: {self.label} mapped it for writing, and it changed while that ran; map it for "
                "reading, as numpy.memmap does with mode='r' or 'c'"
            )
        return ToolError(f"{name_of(self.path)}: it changed while {self.label} ran; run the build again")


def _signature(path: str) -> str | None:
    """As the recorder writes it; None if there is nothing."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return f"{found.st_dev}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}"


def _parents(path: str) -> Iterator[str]:
    while path != "/":
        path = os.path.dirname(path)
        yield path


def name_of(path: str) -> str:
    """Relative to the working directory if it is below, also by way of a link."""
    here = os.getcwd()
    if path == here:
        return "."
    if path.startswith(f"{here}/"):
        return path[len(here) + 1:]
    folder = os.path.realpath(os.path.dirname(path))
    if folder == here or folder.startswith(f"{here}/"):
        return os.path.relpath(f"{folder}/{os.path.basename(path)}", here)
    return path


def _below_build(path: str) -> bool:
    build = os.path.abspath(BUILD)
    return path == build or path.startswith(f"{build}/")


def _needed(settled: dict[str, states.State]) -> dict[str, states.State]:
    """Without the folders that have to be there for something else to be, and those that hold no program of a name."""
    here = os.getcwd()
    programs = {place for place in os.environ.get("PATH", "").split(os.pathsep) if not place.startswith(here)}
    implied = {
        parent for name, state in settled.items() if state != ["missing"]
        for parent in _parents(os.path.join(here, name.removeprefix(states.LINK)))
    }
    implied |= {here, *_parents(here)}
    return {
        name: state for name, state in settled.items()
        if not (state == ["there", "folder"] and os.path.normpath(os.path.join(here, name)) in implied)
        and not (state == ["missing"] and os.path.dirname(name) in programs)
    }
