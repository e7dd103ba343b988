"""Files of a build: written whole or not at all, left alone when nothing changed, and known by their bytes."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

State = list[Any]
"""[mtime_ns, size, inode, digest] of a file."""


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def file_digest(path: str | Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def signature(path: str | Path) -> list[int]:
    """What changes whenever a file is written or replaced: [mtime_ns, size, inode].

    Raises:
        FileNotFoundError: there is no such file.
    """
    stat = os.stat(path)
    return [stat.st_mtime_ns, stat.st_size, stat.st_ino]


def state(path: str | Path) -> State:
    return [*signature(path), file_digest(path)]


def unchanged(path: str | Path, known: State) -> bool:
    """Whether the file still holds the bytes of `known`; they are only read if its signature moved."""
    try:
        now = signature(path)
    except OSError:
        return False
    return now == known[:3] or (now[1] == known[1] and file_digest(path) == known[3])


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path` to write to; it takes the place of `path` if all went well."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(handle)
    try:
        yield Path(name)
        os.chmod(name, 0o666 & ~_umask() | (os.stat(name).st_mode & 0o111))
        os.replace(name, target)
    finally:
        Path(name).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write(path: str | Path, data: bytes | str) -> bool:
    """Write `data` unless the file holds it already; returns whether it was written."""
    data = data.encode() if isinstance(data, str) else data
    try:
        if Path(path).stat().st_size == len(data) and Path(path).read_bytes() == data:
            return False
    except OSError:
        pass
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return True


def write_json(path: str | Path, value: Any) -> bool:
    return write(path, json.dumps(value, indent=1, ensure_ascii=False, sort_keys=False) + "\n")


def read_json(path: str | Path) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8"))
