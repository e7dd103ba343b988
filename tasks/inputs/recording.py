"""The recorder: compiled at first use, kept with what the build composes; and what it is to leave out."""

from __future__ import annotations

import os
import shutil
import site
import sys
import sysconfig
from functools import cache
from pathlib import Path

from hlspike.generators.errors import ToolError
from hlspike.tasks.layout import COMPOSED, PACKAGE
from hlspike.tasks.system import files, processes

SOURCES = Path(__file__).parent / "recorder"
_COMPILERS = (("cc",), ("gcc",), ("g++", "-x", "c"), ("clang",))
_FLAGS = ("-O2", "-fno-builtin", "-shared", "-fPIC", "-w")
_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc", "/proc", "/sys", "/dev")
_OURS = ("__init__.py", "dodo.py", "generators", "tasks", "hls_src")
_OPEN = ("/dev/shm", "/usr/local/share")
"""Folders of the system's to which anyone brings files."""
_SEPARATORS = " :"
"""Of LD_PRELOAD: no path in it may hold one."""


def library(folder: Path) -> Path:
    """The recorder as a library that can be preloaded.

    Args:
        folder: for a copy of it, should its own path not do.
    Raises:
        ToolError: it cannot be made here, and why.
    """
    if not sys.platform.startswith("linux"):
        raise ToolError("the recorder is for Linux")
    sources = sorted(SOURCES.iterdir())
    content = b"".join(path.read_bytes() for path in sources) + " ".join(_FLAGS).encode()
    made = COMPOSED / f"recorder-{os.uname().machine}-{files.digest(content)[:16]}.so"
    if not made.is_file():
        _compile([str(path) for path in sources if path.suffix == ".c"], made)
    place = made.resolve()
    if any(separator in str(place) for separator in _SEPARATORS):
        place = folder / made.name
        shutil.copyfile(made, place)
    if any(separator in str(place) for separator in _SEPARATORS):
        raise ToolError(f"the recorder cannot be preloaded from {place}; set TMPDIR to a path without blanks")
    return place


def _compile(sources: list[str], target: Path) -> None:
    reason = "there is no C compiler"
    for command, *options in _COMPILERS:
        if shutil.which(command) is None:
            continue
        try:
            with files.replacing(target) as temporary:
                code, told = processes.output([command, *options, *_FLAGS, *sources, "-o", str(temporary), "-ldl"])
                if code != 0:
                    raise ToolError(f"{command}: {(told.strip() or f'exit code {code}').splitlines()[0]}")
                return
        except ToolError as error:
            reason = str(error)
    raise ToolError(reason)


@cache
def installed() -> frozenset[str]:
    """Folders of Python and of installed packages; an environment may lie in the project's folder, or in our own."""
    schemes = ("stdlib", "platstdlib", "purelib", "platlib", "scripts")
    python = {sys.prefix, sys.base_prefix, sys.exec_prefix, *map(sysconfig.get_path, schemes)}
    packages = {*site.getsitepackages(), site.getusersitepackages()}
    return frozenset(python | packages | {
        place for place in sys.path if place.endswith(("site-packages", "dist-packages"))
    })


@cache
def rules(here: str) -> str:
    """Lines of +folder and -folder, of which the longest that holds a path says whether it is the user's.

    What belongs to Python, to installed packages and to the system counts with a version, our own sources as the code
    of a step; but examples are as good as the user's own.

    Args:
        here: the project's folder.
    """
    ours = {str(PACKAGE / name) for name in _OURS} | {str(PACKAGE / "hlspike" / name) for name in _OURS}
    places = {place for place in (*installed(), *ours, *_SYSTEM) if place not in ("", "/")}
    left_out = sorted({*places, *map(os.path.realpath, places)})
    taken = (here, f"{PACKAGE}/examples", *_OPEN)
    return "".join([*(f"+{place}\n" for place in taken), *(f"-{place}\n" for place in left_out)])


def counts(path: str, lines: str) -> bool:
    """Whether a file there is the user's, as the recorder decides it by these `rules`."""
    longest, recorded = 0, True
    for line in lines.splitlines():
        place = line[1:]
        if len(place) > longest and (path == place or path.startswith(f"{place}/")):
            longest, recorded = len(place), line[0] == "+"
    return recorded
