"""In place of the recorder, where that cannot be had: what Python itself tells of the files it opens.

Libraries that open files by themselves, other programs and what is only looked for are not heard of.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any

from hlspike.tasks.engine import states
from hlspike.tasks.inputs import journal, recording

_thread = threading.local()
_log: Path | None = None
_rules = ""
_LISTING = ("os.listdir", "os.scandir")
_OPENING = ("sqlite3.connect", "ctypes.dlopen")


def listen(log: Path, rules: str) -> None:
    """From now on records go to `log`, as those of the recorder would."""
    global _log, _rules
    _log, _rules = log, rules
    sys.addaudithook(_hear)


def hush(more: int) -> None:
    """This thread is not heard from +1 to -1."""
    _thread.quiet = getattr(_thread, "quiet", 0) + more


def note(what: str, path: str, more: str) -> None:
    if _log is None:
        return
    hush(1)
    try:
        with open(_log, "ab") as log:
            log.write(b"\0".join((what.encode(), os.fsencode(path), os.fsencode(more), b"")))
    finally:
        hush(-1)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if getattr(_thread, "quiet", 0):
        return
    if event == "open":
        path, mode, flags = arguments
        _told(path, mode if isinstance(mode, str) else None, flags)
    elif event in _LISTING:
        _told(arguments[0] or ".", None, os.O_RDONLY, listed=True)
    elif event in _OPENING and arguments[0]:
        _told(arguments[0], None, os.O_RDWR)
    elif event in ("os.remove", "os.rename", "os.mkdir"):
        for path in arguments[: 1 + (event == "os.rename")]:
            _told(path, "w", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)


def _told(given: Any, mode: str | None, flags: int, listed: bool = False) -> None:
    if not isinstance(given, str | bytes | os.PathLike):
        return
    hush(1)
    try:
        path = os.path.abspath(os.fsdecode(given))
        if not recording.counts(path, _rules):
            return
        if listed:
            names = states.listed(path) if os.path.isdir(path) else ()
            note("l", path, "".join(f"{'d' if name.endswith('/') else '-'}{name.rstrip('/')}/" for name in names))
        elif not os.path.exists(path):
            note("w" if flags & os.O_CREAT else "m", path, "")
        elif flags & os.O_TRUNC or (mode or "").startswith(("w", "x")):
            note("w", path, "")
        elif flags & os.O_ACCMODE == os.O_WRONLY:
            note("a", path, "")
        else:
            note(f"r{journal.signature(path)}", path, "")
            if flags & os.O_ACCMODE == os.O_RDWR:
                note("a", path, "")
    finally:
        hush(-1)
