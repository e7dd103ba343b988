"""What a step has found out about the world, and whether it is still so: more than the bytes of files.

An input that nobody declared is a name and a state. A name is a path, `link:<path>`, `access:<path>`, `order:.`,
`module:<folder>/<name>` or `package:<name>`; a state is plain JSON that begins with its kind:

    [mtime_ns, size, inode, ctime_ns, digest]   the bytes of a file, as in `tasks.files`
    ["missing"]                                 there is nothing
    ["there", what]                             a file of so many bytes and what may be done with it, or a folder; not
                                                its content
    ["access", what]                            what may be done with a file
    ["order", names]                            files by the time of their last change, as JSON: of each time a list
    ["link", text]                              where a symbolic link leads
    ["listing", digest, mtime_ns, inode]        the names in a folder
    ["module", file]                            what importing that name finds in that folder, empty for nothing
    ["package", version]                        an installed package

What a state says without the moment it was seen at, `content`, is the same in every checkout.
"""

from __future__ import annotations

import itertools
import json
import os
import stat
import sys
from collections.abc import Iterable
from functools import cache
from importlib.machinery import BYTECODE_SUFFIXES, EXTENSION_SUFFIXES, SOURCE_SUFFIXES
from pathlib import Path
from typing import Any

from hlspike.tasks.layout import BUILD
from hlspike.tasks.system import files

State = list[Any]
LINK, ACCESS, ORDER, MODULE, PACKAGE = "link:", "access:", "order:", "module:", "package:"
_SUFFIXES = (*EXTENSION_SUFFIXES, *SOURCE_SUFFIXES, *BYTECODE_SUFFIXES)
_PASSING = ("__pycache__", ".doit.db", "hlspike-")
"""Names in a folder that come and go by running Python, doit and this package."""


def unchanged(name: str, known: State) -> bool:
    """Whether it is now as it was."""
    if not known or not isinstance(known[0], str):
        return files.unchanged(name, known)
    if known[0] == "listing" and known[2:] == _folder_signature(name):
        return True
    return content(known) == current(name, content(known))


def now(name: str, known: State) -> State | None:
    """The state of what is unchanged, with the moment of now; None if it has changed."""
    try:
        if not isinstance(known[0], str) and files.signature(name) == known[:-1]:
            return known
        found = seen(name, content(known).partition(" ")[0])
    except OSError:
        return None
    return found if content(found) == content(known) else None


def content(state: State) -> str:
    """What of the state is content: for a file its digest alone."""
    return " ".join(map(str, state[:2])) if isinstance(state[0], str) else str(state[-1])


def parted(name: str) -> tuple[str, str]:
    """What kind of name it is, and the rest."""
    kind = next((kind for kind in (LINK, ACCESS, ORDER, MODULE, PACKAGE) if name.startswith(kind)), "")
    return kind, name.removeprefix(kind)


def agree(first: str, second: str) -> bool:
    """Whether two contents of one name can be of one moment."""
    return first == second or ("missing" not in (first, second) and _kind(first) != _kind(second))


def _kind(content: str) -> str:
    word, blank, _ = content.partition(" ")
    return word if blank else "bytes"


def current(name: str, like: str) -> str | None:
    """The content, of the kind that `like` is of, that `name` has now; None if it has none."""
    kind, _, rest = like.partition(" ")
    try:
        if kind == "order":
            return content(order(itertools.chain.from_iterable(json.loads(rest))))
        return content(seen(name, kind))
    except OSError:
        return None


def seen(name: str, kind: str) -> State:
    """The state of `name` now.

    Args:
        kind: first word of a state, anything else for the bytes of a file.
    Raises:
        OSError: it has no state of that kind.
    """
    match kind:
        case "missing":
            return ["missing"] if _stat(name) is None else ["there", "something"]
        case "there":
            return ["there", _what(name)]
        case "link":
            return ["link", os.readlink(name.removeprefix(LINK))]
        case "access":
            return ["access", _allowed(name.removeprefix(ACCESS))]
        case "listing":
            before = _folder_signature(name)
            digest = listing_digest(listed(name), name)
            # one that changed just now may change again within the same tick of the clock
            return ["listing", digest, *(before if before == _folder_signature(name) else [0, 0])]
        case "module":
            folder, _, module = name.removeprefix(MODULE).rpartition("/")
            return ["module", resolved(folder or ".", module)]
        case "package":
            return ["package", version(name.removeprefix(PACKAGE))]
        case _:
            return files.state(name)


def order(names: Iterable[str]) -> State:
    """Raises OSError if one of the files is missing."""
    moments: dict[int, list[str]] = {}
    for name in sorted(names):
        moments.setdefault(os.stat(name).st_mtime_ns, []).append(name)
    return ["order", json.dumps([moments[moment] for moment in sorted(moments)])]


def resolved(folder: str, name: str) -> str:
    """The file in `folder` that importing `name` loads: name.py, name/__init__.py, name/ for a bare folder, or ''."""
    place = f"{folder}/{name}"
    found = _stat(place)
    is_folder = found is not None and stat.S_ISDIR(found.st_mode)
    if is_folder:
        for suffix in _SUFFIXES:
            if os.path.isfile(f"{place}/__init__{suffix}"):
                return f"{name}/__init__{suffix}"
    for suffix in _SUFFIXES:
        if os.path.isfile(f"{place}{suffix}"):
            return f"{name}{suffix}"
    return f"{name}/" if is_folder else ""


def holds_modules(folder: str) -> bool:
    """Whether something in the folder itself can be imported."""
    try:
        return any(name.endswith(_SUFFIXES) for name in os.listdir(folder))
    except OSError:
        return False


def version(package: str) -> str:
    """Of an installed package, by the names of the folders that installers leave; 'not installed' if there is none."""
    found = (known[package][0] for known in map(installed, dict.fromkeys(sys.path)) if package in known)
    return next(found, "not installed")


def normalised(package: str) -> str:
    return package.lower().replace("-", "_").replace(".", "_")


@cache
def installed(place: str) -> dict[str, tuple[str, str]]:
    """Package → its version and the folder of what is known of it, of those that are installed in a folder."""
    found: dict[str, tuple[str, str]] = {}
    try:
        names = os.listdir(place or ".")
    except OSError:
        return found
    for entry in names:
        base, _, ending = entry.rpartition(".")
        if ending in ("dist-info", "egg-info"):
            name, _, known = base.partition("-")
            found.setdefault(normalised(name), (known.partition("-")[0], f"{place}/{entry}"))
    return found


def listed(folder: str) -> set[str]:
    """The names in a folder, with / behind those of folders."""
    with os.scandir(folder) as entries:
        return {entry.name + "/" * entry.is_dir(follow_symlinks=False) for entry in entries}


def lasting(names: Iterable[str], folder: str) -> list[str]:
    """Without what running a build or Python leaves there."""
    build = os.path.abspath(BUILD)
    ours = f"{os.path.basename(build)}/" if os.path.abspath(folder) == os.path.dirname(build) else None
    return sorted(name for name in names if name != ours and not name.startswith(_PASSING))


def listing_digest(names: Iterable[str], folder: str) -> str:
    return files.digest("/".join(lasting(names, folder)).encode(errors="surrogateescape"))


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _what(path: str) -> str:
    found = os.stat(path)
    return f"file of {found.st_size} bytes, {_allowed(path)}" if stat.S_ISREG(found.st_mode) else (
        "folder" if stat.S_ISDIR(found.st_mode) else "neither file nor folder"
    )


def _allowed(path: str) -> str:
    return "".join(letter for letter, mode in (("r", os.R_OK), ("w", os.W_OK), ("x", os.X_OK)) if os.access(path, mode))


def _folder_signature(path: str) -> list[int]:
    try:
        found = os.stat(Path(path))
    except OSError:
        return []
    return [found.st_mtime_ns, found.st_ino]
