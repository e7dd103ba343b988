"""Licences: at most so many runs of Vitis at once, whichever processes start them.

A licence is a file beside the shared cache, locked as long as a run lasts. If its holder dies the kernel gives it back.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hlspike.tasks.cache.shared import folder_of

_POLL = 0.1
"""Seconds between two looks for a free licence."""


def folder(shared: str | None) -> Path:
    """The same for all processes that share a cache, in whatever directory they work.

    Args:
        shared: cache.dir.
    """
    return folder_of(shared) / "licences"


@contextmanager
def held(place: Path, count: int | None, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold one of `count` licences; all processes have to name the same number. None bounds nothing.

    Args:
        place: see `folder`.
        waiting: called once if none is free.
    Raises:
        OSError: the folder cannot be written.
    """
    if count is None:
        yield
        return
    place.mkdir(parents=True, exist_ok=True)
    handles = [os.open(place / str(number), os.O_RDWR | os.O_CREAT, 0o666) for number in range(count)]
    try:
        if not _one(handles):
            waiting()
            while not _one(handles):
                time.sleep(_POLL)
        yield
    finally:
        for handle in handles:
            os.close(handle)


def _one(handles: list[int]) -> bool:
    for handle in handles:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        return True
    return False
