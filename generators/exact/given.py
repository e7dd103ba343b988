"""Whatever a user gives as an array → a plain NumPy array of real numbers, or the reason why it is none.

Tensors are known by their attributes: this module imports no framework.
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.errors import DataError

_ODD_FLOATS = ("bfloat16", "float8", "float4", "half")
"""Types of tensors that NumPy has no like of."""


def array_of(where: str, value: Any, fractions: bool = True) -> NDArray[Any]:
    """`value` as an array of booleans, integers or, with `fractions`, floating-point numbers.

    Args:
        where: what it is, for messages: `data: frames`.
    Raises:
        DataError: it is ragged, masked, complex, no numbers, or no array at all.
    """
    array = _plain(where, value)
    if array.dtype.kind == "O":
        array = _unboxed(where, array)
    check_kind(where, array.dtype, fractions)
    if array.dtype.kind == "u" and array.size and array.max() > np.iinfo(np.int64).max:
        raise DataError(f"{where} holds {array.max()}; give numbers of at most {np.iinfo(np.int64).max}")
    return array


def check_kind(where: str, dtype: np.dtype[Any], fractions: bool) -> None:
    """Refuse a dtype that is not of booleans, integers or, with `fractions`, floating-point numbers.

    Raises:
        DataError
    """
    if dtype.kind not in ("biuf" if fractions else "biu"):
        asked = "real numbers" if dtype.kind == "c" and fractions else "numbers" if fractions else "integers"
        raise DataError(f"{where} has dtype {dtype}; give {asked}")


def _plain(where: str, value: Any) -> NDArray[Any]:
    home = type(value).__module__.partition(".")[0]
    if home == "torch" and hasattr(value, "detach"):
        return _of_tensor(where, value)
    if isinstance(value, np.ma.MaskedArray):
        if np.ma.is_masked(value):
            raise DataError(f"{where} is masked at {_place(np.ma.getmaskarray(value))}; fill it, as in .filled(0)")
        return np.asarray(value.data)
    if isinstance(value, (list, tuple)):
        return _of_list(where, value)
    if home == "scipy" and hasattr(value, "toarray"):
        return np.asarray(value.toarray())
    if isinstance(value, np.ndarray) or hasattr(value, "__array__") or isinstance(value, numbers.Number):
        try:
            return np.asarray(value)
        except Exception as error:
            raise DataError(f"{where}: {type(value).__name__} gives no array, {_first(error)}; give one") from None
    raise DataError(f"{where} is a {type(value).__name__}; give an array of numbers")


def _of_tensor(where: str, value: Any) -> NDArray[Any]:
    if getattr(value, "is_meta", False):
        raise DataError(f"{where} is on the meta device, without values; give the values")
    if getattr(value, "is_nested", False):
        parts = [tuple(part.shape) for part in value.detach().unbind()]
        odd = next((place for place, shape in enumerate(parts) if shape != parts[0]), None)
        if odd is not None:
            raise DataError(_ragged(where, odd, parts[odd], parts[0]))
        value = value.detach().to_padded_tensor(0.0)
    try:
        value = value.detach()
        if getattr(value, "is_quantized", False):
            value = value.dequantize()
        if "strided" not in str(value.layout):
            value = value.to_dense()
        value = value.cpu()
        if any(name in str(value.dtype) for name in _ODD_FLOATS):
            value = value.float()
        return np.asarray(value.resolve_conj().resolve_neg().numpy())
    except (RuntimeError, TypeError) as error:
        raise DataError(
            f"{where}: a tensor of {value.dtype} gives no array, {_first(error)}; give .detach().cpu().numpy()"
        ) from None


def _of_list(where: str, value: Sequence[Any]) -> NDArray[Any]:
    if any(isinstance(item, (list, tuple)) or hasattr(item, "__array__") for item in value):
        items = [_plain(f"{where}[{place}]", item) for place, item in enumerate(value)]
        odd = next((place for place, item in enumerate(items) if item.shape != items[0].shape), None)
        if odd is not None:
            raise DataError(_ragged(where, odd, items[odd].shape, items[0].shape))
        return np.stack(items)
    try:
        return np.array(value)
    except (ValueError, OverflowError) as error:
        raise DataError(f"{where} is no array, {_first(error)}; give numbers") from None


def _unboxed(where: str, array: NDArray[Any]) -> NDArray[Any]:
    """An array of Python objects as one of numbers, if they are numbers, or arrays of one shape."""
    for place, item in np.ndenumerate(array):
        if not isinstance(item, (numbers.Real, np.bool_, np.ndarray, list, tuple)) and not hasattr(item, "__array__"):
            shown = f"[{', '.join(map(str, place))}]" if place else ""
            raise DataError(f"{where}{shown} is a {type(item).__name__}; give numbers")
    found = _of_list(where, array.tolist()) if array.ndim else _plain(where, array.item())
    if found.dtype.kind == "O":
        raise DataError(f"{where} has dtype object; give numbers")
    return found


def _ragged(where: str, place: int, shape: tuple[int, ...], first: tuple[int, ...]) -> str:
    return (
        f"{where} is ragged: item {place} has shape {shape}, item 0 has {first}; pad them to one shape, and give the "
        "used timesteps as lengths"
    )


def _place(mask: NDArray[Any]) -> str:
    return f"[{', '.join(str(int(i)) for i in np.argwhere(mask)[0])}]"


def _first(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
