"""Emission: a unit's slice of the design becomes the text of its files. The only stage that knows templates.

The same slice gives the same bytes: nothing of the time, the machine or the rest of the design enters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray

_LINE = 118
_STATEMENTS = ("steps", "outputs")
"""Arrays of which each row becomes a statement, see `distributed`."""
_LONG = 1 << 31
"""The smallest magnitude of a literal that has to be long long."""


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("hlspike.generators"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    made.filters["squeezed"] = _squeezed
    return made


def emit(unit: str, slice_: Mapping[str, Any], arrays: Mapping[str, NDArray[np.int64]]) -> dict[str, str]:
    """The files of a unit.

    Args:
        unit: a layer's identifier, `top` or `tb`.
        slice_: from `Design.slices`, as JSON.
        arrays: likewise, mantissas by name.
    Returns:
        Path relative to the build's directory → text.
    """
    values = {name: _initialiser(array) for name, array in arrays.items() if name not in _STATEMENTS}
    rows = {name: arrays[name].tolist() for name in _STATEMENTS if name in arrays}
    return {
        path: _environment().get_template(f"{template}.j2").render(slice_, arrays=values, rows=rows)
        for path, template in _files(unit, slice_)
    }


def render(template: str, values: Mapping[str, Any]) -> str:
    """The text of one template; `values` are printed as they are, quoted or checked before."""
    return _environment().get_template(f"{template}.j2").render(values)


def _files(unit: str, slice_: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Path of each file and the template it is made from."""
    if unit == "tb":
        yield "tb/tb.cpp", "tb/tb.cpp"
        return
    template = "top" if unit == "top" else slice_["layer"]["kind"]
    for suffix in ("h", "cpp"):
        yield f"firmware/{unit}.{suffix}", f"firmware/{template}.{suffix}"


def _squeezed(text: str) -> str:
    """An expression that macros have printed over several lines, on one."""
    return " ".join(text.split()).replace("( ", "(").replace(" )", ")")


def _initialiser(array: NDArray[np.int64]) -> str:
    """A C++ initialiser, nested by row."""
    if array.ndim == 1:
        return "{" + _wrapped(_rows(array[None])[0]) + "}"
    return "{\n{" + "},\n{".join(map(_wrapped, _rows(array))) + "}}"


def _rows(array: NDArray[np.int64]) -> list[str]:
    """Literals of each row."""
    if array.size and (array.max() >= _LONG or array.min() <= -_LONG):
        return [
            ", ".join([f"{value}LL" if value >= _LONG or value <= -_LONG else str(value) for value in row])
            for row in array.tolist()
        ]
    # Python prints a list of integers as C++ reads them; all rows in one go, since many have but a few weights
    return str(array.tolist())[2:-2].split("], [")


def _wrapped(text: str) -> str:
    """`text` in lines of at most `_LINE` characters, broken at blanks."""
    if len(text) <= _LINE:
        return text
    lines, start, end = [], 0, len(text)
    while end - start > _LINE:
        blank = text.rindex(" ", start, start + _LINE + 1)
        lines.append(text[start:blank])
        start = blank + 1
    lines.append(text[start:])
    return "\n".join(lines)
