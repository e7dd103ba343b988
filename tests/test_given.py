"""Arrays as they come: each kind of tensor, list and box of numbers is taken, and what is none is told apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import torch

from hlspike.generators.errors import DataError
from hlspike.generators.exact.given import array_of

VALUES = [[0.0, 1.0, 0.0], [2.0, 0.0, -1.0]]
TENSOR = torch.tensor(VALUES)


class Framed:
    """As other packages' arrays: nothing but `__array__`."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array(VALUES)


class Broken:
    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise RuntimeError("lost.\nIt is gone")


@pytest.mark.parametrize(
    "make",
    [
        lambda: VALUES, lambda: tuple(map(tuple, VALUES)), lambda: np.array(VALUES), lambda: TENSOR,
        lambda: TENSOR.clone().requires_grad_(), lambda: (TENSOR.clone().requires_grad_() * 1.0),
        lambda: TENSOR.to_sparse(), lambda: TENSOR.to_sparse_csr(), lambda: TENSOR.bfloat16(), lambda: TENSOR.half(),
        lambda: TENSOR.to(torch.float8_e4m3fn), lambda: torch.quantize_per_tensor(TENSOR, 0.5, 4, torch.quint8),
        lambda: torch.nested.nested_tensor([*TENSOR]), lambda: [*TENSOR], lambda: [TENSOR[0], VALUES[1]],
        lambda: torch.nn.Parameter(TENSOR), lambda: (TENSOR * 1j).imag, lambda: TENSOR.T.contiguous().T,
        lambda: np.ma.MaskedArray(VALUES, mask=False), lambda: np.array(VALUES, object),
        lambda: np.array([np.array(VALUES[0]), VALUES[1]], object), lambda: np.matrix(VALUES), Framed,
        lambda: scipy.sparse.csr_matrix(VALUES), lambda: scipy.sparse.coo_array(VALUES),
        lambda: np.array(VALUES, ">f8"), lambda: np.array(VALUES, np.longdouble), lambda: np.array(VALUES, np.float16),
    ],
)
def test_what_holds_real_numbers_is_an_array_of_them(make: Callable[[], Any]) -> None:
    found = array_of("data: frames", make())
    assert type(found) is np.ndarray and found.dtype.kind == "f"
    assert found.tolist() == VALUES


def boxed(*items: Any) -> np.ndarray:
    found = np.empty(len(items), object)
    found[:] = items
    return found


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([[1, 2], [3]], " is ragged: item 1 has shape (1,), item 0 has (2,); pad them to one shape, and give the used "
                        "timesteps as lengths"),
        ([torch.zeros(2, 3), torch.zeros(4, 3)],
         " is ragged: item 1 has shape (4, 3), item 0 has (2, 3); pad them to one shape, and give the used timesteps "
         "as lengths"),
        (torch.nested.nested_tensor([torch.zeros(2, 3), torch.zeros(4, 3)]),
         " is ragged: item 1 has shape (4, 3), item 0 has (2, 3); pad them to one shape, and give the used timesteps "
         "as lengths"),
        (boxed(np.zeros((2, 3)), np.zeros((4, 3))),
         " is ragged: item 1 has shape (4, 3), item 0 has (2, 3); pad them to one shape, and give the used timesteps "
         "as lengths"),
        ([[[1], [2]], [[3], [4, 5]]],
         "[1] is ragged: item 1 has shape (2,), item 0 has (1,); pad them to one shape, and give the used timesteps as "
         "lengths"),
        (torch.zeros(2, device="meta"), " is on the meta device, without values; give the values"),
        (torch.zeros(2, dtype=torch.complex64), " has dtype complex64; give real numbers"),
        (np.zeros(2, complex), " has dtype complex128; give real numbers"),
        ([1, 2j], " has dtype complex128; give real numbers"),
        (np.ma.MaskedArray([[1, 2], [3, 4]], [[0, 0], [1, 0]]), " is masked at [1, 0]; fill it, as in .filled(0)"),
        (["a"], " has dtype <U1; give numbers"),
        (np.zeros(2, "datetime64[s]"), " has dtype datetime64[s]; give numbers"),
        (np.zeros(2, [("x", int)]), " has dtype [('x', '<i8')]; give numbers"),
        ([1, None], "[1] is a NoneType; give numbers"),
        ([[1, 2], [3, {}]], "[1, 1] is a dict; give numbers"),
        ([2**64, 1], " has dtype object; give numbers"),
        (np.array([2**63], np.uint64), " holds 9223372036854775808; give numbers of at most 9223372036854775807"),
        (None, " is a NoneType; give an array of numbers"),
        ("frames.npy", " is a str; give an array of numbers"),
        ({1: 2}, " is a dict; give an array of numbers"),
        ((n for n in (1, 2)), " is a generator; give an array of numbers"),
        (map(abs, (1, 2)), " is a map; give an array of numbers"),
        (torch.zeros, " is a builtin_function_or_method; give an array of numbers"),
        (Broken(), ": Broken gives no array, lost; give one"),
    ],
)
def test_what_is_none_is_refused_with_the_reason(value: Any, message: str) -> None:
    with pytest.raises(DataError) as error:
        array_of("data: frames", value)
    assert str(error.value) == f"data: frames{message}"


@pytest.mark.parametrize("value", [[True, False], torch.tensor([1, 2], dtype=torch.uint8), [1, 2], boxed(1, 2)])
def test_integers_are_kept(value: Any) -> None:
    assert array_of("data: labels", value, fractions=False).dtype.kind in "biu"


@pytest.mark.parametrize("value", [[1.0], torch.tensor([1.0]), np.zeros(2, complex)])
def test_what_is_to_be_integers_is_nothing_else(value: Any) -> None:
    dtype = np.asarray(value).dtype
    with pytest.raises(DataError, match=rf"^data: labels has dtype {dtype}; give integers$"):
        array_of("data: labels", value, fractions=False)
