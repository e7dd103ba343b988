"""Emission: a unit's slice of the design becomes the text of its files. The only stage that knows templates.

The same slice gives the same bytes: nothing of the time, the machine or the rest of the design enters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from textwrap import fill
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray

_LINE = 118


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("generators"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def emit(unit: str, slice_: Mapping[str, Any], arrays: Mapping[str, NDArray[np.int64]]) -> dict[str, str]:
    """The files of a unit.

    Args:
        unit: a layer's identifier, `top` or `tb`.
        slice_: from `Design.slices`, as JSON.
        arrays: likewise, mantissas by name.
    Returns:
        Path relative to the build's directory → text.
    """
    values = {name: _initialiser(array) for name, array in arrays.items()}
    return {
        path: _environment().get_template(f"{template}.j2").render(slice_, arrays=values)
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


def _initialiser(array: NDArray[np.int64]) -> str:
    """A C++ initialiser, nested by row."""
    if array.ndim == 1:
        return "{" + _wrapped(array) + "}"
    return "{\n" + ",\n".join(f"{{{_wrapped(row)}}}" for row in array) + "}"


def _wrapped(row: NDArray[np.int64]) -> str:
    numbers = (f"{value}LL" if abs(value) >> 31 else str(value) for value in row.tolist())
    return fill(", ".join(numbers), _LINE)
