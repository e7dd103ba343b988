"""Files of a build: written whole or not at all, left alone when nothing changed, and known by their bytes."""

from __future__ import annotations

import filecmp
import glob
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Signature = list[int]
"""[mtime_ns, size, inode, ctime_ns] of a file."""
State = list[Any]
"""Signature and digest of a file, the digest last."""

_UNFINISHED = ".hlspike.part"
_TEMPORARY = re.compile(rf"\..+\.\w+{re.escape(_UNFINISHED)}")
# read once, while there is one thread: it can only be read by setting it
UMASK = os.umask(0)
os.umask(UMASK)
_digests: dict[str, tuple[Signature, str]] = {}


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def file_digest(path: str | Path) -> str:
    """Of the file's bytes, which are read once as long as its signature stands."""
    now = signature(path)
    known = _digests.get(str(path))
    if known is None or known[0] != now:
        with open(path, "rb") as file:
            known = now, hashlib.file_digest(file, "sha256").hexdigest()
        _digests[str(path)] = known
    return known[1]


def signature(path: str | Path) -> Signature:
    """What changes whenever a file is written or replaced; the time of change is there because tools can set the other.

    Raises:
        FileNotFoundError: there is no such file.
    """
    return signature_of(os.stat(path))


def signature_of(stat: os.stat_result) -> Signature:
    return [stat.st_mtime_ns, stat.st_size, stat.st_ino, stat.st_ctime_ns]


def state(path: str | Path) -> State:
    return [*signature(path), file_digest(path)]


def unchanged(path: str | Path, known: State) -> bool:
    """Whether the file still holds the bytes of `known`; they are only read if its signature moved."""
    try:
        now = signature(path)
        return now == known[:-1] or (now[1] == known[1] and file_digest(path) == known[-1])
    except OSError:
        return False


@contextmanager
def replacing(path: str | Path, unless_equal: bool = False) -> Iterator[Path]:
    """A temporary path beside `path` to write to; it takes the place of `path` if all went well.

    Args:
        unless_equal: leave `path` alone if it holds the same bytes already.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=_UNFINISHED)
    os.close(handle)
    try:
        yield Path(name)
        if unless_equal and target.is_file() and filecmp.cmp(name, target, shallow=False):
            return
        os.chmod(name, 0o666 & ~UMASK | (os.stat(name).st_mode & 0o111))
        try:
            os.replace(name, target)
        except IsADirectoryError as error:
            raise IsADirectoryError(error.errno, "a folder is in its place, move it away", str(target)) from None
    finally:
        Path(name).unlink(missing_ok=True)


def sweep(path: str | Path) -> None:
    """Remove what a killed build left of a `replacing` of `path`. Nobody may be writing it now."""
    target = Path(path)
    for left in target.parent.glob(f".{glob.escape(target.name)}.*{_UNFINISHED}"):
        if not left.is_dir():
            left.unlink(missing_ok=True)


def is_unfinished(name: str) -> bool:
    """Whether a file of that name is one that `replacing` writes to; or a folder, one of `scratch`."""
    return _TEMPORARY.fullmatch(name) is not None


@contextmanager
def scratch(path: Path) -> Iterator[Path]:
    """An empty folder beside `path`, for files on the way to it; removed with them.

    A build that is killed leaves it: the next one removes it, by its name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=_UNFINISHED))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write(path: str | Path, data: bytes | str) -> bool:
    """Write `data` unless the file holds it already; returns whether it was written."""
    data = data.encode(errors="surrogateescape") if isinstance(data, str) else data
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
    """Raises ValueError if it is no JSON, also where it is nested deeper than Python can follow."""
    text = Path(path).read_text(encoding="utf-8", errors="surrogateescape")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(f"{path}: is nested too deeply") from None
