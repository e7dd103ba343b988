"""An entry of the shared cache: a folder with a description and the files of one result, named by number.

Nothing of it is taken on trust: a description is read type by type, a file is checked against its digest. Only what an
entry consists of is ever removed, so whatever else lies in its folder stays.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hlspike.tasks.system import files

DESCRIPTION = "entry.json"
_OURS = re.compile(rf"\d+|{re.escape(DESCRIPTION)}")
"""Files that an entry consists of; beside them may be unfinished ones."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


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

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Output:
        """Raises ValueError where a value is none that was put in."""
        found = Output(**data)
        _require(isinstance(found.name, str) and isinstance(found.file, str) and found.file.isdigit())
        _require(type(found.size) is int and found.size >= 0 and type(found.executable) is bool)
        _require(isinstance(found.digest, str) and _DIGEST.fullmatch(found.digest) is not None)
        return found

    @staticmethod
    def kept(name: str, path: Path, copy: Path) -> Output:
        """`path`, copied into an entry as `copy`."""
        shutil.copyfile(path, copy)
        # of the copy: the file may be replaced meanwhile
        content = copy.read_bytes()
        return Output(name, copy.name, len(content), files.digest(content), os.access(path, os.X_OK))


@dataclass(frozen=True, slots=True)
class Entry:
    """One result.

    Attributes:
        found: discovered inputs, name → digest.
        meta: what else was known of it, plain JSON: `step` is the label of the one that made it, `seconds` the time it
            took.
    """

    folder: Path
    made: tuple[Output, ...]
    found: Mapping[str, str]
    meta: Mapping[str, Any]

    @staticmethod
    def read(folder: Path) -> Entry | None:
        """The entry in `folder`; None where it is being removed, or nothing that was put in."""
        try:
            data = files.read_json(folder / DESCRIPTION)
            made, found, meta = tuple(map(Output.from_json, data["made"])), data["found"], data["meta"]
            _require(all(isinstance(item, str) for pair in found.items() for item in pair))
            seconds = meta["seconds"]
            _require(isinstance(meta["step"], str) and type(seconds) in (int, float) and math.isfinite(seconds))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        return Entry(folder, made, found, meta)

    @staticmethod
    def write(folder: Path, outputs: Mapping[str, Path], found: Mapping[str, str], meta: Mapping[str, Any]) -> None:
        """Put `outputs`, name → file, into `folder`, and a description of them."""
        made = [Output.kept(name, path, folder / str(number)) for number, (name, path) in enumerate(outputs.items())]
        description = {"made": [asdict(item) for item in made], "found": dict(found), "meta": dict(meta)}
        files.write_json(folder / DESCRIPTION, description)

    @property
    def size(self) -> int:
        return sum(output.size for output in self.made)

    def restore(self, targets: Mapping[str, Path]) -> None:
        """Write each output to the path that `targets` has for it, unless it is there already.

        Raises:
            Damaged: one has changed since it was put in, or there is none for a target; none has been written then.
        """
        missing = sorted(targets.keys() - {output.name for output in self.made})
        if missing:
            raise Damaged(f"{missing[0]} is missing")
        contents = [(output, self._read(output)) for output in self.made if output.name in targets]
        for output, content in contents:
            path = targets[output.name]
            files.write(path, content)
            if output.executable and not os.access(path, os.X_OK):
                path.chmod(0o777 & ~files.UMASK)
        with contextlib.suppress(OSError):
            os.utime(self.folder / DESCRIPTION)

    def verify(self) -> None:
        """Raises Damaged."""
        for output in self.made:
            self._read(output)

    def _read(self, output: Output) -> bytes:
        try:
            content = (self.folder / output.file).read_bytes()
        except OSError as error:
            raise Damaged(f"{output.name} cannot be read, {error.strerror}") from None
        if len(content) != output.size or files.digest(content) != output.digest:
            raise Damaged(f"{output.name} is not what was put in")
        return content


def discard(folder: Path) -> None:
    """Remove an entry, the description first: what is left is none. A folder that holds anything else stays."""
    if folder.is_symlink():
        return
    with contextlib.suppress(OSError):
        names = [name for name in os.listdir(folder) if _OURS.fullmatch(name) or files.is_unfinished(name)]
        for name in sorted(names, key=lambda name: name != DESCRIPTION):
            with contextlib.suppress(OSError):
                (folder / name).unlink()
        folder.rmdir()


def _require(holds: bool) -> None:
    if not holds:
        raise ValueError
