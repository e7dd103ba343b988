"""Locks between processes. The kernel holds them: one whose holder has died is free at once."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock of this name, and leave no file behind.

    Args:
        waiting: called once if somebody else holds it.
    Raises:
        OSError: the file cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            acquire(handle, waiting)
            if _is_still(path, handle):
                break
        except BaseException:
            os.close(handle)
            raise
        # its holder removed the file when it was done, so this lock is nobody's
        os.close(handle)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def acquire(handle: int, waiting: Callable[[], None], shared: bool = False) -> None:
    """Lock an open file until it is closed; `shared` with others that ask for it so."""
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        waiting()
        fcntl.flock(handle, kind)


def _is_still(path: Path, handle: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.stat(path), os.fstat(handle))
    return False
