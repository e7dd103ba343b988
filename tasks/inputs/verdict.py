"""The verdict on a call that is over: which inputs it had, and whether each is still as it was when it was read.

What a call itself made is no input of it. What it altered after it had looked at it counts as the call left it: a build
from now on finds it so.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass

from hlspike.generators.errors import ToolError
from hlspike.tasks.engine import states
from hlspike.tasks.inputs.journal import Journal, Look, parents, signature
from hlspike.tasks.layout import BUILD


def inputs(journal: Journal, began: int, label: str) -> dict[str, states.State]:
    """Name → state of every input.

    Args:
        began: when the call did, in ns.
        label: of the step, for messages.
    Raises:
        ToolError: an input changed meanwhile, so that nobody knows what the result rests on.
    """
    looks = journal.looks
    written = {path for path, look in looks.items() if look.written}
    found: dict[str, states.State] = {}
    for path, look in looks.items():
        if look.own or any(looks[parent].own for parent in parents(path) if parent in looks):
            continue
        by_itself = path in written or any(parent in written for parent in parents(path))
        judged = _Judged(path, look, by_itself, began, label)
        for name, state in ((states.LINK + name_of(path), judged.link()), (name_of(path), judged.state(written))):
            if state is not None:
                found[name] = state
        if look.read and look.there and path not in written and os.access(path, os.X_OK):
            found[states.ACCESS + name_of(path)] = states.seen(states.ACCESS + path, "access")
    found |= _order(looks, written, label)
    return {**_needed(found), **_modules(journal, written, label), **_packages(journal)}


def _order(looks: Mapping[str, Look], written: set[str], label: str) -> dict[str, states.State]:
    """Which of the files that it asked about are older than others: the newest of a folder may be what it took.

    Of files by given names, all of which it read, it only asked whether they are there.
    """
    asked = {
        path: look.there for path, look in looks.items()
        if look.there and path not in written and os.path.isfile(path)
        and not any(looks[parent].own for parent in parents(path) if parent in looks)
    }
    is_open = any(
        not looks[path].read or any(looks[parent].names is not None for parent in parents(path) if parent in looks)
        for path in asked
    )
    if len(asked) < 2 or not is_open:
        return {}
    for path, moments in asked.items():
        if not {at.split(":")[3] for at in moments if at} <= {str(os.stat(path).st_mtime_ns)}:
            raise ToolError(f"{name_of(path)}: it changed while {label} ran; run the build again")
    return {f"{states.ORDER}.": states.order(map(name_of, asked))}


def _modules(journal: Journal, written: set[str], label: str) -> dict[str, states.State]:
    found: dict[str, states.State] = {}
    for path, file in journal.modules.items():
        folder, _, module = path.rpartition("/")
        name = f"{name_of(folder)}/{module}"
        now = states.resolved(folder, module)
        if now != file and not any(known.startswith(path) for known in written):
            raise ToolError(f"{name}: it changed while {label} ran; run the build again")
        found[states.MODULE + name] = ["module", now]
    return found


def _packages(journal: Journal) -> dict[str, states.State]:
    return {states.PACKAGE + name: ["package", version] for name, version in sorted(journal.packages.items())}


@dataclass(frozen=True, slots=True)
class _Judged:
    """A path that was looked at, at the end of the call.

    Attributes:
        by_itself: what changed it may have been the call.
    """

    path: str
    look: Look
    by_itself: bool
    began: int
    label: str

    def state(self, written: set[str]) -> states.State | None:
        """Raises ToolError if it is not what it was."""
        look = self.look
        if look.missing and look.written and _is_temporary(self.path) and _now(self.path) is None:
            return None  # a name that was drawn for what passes
        if look.read:
            return self._bytes()
        if look.names is not None:
            return self._listing(look.names, written)
        if look.missing or look.there:
            return self._presence()
        return None

    def link(self) -> states.State | None:
        if self.look.link is None:
            return None
        text = os.readlink(self.path) if os.path.islink(self.path) else None
        if text != self.look.link and not self.by_itself:
            raise self._changed()
        return None if text is None else ["link", text]

    def _bytes(self) -> states.State | None:
        now = _now(self.path)
        if now is None:
            if self.by_itself:
                return ["missing"]
            # made meanwhile by a program that is not seen, and gone again: passing, not an input
            if self.look.read[0] and int(self.look.read[0].rpartition(":")[2]) >= self.began:
                return None
            raise self._changed()
        known = {at for at in self.look.read if at}
        if not set(map(self._told_apart, known)) <= {self._told_apart(now)} and not self.by_itself:
            raise self._changed()
        state = states.seen(self.path, "bytes")
        if _now(self.path) != now or (self.look.missing and not self.by_itself):
            raise self._changed()
        return state

    def _told_apart(self, at: str) -> str:
        return at.rpartition(":")[0] if self.look.linked else at

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
        look, now = self.look, _now(self.path)
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
        if _below_build(self.path):
            return ToolError(
                f"{name_of(self.path)}: {self.label} reads it while this build makes it; read nothing below {BUILD}"
            )
        return ToolError(f"{name_of(self.path)}: it changed while {self.label} ran; run the build again")


def _now(path: str) -> str | None:
    """The signature of what is there; None if there is nothing."""
    try:
        return signature(path)
    except OSError:
        return None


def name_of(path: str) -> str:
    """Relative to the working directory if it is below, also by way of a link."""
    here = os.getcwd()
    if path == here:
        return "."
    if path.startswith(f"{here}/"):
        return _told(path[len(here) + 1:])
    folder = os.path.realpath(os.path.dirname(path))
    if folder == here or folder.startswith(f"{here}/"):
        return _told(os.path.relpath(f"{folder}/{os.path.basename(path)}", here))
    return path


def _told(path: str) -> str:
    """A file may be called as names of another kind begin."""
    return f"./{path}" if states.parted(path)[0] else path


def _is_temporary(path: str) -> bool:
    folders = () if path.startswith(f"{os.getcwd()}/") else (tempfile.gettempdir(), "/dev/shm")
    return any(path.startswith(f"{folder}/") for folder in folders)


def _below_build(path: str) -> bool:
    build = os.path.abspath(BUILD)
    return path == build or path.startswith(f"{build}/")


def _needed(found: dict[str, states.State]) -> dict[str, states.State]:
    """Without the folders that have to be there for something else to be, and those that hold no program of a name."""
    here = os.getcwd()
    programs = {place for place in os.environ.get("PATH", "").split(os.pathsep) if not place.startswith(here)}
    implied = {
        parent for name, state in found.items() if state != ["missing"]
        for parent in parents(os.path.join(here, name.removeprefix(states.LINK)))
    }
    implied |= {here, *parents(here)}
    return {
        name: state for name, state in found.items()
        if not (state == ["there", "folder"] and os.path.normpath(os.path.join(here, name)) in implied)
        and not (state == ["missing"] and os.path.dirname(name) in programs)
    }
