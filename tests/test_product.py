"""Exact products against Python's integers, on every path that a product can take."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hlspike.generators.reference.product import Product, exact_product


def by_hand(values: NDArray[Any], weight: NDArray[Any]) -> list[list[int]]:
    return [
        [sum(int(x) * int(w) for x, w in zip(row, column, strict=True)) for column in weight]
        for row in values.reshape(-1, weight.shape[1])
    ]


def agrees(values: NDArray[Any], weight: NDArray[Any], dtype: Any) -> None:
    product = exact_product(values, weight)
    assert product.dtype == dtype and product.shape == (*values.shape[:-1], weight.shape[0])
    assert product.reshape(-1, weight.shape[0]).tolist() == by_hand(values, weight)


def spread(bits: int, shape: tuple[int, ...], seed: int) -> NDArray[Any]:
    """Integers of both signs below 2^bits in magnitude, the extremes among them, as Python integers."""
    rng = np.random.default_rng(seed)
    words = [int(rng.integers(0, 2**32)) | int(rng.integers(0, 2**32)) << 32 | int(rng.integers(0, 2**32)) << 64
             for _ in range(int(np.prod(shape)))]
    signed = [(word % 2**bits) * (-1) ** (place % 2) for place, word in enumerate(words)]
    signed[:2] = [2**bits - 1, 1 - 2**bits]
    return np.array(signed, object).reshape(shape)


# the bound of a sum of 4 products is 4 · 2^value · 2^weight
@pytest.mark.parametrize(("value_bits", "weight_bits", "dtype"), [
    (11, 11, np.int64),  # float32: below 2^24
    (12, 10, np.int64),
    (12, 11, np.int64),  # float64: below 2^53
    (26, 25, np.int64),
    (27, 25, np.int64),  # limbs, narrow: at most 62 bits
    (30, 30, np.int64),
    (1, 59, np.int64), (59, 1, np.int64), (50, 10, np.int64), (10, 50, np.int64),
    (31, 31, object),  # limbs, wide
    (62, 62, object), (1, 62, object), (62, 1, object), (62, 9, object),
])
def test_every_path_is_exact(value_bits: int, weight_bits: int, dtype: Any) -> None:
    values, weight = spread(value_bits, (3, 5, 4), 0), spread(weight_bits, (6, 4), 1)
    agrees(values.astype(np.int64), weight.astype(np.int64), dtype)
    agrees(values, weight.astype(np.int64), dtype)


@pytest.mark.parametrize(("value_bits", "weight_bits"), [(64, 5), (80, 62), (64, 64), (96, 1)])
def test_values_beyond_64_bits_are_exact(value_bits: int, weight_bits: int) -> None:
    agrees(spread(value_bits, (2, 4), 2), spread(weight_bits, (3, 4), 3), object)


@pytest.mark.parametrize("terms", [1, 2, 3, 127, 128, 1000, 4095, 4096, 4097])
@pytest.mark.parametrize("bits", [(4, 4), (20, 20), (26, 26), (62, 62)])
def test_the_largest_sum_of_every_length_is_exact(terms: int, bits: tuple[int, int]) -> None:
    largest, heaviest = (2**width - 1 for width in bits)
    values, weight = np.full((1, terms), largest), np.array([[heaviest] * terms, [-heaviest] * terms])
    product = exact_product(values, weight)
    assert product.tolist() == [[terms * largest * heaviest, -terms * largest * heaviest]]


# one below and at the sums that the mantissas of float32 and float64 hold
@pytest.mark.parametrize(("value", "weight"), [
    (2**24 - 1, 1), (2**24, 1), (2**24 + 1, 1), (2**53 - 1, 1), (2**53, 1), (2**53 + 1, 1), (2**62 - 1, 1), (2**62, 1),
    (4097, 4095), (4097, 4097), (2**26 + 1, 2**27 - 1), (2**27 + 1, 2**27 + 1), (2**31 + 1, 2**31 - 1),
])
def test_the_last_digit_survives_where_a_path_ends(value: int, weight: int) -> None:
    for sign in (1, -1):
        assert exact_product(np.array([[value]]), np.array([[sign * weight]])).tolist() == [[sign * value * weight]]
        assert exact_product(np.array([[weight]]), np.array([[sign * value]])).tolist() == [[sign * value * weight]]


@pytest.mark.parametrize("dtype", [
    np.bool_, np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.uint64, np.int64,
])
@pytest.mark.parametrize("heaviest", [3, 2**40 + 1, 2**62 - 1])
def test_the_extremes_of_every_integer_type_are_exact(dtype: Any, heaviest: int) -> None:
    low, high = (0, 1) if dtype == np.bool_ else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    values, weight = np.array([[low, high], [high, high]], dtype), np.array([[heaviest, -heaviest], [1, heaviest]])
    assert exact_product(values, weight).tolist() == by_hand(values, weight)


@pytest.mark.parametrize("shape", [(0, 3), (2, 0, 3), (2, 5, 3)])
def test_zeros_and_no_values_at_all_keep_the_shape(shape: tuple[int, ...]) -> None:
    product = exact_product(np.zeros(shape, np.int64), np.full((4, 3), 2**61))
    assert product.shape == (*shape[:-1], 4) and product.tolist() == np.zeros((*shape[:-1], 4)).tolist()


@st.composite
def operands(draw: st.DrawFn) -> tuple[NDArray[Any], NDArray[Any]]:
    rows, terms, columns = (draw(st.integers(1, 4)) for _ in range(3))

    def matrix(height: int) -> NDArray[Any]:
        bits = draw(st.integers(1, 62))
        size = height * terms
        value = st.integers(-(2**bits), 2**bits) | st.sampled_from((-(2**bits), 2**bits, 2**bits - 1))
        return np.array(draw(st.lists(value, min_size=size, max_size=size)), np.int64).reshape(height, terms)

    return matrix(rows), matrix(columns)


@settings(max_examples=300, deadline=None)
@given(operands())
def test_any_product_of_int64_is_exact(drawn: tuple[NDArray[Any], NDArray[Any]]) -> None:
    values, weight = drawn
    assert exact_product(values, weight).tolist() == by_hand(values, weight)
    assert exact_product(values.astype(object), weight).tolist() == by_hand(values, weight)


@st.composite
def layers(draw: st.DrawFn) -> tuple[NDArray[Any], int, NDArray[Any] | None, int, NDArray[Any]]:
    """A weight, its shift, a bias, its shift, and inputs; so wide that sums share numbers, or so large that none do."""
    rows, terms = draw(st.integers(1, 3)), draw(st.sampled_from((1, 32, 70)))
    columns = draw(st.sampled_from((3, 64, 96)))
    weight_bits, value_bits = draw(st.integers(1, 40)), draw(st.integers(1, 30))
    chance = np.random.default_rng(draw(st.integers(0, 99)))
    edge = draw(st.sampled_from((0, 1)))
    weight = chance.integers(-(2**weight_bits) + edge, 2**weight_bits, (columns, terms))
    if draw(st.booleans()):
        weight = np.abs(weight)
    dtype = draw(st.sampled_from((np.uint8, np.int64, np.uint32)))
    low = 0 if dtype != np.int64 else -(2**value_bits)
    values = chance.integers(low, min(2**value_bits, np.iinfo(dtype).max), (rows, terms), endpoint=True).astype(dtype)
    bias = chance.integers(-(2**20), 2**20, columns) if draw(st.booleans()) else None
    return weight, draw(st.integers(0, 40)), bias, draw(st.integers(0, 40)), values


@settings(max_examples=300, deadline=None)
@given(layers())
def test_sums_of_a_layer_are_exact_whoever_shares_a_number(
    drawn: tuple[NDArray[Any], int, NDArray[Any] | None, int, NDArray[Any]]
) -> None:
    weight, shift, bias, bias_shift, values = drawn
    offsets = [0] * len(weight) if bias is None else [int(value) << bias_shift for value in bias]
    expected = [
        [(total << shift) + offset for total, offset in zip(row, offsets, strict=True)]
        for row in by_hand(values, weight)
    ]
    product = Product(weight, shift, bias, bias_shift)
    assert product(values).tolist() == expected
    # again, with all that the first call has laid out, and with fewer inputs
    assert product(values[:1]).tolist() == expected[:1]


@pytest.mark.parametrize(("heaviest", "fields"), [(1, 3), (3, 3), (15, 2), (2**7, 1)])
def test_sums_at_the_edges_of_shared_numbers_stay_apart(heaviest: int, fields: int) -> None:
    # of inputs of 1, every second sum is 32 or 31 times the heaviest weight, up or down: the last that a digit holds
    chance = np.random.default_rng(heaviest)
    weight = chance.choice([-heaviest, heaviest], (384, 32))
    weight[::2] = np.where(chance.random((192, 1)) < 0.5, heaviest, -heaviest)
    product = Product(weight, 0, None, 0)
    values = np.ones((5, 32), np.uint8)
    values[1, 0] = 0
    assert product(values).tolist() == by_hand(values, weight)
    assert [plan.fields for plan in product._plans.values() if plan] == [fields]


def test_a_layer_of_zeros_is_exact_at_every_shift() -> None:
    values = np.array([[0, 1]], np.uint8)
    for shift in (0, 60, 200):
        assert Product(np.zeros((3, 2), np.int64), shift, np.zeros(3, np.int64), shift)(values).tolist() == [[0, 0, 0]]
        assert Product(np.ones((3, 2), np.int64), shift, None, 0)(values).tolist() == [[1 << shift] * 3]
