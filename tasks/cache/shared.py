"""The shared cache: what a step made, found again by what it was made from.

    <folder>/CACHEDIR.TAG                 the mark: without it nothing here is ours to write or to remove
    <folder>/results/<key>/<variation>/   entry.json and the files of one result, see `tasks.entry`
    <folder>/locks/<key>                  held by whoever is making the result
    <folder>/new/                         entries being written

A key is a digest of content alone: no path, no time and no name of a machine, so a clone elsewhere or a colleague hits
it. Inputs that a step discovers only when it runs (headers, imported modules) tell the variations of a key apart.
An entry comes into being by one rename, so a reader never sees half of one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hlspike.generators.errors import ConfigError
from hlspike.tasks.cache import entry
from hlspike.tasks.cache.entry import DESCRIPTION, Entry
from hlspike.tasks.system import files, locks

_GIB = 2**30
_MARK = "CACHEDIR.TAG"
_SAYS = """Signature: 8a477f597d28d172789f06886806bc55
# A cache of hlspike: results of builds, which make again what is missing here.
# By this file backups leave it out, see https://bford.info/cachedir/
"""
_PLACES = re.compile(r"[0-9a-f]{2}/[0-9a-f]{64}/[0-9a-f]{16}")
"""Of entries, below results/."""
_NEW = "entry-"
_SLACK = 0.9
"""Of the bound, what eviction leaves: it does not run again for the next entry."""
_ABANDONED = 24 * 3600
"""Seconds after which an entry still being written has no writer any more."""


@dataclass(frozen=True)
class Cache:
    """A folder of results, at most `bound` bytes of them; `Cache(None, 0)` holds nothing."""

    folder: Path | None
    bound: int

    @staticmethod
    def of(config: Mapping[str, Any]) -> Cache:
        """The cache of the configuration key `cache`."""
        if not config["enabled"]:
            return Cache(None, 0)
        return Cache(folder_of(config["dir"]) / "cache", int(config["size"] * _GIB))

    @property
    def marked(self) -> bool:
        """Whether there is a folder, and it is ours."""
        try:
            return self.folder is not None and (self.folder / _MARK).read_text(encoding="utf-8") == _SAYS
        except (OSError, ValueError):
            return False

    def lock(self, key: str, waiting: Callable[[], None]) -> AbstractContextManager[None]:
        """Held while the result of `key` is made, so that it is made once. Raises OSError."""
        if self.folder is None:
            return contextlib.nullcontext()
        self._make(self.folder)
        return locks.locked(self.folder / "locks" / key, waiting)

    def _make(self, folder: Path) -> None:
        """Make the folder with its mark, in one rename, unless it is there.

        Raises:
            OSError: what is there is no cache, or nothing can be made there.
        """
        if self.marked:
            return
        folder.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".cache-"))
        try:
            new.chmod(0o777 & ~files.UMASK)  # others may share it
            (new / _MARK).write_text(_SAYS, encoding="utf-8")
            os.rename(new, folder)
        except OSError:
            (new / _MARK).unlink(missing_ok=True)
            new.rmdir()
            if not self.marked:
                told = f"it is no cache of hlspike, which would hold a {_MARK} of its own; remove it, or set cache.dir"
                raise OSError(errno.EEXIST, told, str(folder)) from None

    def get(self, key: str, current: Callable[[str, str], str | None]) -> Entry | None:
        """The result of `key` whose discovered inputs are what they are now.

        Args:
            current: content of a discovered input by its name and what it was, None if it has none; see `tasks.states`.
        """
        for found in self._variations(key):
            if all(current(name, known) == known for name, known in found.found.items()):
                return found
        return None

    def put(
        self, key: str, outputs: Mapping[str, Path], found: Mapping[str, str], meta: Mapping[str, Any]
    ) -> None:
        """Keep `outputs`, name → file, as the result of `key`.

        Raises:
            OSError: the cache cannot be written.
        """
        if self.folder is None:
            return
        self._make(self.folder)
        place = self._place(self.folder, key) / files.digest(repr(sorted(found.items())).encode())[:16]
        new = self.folder / "new"
        new.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=new, prefix=_NEW))
        try:
            folder.chmod(0o777 & ~files.UMASK)
            Entry.write(folder, outputs, found, meta)
            place.parent.mkdir(parents=True, exist_ok=True)
            entry.discard(place)
            os.rename(folder, place)
        except OSError:
            entry.discard(folder)
            raise

    def unreadable(self) -> list[Path]:
        """Folders in the place of entries that are none: damaged, or being removed."""
        return [folder for folder in self._folders() if Entry.read(folder) is None]

    def entries(self) -> Iterator[Entry]:
        """Every entry, the most recently used first."""
        used = []
        for folder in self._folders():
            with contextlib.suppress(OSError):
                used.append(((folder / DESCRIPTION).stat().st_mtime_ns, folder))
        for _, folder in sorted(used, reverse=True):
            found = Entry.read(folder)
            if found is not None:
                yield found

    def prune(self, bound: int | None = None) -> tuple[int, int]:
        """Remove the least recently used entries beyond `bound` bytes, and what killed builds left.

        Returns:
            Number of entries removed, and their bytes.
        """
        allowed = self.bound if bound is None else bound
        every = list(self.entries())
        kept = total = sum(found.size for found in every)
        removed = 0
        if total > allowed:
            while every and kept > allowed * _SLACK:
                oldest = every.pop()
                entry.discard(oldest.folder)
                kept -= oldest.size
                removed += 1
        if self.folder is not None and self.marked:
            for left in self.folder.glob(f"new/{_NEW}*"):
                with contextlib.suppress(OSError):
                    if time.time() - left.stat().st_mtime > _ABANDONED:
                        entry.discard(left)
        return removed, total - kept

    def _folders(self) -> list[Path]:
        """The places of entries that there are."""
        if self.folder is None or not self.marked:
            return []
        results = self.folder / "results"
        return [
            folder for folder in sorted(results.glob("*/*/*"))
            if _PLACES.fullmatch(folder.relative_to(results).as_posix()) and folder.is_dir()
        ]

    def _variations(self, key: str) -> Iterator[Entry]:
        if self.folder is None or not self.marked:
            return
        try:
            folders = sorted(self._place(self.folder, key).iterdir())
        except OSError:
            return
        yield from filter(None, map(Entry.read, folders))

    @staticmethod
    def _place(folder: Path, key: str) -> Path:
        return folder / "results" / key[:2] / key


def folder_of(shared: str | None) -> Path:
    """What all processes share that name the same cache.dir; without one, all of this user.

    Raises:
        ConfigError: this user has no home folder.
    """
    named = shared or os.environ.get("XDG_CACHE_HOME") or ""
    try:
        # a relative folder of that variable is to be ignored, says the standard that defines it
        place = Path(named).expanduser() if shared or os.path.isabs(named) else Path.home() / ".cache"
    except RuntimeError:
        raise ConfigError(f"cache.dir: {shared or '~'}: there is no such home folder; set cache.dir") from None
    return place / "hlspike"
