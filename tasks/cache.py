"""The shared cache: what a step made, found again by what it was made from.

    <folder>/results/<key>/<variation>/   entry.json and the files of one result, named by number
    <folder>/locks/<key>                  held by whoever is making the result
    <folder>/new/                         entries being written

A key is a digest of content alone: no path, no time and no name of a machine, so a clone elsewhere or a colleague hits
it. Inputs that a step discovers only when it runs (headers, imported modules) tell the variations of a key apart.
An entry comes into being by one rename, so a reader never sees half of one, and every file is checked against its
digest when it is taken out.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tasks import files, locks

_GIB = 2**30
_DESCRIPTION = "entry.json"
_SLACK = 0.9
"""Of the bound, what eviction leaves: it does not run again for the next entry."""
_ABANDONED = 24 * 3600
"""Seconds after which an entry still being written has no writer any more."""


class Damaged(Exception):  # noqa: N818 - says what an entry is
    """A file of an entry is not what was put in."""


@dataclass(frozen=True, slots=True)
class Output:
    """A file of an entry: its name to the step that made it, its name in the entry, and what is known of it."""

    name: str
    file: str
    size: int
    digest: str
    executable: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One result.

    Attributes:
        found: discovered inputs, name → digest.
        meta: what else was known of it, plain JSON; `seconds` is the time it took to make.
    """

    folder: Path
    made: tuple[Output, ...]
    found: Mapping[str, str]
    meta: Mapping[str, Any]

    @property
    def size(self) -> int:
        return sum(output.size for output in self.made)

    def restore(self, targets: Mapping[str, Path]) -> None:
        """Write each output to the path that `targets` has for it, unless it is there already.

        Raises:
            Damaged: one has changed since it was put in; none has been written then.
        """
        contents = [self._read(output) for output in self.made]
        for output, content in zip(self.made, contents, strict=True):
            path = targets[output.name]
            files.write(path, content)
            if output.executable and not os.access(path, os.X_OK):
                path.chmod(0o777 & ~files.UMASK)
        with contextlib.suppress(OSError):
            os.utime(self.folder / _DESCRIPTION)

    def verify(self) -> None:
        """Raises Damaged."""
        for output in self.made:
            self._read(output)

    def _read(self, output: Output) -> bytes:
        try:
            content = (self.folder / output.file).read_bytes()
        except OSError as error:
            raise Damaged(f"{output.name} cannot be read, {error.strerror}") from None
        if files.digest(content) != output.digest:
            raise Damaged(f"{output.name} is not what was put in")
        return content


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
        return Cache(folder_of(config["dir"]), int(config["size"] * _GIB))

    def lock(self, key: str, waiting: Callable[[], None]) -> AbstractContextManager[None]:
        """Held while the result of `key` is made, so that it is made once. Raises OSError."""
        if self.folder is None:
            return contextlib.nullcontext()
        return locks.locked(self.folder / "locks" / key, waiting)

    def get(self, key: str, current: Callable[[str], str | None]) -> Entry | None:
        """The result of `key` whose discovered inputs are what they are now.

        Args:
            current: digest of a discovered input by its name, None if there is no such file.
        """
        for entry in self._variations(key):
            if all(current(name) == known for name, known in entry.found.items()):
                return entry
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
        place = self._place(key) / files.digest(repr(sorted(found.items())).encode())[:16]
        new = self.folder / "new"
        new.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=new))
        try:
            folder.chmod(0o777 & ~files.UMASK)  # others may share it
            made = [_kept(name, path, folder / str(number)) for number, (name, path) in enumerate(outputs.items())]
            description = {"made": [asdict(item) for item in made], "found": dict(found), "meta": dict(meta)}
            files.write_json(folder / _DESCRIPTION, description)
            place.parent.mkdir(parents=True, exist_ok=True)
            _discard(place)
            os.rename(folder, place)
        except OSError:
            _discard(folder)
            raise

    def discard(self, folder: Path) -> None:
        """Remove an entry by its folder."""
        _discard(folder)

    def unreadable(self) -> list[Path]:
        """Folders in the place of entries that are none: damaged, or being removed."""
        if self.folder is None:
            return []
        return [folder for folder in sorted(self.folder.glob("results/*/*/*")) if _entry(folder) is None]

    def entries(self) -> Iterator[Entry]:
        """Every entry, the most recently used first."""
        if self.folder is None:
            return
        found = []
        for description in self.folder.glob(f"results/*/*/*/{_DESCRIPTION}"):
            with contextlib.suppress(OSError):
                found.append((description.stat().st_mtime_ns, description.parent))
        for _, folder in sorted(found, reverse=True):
            entry = _entry(folder)
            if entry is not None:
                yield entry

    def prune(self, bound: int | None = None) -> tuple[int, int]:
        """Remove the least recently used entries beyond `bound` bytes, and what killed builds left.

        Returns:
            Number of entries removed, and their bytes.
        """
        if self.folder is None:
            return 0, 0
        allowed = self.bound if bound is None else bound
        every = list(self.entries())
        kept = total = sum(entry.size for entry in every)
        removed = 0
        if total > allowed:
            while every and kept > allowed * _SLACK:
                entry = every.pop()
                _discard(entry.folder)
                kept -= entry.size
                removed += 1
        for left in self.folder.glob("new/*"):
            with contextlib.suppress(OSError):
                if time.time() - left.stat().st_mtime > _ABANDONED:
                    _discard(left)
        return removed, total - kept

    def _variations(self, key: str) -> Iterator[Entry]:
        if self.folder is None:
            return
        try:
            folders = sorted(self._place(key).iterdir())
        except OSError:
            return
        for folder in folders:
            entry = _entry(folder)
            if entry is not None:
                yield entry

    def _place(self, key: str) -> Path:
        assert self.folder is not None
        return self.folder / "results" / key[:2] / key


def _entry(folder: Path) -> Entry | None:
    """The entry in `folder`; None where it is being removed, or nothing that can be read."""
    try:
        data = files.read_json(folder / _DESCRIPTION)
        return Entry(folder, tuple(Output(**item) for item in data["made"]), data["found"], data["meta"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _kept(name: str, path: Path, copy: Path) -> Output:
    shutil.copyfile(path, copy)
    # of the copy: the file may be replaced meanwhile
    content = copy.read_bytes()
    return Output(name, copy.name, len(content), files.digest(content), os.access(path, os.X_OK))


def _discard(folder: Path) -> None:
    """Remove a folder, the description first: what is left is no entry."""
    with contextlib.suppress(OSError):
        (folder / _DESCRIPTION).unlink()
    shutil.rmtree(folder, ignore_errors=True)


def folder_of(shared: str | None) -> Path:
    """What all processes share that name the same cache.dir; without one, all of this user."""
    own = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hlspike"
    return Path(shared).expanduser() if shared else own
