"""A folder in which a tool works, emptied for its next run: what the tool has left goes, what else is there stays.

A list in the folder names what lay there when a run was over. While one is under way there is no list of it yet, so
after a kill all is taken for the tool's.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hlspike.tasks.system import files

_LIST = ".hlspike"
_RUNS = "a run is under way"


def emptied(folder: Path) -> Path | None:
    """Make `folder` empty for a run.

    Returns:
        Where the folder has been moved to, because it held more than runs have left; None if it did not.
    """
    aside = None
    if folder.is_dir():
        if _own(folder):
            shutil.rmtree(folder)
        else:
            aside = _free(folder)
            folder.rename(aside)
    folder.mkdir(parents=True)
    files.write(folder / _LIST, _RUNS)
    return aside


def over(folder: Path, others: frozenset[str] = frozenset(), later: str = "") -> None:
    """A run in `folder` has come to its end: what lies there is its own, but for `others`; and so is the file `later`,
    which is still to come."""
    files.write(folder / _LIST, os.fsencode("\n".join(sorted((_names(folder) | {later}) - others))))


def others(folder: Path) -> frozenset[str]:
    """What lies in `folder` and no run has left there, if one is to go on in it."""
    return _names(folder) - _listed(folder)


def discarded(folder: Path) -> None:
    """Remove `folder` after a run of its own, unless somebody keeps something there."""
    if folder.is_dir() and _own(folder):
        shutil.rmtree(folder)


def _own(folder: Path) -> bool:
    return _text(folder) == _RUNS or not others(folder)


def _names(folder: Path) -> frozenset[str]:
    return frozenset(
        os.path.relpath(os.path.join(place, name), folder) for place, _, names in os.walk(folder) for name in names
    )


def _listed(folder: Path) -> frozenset[str]:
    return frozenset((*_text(folder).split("\n"), _LIST))


def _text(folder: Path) -> str:
    try:
        return os.fsdecode((folder / _LIST).read_bytes())
    except OSError:
        return ""


def _free(folder: Path) -> Path:
    number = 1
    while (place := folder.with_name(f"{folder.name}.kept-{number}")).exists():
        number += 1
    return place
