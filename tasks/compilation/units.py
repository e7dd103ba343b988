"""The object of a unit of generated code, at what it costs to make it once.

Most layers of a deep network are alike but for their name: the neurons, and whatever carries no weights. So the name is
taken out of a unit's text, what the compiler makes of that is kept as assembler's text, and every unit that is alike
gets its own name put back there. An object is thus a function of its own unit's text alone, whatever is compiled beside
it or was before.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hlspike.generators.errors import ToolError
from hlspike.tasks.compilation import toolchain as tools
from hlspike.tasks.compilation.toolchain import Toolchain
from hlspike.tasks.layout import Layout
from hlspike.tasks.system import files

_LARGEST = 1 << 18
"""Bytes of a unit whose text may be like another's: larger ones hold weights, and are not kept."""
_MOST = 64
"""Texts that are kept; of many variants the first are done when the last begin."""
_NAME = "hlspike_unit"
"""In the place of a unit's name; no generated text has it."""
_VALUES = re.compile(r'#include "kernels/(?:words|pack|ingress)\.h"|#include "harness\.h"|#include "top\.h"')
"""In a unit that has values of AMD's types, rather than their names alone: the edges of the design, and streams."""


@dataclass(frozen=True, slots=True)
class Made:
    """What the compiler made of a nameless unit: assembler's text, and the headers of the project that it read."""

    text: str
    included: tuple[str, ...]
    read: Mapping[str, files.Signature]

    @property
    def stands(self) -> bool:
        with contextlib.suppress(OSError):
            return all(files.signature(path) == known for path, known in self.read.items())
        return False


_made: dict[str, Made] = {}
_locks: dict[str, threading.Lock] = {}
_lock = threading.Lock()


def compile_unit(layout: Layout, toolchain: Toolchain, unit: str, header: Path) -> list[str]:
    """Compile the unit to its object; returns the headers of the project that it includes.

    Args:
        header: AMD's, precompiled.
    Raises:
        ToolError: with the first error and where all of them are.
    """
    source, target = layout.sources(unit)[-1], layout.compiled(unit)
    log = layout.log / f"compile-{unit}.log"
    texts = {path: path.read_text(encoding="utf-8", errors="surrogateescape") for path in layout.sources(unit)}
    begins = [header] if any(map(_VALUES.search, texts.values())) else [None, header]
    if unit not in ("top", "tb") and sum(map(len, texts.values())) <= _LARGEST:
        nameless = {path.suffix: _nameless(text, unit) for path, text in texts.items()}
        for begin in begins:
            # what is wrong with a unit is told of the unit itself, below
            with contextlib.suppress(ToolError):
                made = _compiled(layout, toolchain, nameless, begin, target)
                with files.scratch(target) as folder:
                    text = folder / "unit.s"
                    text.write_text(named(made.text, unit, _identifiers(nameless)), encoding="utf-8")
                    tools.assemble(toolchain, text, target)
                log.unlink(missing_ok=True)
                return list(made.included)
    included = tools.compile_unit(toolchain, source, target, header, log, layout.fifos)
    return [path for path in included if not path.startswith(str(header))]


def named(text: str, name: str, identifiers: frozenset[str]) -> str:
    """Assembler's text of a nameless unit with its `name` in it; lengths in mangled identifiers follow.

    Args:
        identifiers: of the unit, which begin with the name that stands for its own.
    Raises:
        ToolError: an identifier is none of these.
    """
    first, *parts = text.split(_NAME)
    found = [first]
    for part in parts:
        found[-1] = _lengthened(found[-1], part, len(name) - len(_NAME), identifiers)
        found += [name, part]
    return "".join(found)


def _lengthened(before: str, after: str, more: int, identifiers: frozenset[str]) -> str:
    """`before` with the length at its end, that of an identifier which goes on in `after`, larger by `more`."""
    digits = re.search(r"\d*$", before[-20:])
    assert digits is not None
    if not digits[0]:
        return before
    # a number in front of the length belongs to what stands before, as in _GLOBAL__N_117hlspike_unit_cfg
    for start in range(len(digits[0])):
        length = int(digits[0][start:])
        if f"{_NAME}{after[:max(0, length - len(_NAME))]}" in identifiers:
            return f"{before[:len(before) - len(digits[0]) + start]}{length + more}"
    raise ToolError(f"{_NAME}{after[:20]}: is no identifier of a unit")


def _nameless(text: str, unit: str) -> str:
    text = text.replace(f"HLSPIKE_{unit.upper()}_H", f"HLSPIKE_{_NAME.upper()}_H")
    text = re.sub(rf"\b{re.escape(unit)}(?=_|\.h\b)", _NAME, text)
    # arguments in a second line are aligned by the length of the name
    return re.sub(r"^[ \t]+", "", text, flags=re.MULTILINE)


def _identifiers(nameless: Mapping[str, str]) -> frozenset[str]:
    return frozenset(word for text in nameless.values() for word in re.findall(rf"\b{_NAME}\w+", text))


def _compiled(
    layout: Layout, toolchain: Toolchain, nameless: Mapping[str, str], header: Path | None, target: Path
) -> Made:
    """What the compiler makes of the nameless texts, by suffix; made once for all who ask for the same at a time."""
    content = "\0".join((toolchain.identity, str(layout.root), str(header), *nameless.values()))
    key = files.digest(content.encode(errors="surrogateescape"))
    with _lock:
        lock = _locks.setdefault(key, threading.Lock())
    with lock:
        made = _made.get(key)
        if made is None or not made.stands:
            made = _compile(layout, toolchain, nameless, header, target)
            with _lock:
                _made[key] = made
                while len(_made) > _MOST:
                    del _made[next(iter(_made))]
    return made


def _compile(
    layout: Layout, toolchain: Toolchain, nameless: Mapping[str, str], header: Path | None, target: Path
) -> Made:
    with files.scratch(target) as folder:
        for suffix, text in nameless.items():
            (folder / f"{_NAME}{suffix}").write_text(text, encoding="utf-8", errors="surrogateescape")
        source, out, log = (folder / f"{_NAME}{suffix}" for suffix in (".cpp", ".s", ".log"))
        folders = (layout.firmware, layout.fifos, *(() if header else (layout.names,)))
        included = tools.compile_unit(toolchain, source, out, header, log, *folders, assembly=True)
        if log.exists():
            raise ToolError("the compiler has more to say than what the unit's own log can tell")
        ours = (str(folder), *((str(header),) if header else ()))
        found = tuple(path for path in included if not path.startswith(ours))
        # read after the compiler has: a header of the project that changes meanwhile changes under every compilation
        return Made(out.read_text(encoding="utf-8"), found, {path: files.signature(path) for path in found})
