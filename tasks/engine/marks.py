"""What is ours: a build's folder, by the mark it carries, and the files in it that a step is known to have made.

Nothing else is written over or removed, whatever its name is: a user may keep own files beside those of a build, and
may name a folder that holds something else.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from hlspike.generators.errors import ConfigError
from hlspike.tasks.layout import BUILD, HEADERS
from hlspike.tasks.system import files

_MARK = ".hlspike"
_SAYS = "A folder of builds by hlspike. Without this file nothing here is written over or removed.\n"
_RUNNING = BUILD / ".running"
"""There from the start of a build to its end: where a build finds it, one before it was killed."""
_SCRATCH = re.compile(r".*\.(?:npy|cpp|h|s|d|log|hlspike\.part)")
"""Files of a folder that has the name of an unfinished file."""


def claim(folder: Path) -> None:
    """Mark `folder`, of all builds of one name, as ours.

    Raises:
        ConfigError: it holds something, and no mark.
        OSError: it cannot be made.
    """
    if carries(folder):
        return
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()) and not carries(folder):
        raise ConfigError(
            f"name: {folder} holds files that are of no build, there is no {_MARK} in it; choose another name, or "
            "another folder for builds by HLSPIKE_BUILD"
        )
    # the file counts, not what it says: one that a kill cuts short is a mark
    (folder / _MARK).write_text(_SAYS, encoding="utf-8")


def carries(folder: Path) -> bool:
    """Whether `folder`, or the one of its name directly below build/, is ours."""
    top = BUILD / folder.relative_to(BUILD).parts[0] if folder != BUILD and folder.is_relative_to(BUILD) else folder
    return top == HEADERS or (top / _MARK).is_file()


def release(folder: Path) -> None:
    """Remove the mark of a folder that holds nothing else."""
    with contextlib.suppress(OSError):
        if os.listdir(folder) == [_MARK]:
            (folder / _MARK).unlink()
            folder.rmdir()


def remove(made: Mapping[str, str | None]) -> list[Path]:
    """Remove files that were made, path → digest, and the folders that they leave empty.

    Args:
        made: None for the digest of what a step may have been writing when it was killed.
    Returns:
        Those that stay, because they have been changed since.
    """
    kept = []
    for name, digest in made.items():
        path = Path(name)
        try:
            if digest is not None and files.file_digest(path) != digest:
                kept.append(path)
                continue
            path.unlink()
        except FileNotFoundError:
            pass
        except OSError:
            kept.append(path)
            continue
        _prune(path.parent)
    return kept


def began(alone: bool) -> None:
    """A build begins. If it is alone in its folder, remove what one that was killed has left half-written."""
    if alone and _RUNNING.exists():
        for path in _unfinished():
            with contextlib.suppress(OSError):
                _discard(path)
    _RUNNING.touch()


def ended() -> None:
    """The build that began, alone, has come to its end and left nothing."""
    with contextlib.suppress(OSError):
        _RUNNING.unlink(missing_ok=True)


def _unfinished() -> Iterator[Path]:
    places = [path for path in BUILD.iterdir() if path.is_dir() and (path.name.startswith(".") or carries(path))]
    for place in places:
        for folder, inner, names in os.walk(place):
            yield from (Path(folder, name) for name in (*inner, *names) if files.is_unfinished(name))


def _discard(path: Path) -> None:
    if not path.is_dir() or path.is_symlink():
        path.unlink()
        return
    for name in os.listdir(path):
        if _SCRATCH.fullmatch(name):
            (path / name).unlink()
    path.rmdir()


def _prune(folder: Path) -> None:
    """Remove empty folders upwards."""
    for parent in (folder, *folder.parents):
        if parent in (BUILD, Path()):
            return
        try:
            parent.rmdir()
        except OSError:
            return
