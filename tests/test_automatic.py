"""Types taken from values: the narrowest within its bounds, the binary point that loses least, and who is signed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hlspike.generators.fixed import FixedType
from hlspike.generators.precision.automatic import BOUNDS, WIDEST, Auto
from hlspike.generators.precision.loss import Loss
from hlspike.generators.typed import holding

KEYS = ("weight", "bias", "beta", "alpha", "threshold", "a_key_of_a_later_neuron")
DECAYS = ("beta", "alpha")


def loss(key: str, values: Any, kind: FixedType) -> Loss:
    array = np.asarray(values, np.float64)
    return Loss.of(key, array, kind.to_float(kind.round_parameter(array)[0]))


def used(key: str, values: Any, kind: FixedType) -> float:
    return BOUNDS.used(key, loss(key, values, kind))


@st.composite
def parameters(draw: st.DrawFn) -> tuple[str, np.ndarray[Any, Any]]:
    key = draw(st.sampled_from(KEYS))
    if key in DECAYS:
        value: st.SearchStrategy[float] = st.one_of(st.floats(0, 1), st.sampled_from((0.0, 1.0, 0.5, 0.95, 0.999)))
    else:
        scale = 10.0 ** draw(st.integers(-6, 6))
        value = st.one_of(st.floats(-scale, scale), st.sampled_from((0.0, scale, -scale, 0.5, -0.25)))
    values = np.array(draw(st.lists(value, min_size=1, max_size=8)))
    return key, np.where(np.abs(values) < 1e-200, 0.0, values)


@settings(max_examples=300, deadline=None)
@given(parameters())
def test_auto_is_the_narrowest_type_within_its_bounds(parameter: tuple[str, np.ndarray[Any, Any]]) -> None:
    key, values = parameter
    kind = Auto(None).of_parameter(key, values)
    assert kind.width <= WIDEST + 1  # 2^24 − ½ rounds up
    assert used(key, values, kind) <= 1 or kind.width >= WIDEST
    assert not kind.round_parameter(values)[1].any()
    if values.any() and kind.width > 1:
        # one bit less after the point: narrower, or out of bounds
        coarser = holding(*(int(np.rint(np.ldexp(edge, kind.frac - 1))) for edge in (values.min(), values.max())),
                          kind.frac - 1)
        assert used(key, values, coarser) > 1


@settings(max_examples=300, deadline=None)
@given(parameters(), st.integers(1, 20))
def test_auto_of_a_width_has_the_binary_point_that_loses_least(
    parameter: tuple[str, np.ndarray[Any, Any]], width: int
) -> None:
    key, values = parameter
    kind = Auto(width).of_parameter(key, values)
    assert (kind.width, kind.signed) == (width, bool((values < 0).any()))
    least = used(key, values, kind)
    for frac in range(kind.frac - 6, kind.frac + 12):
        assert used(key, values, FixedType(width, width - frac, kind.signed)) >= least


@pytest.mark.parametrize(("key", "values", "kind"), [
    # 0.95: 30/32 moves it by 1.3 %, 61/64 its leak by 6.3 %, 122/128 by 6.3 %, 243/256 by 1.6 %
    ("beta", 0.95, "ap_ufixed<8,0>"), ("alpha", 0.95, "ap_ufixed<8,0>"),
    # as a threshold, 61/64 moves it by 0.33 %
    ("threshold", 0.95, "ap_ufixed<6,0>"),
    ("beta", 0.875, "ap_ufixed<3,0>"), ("beta", 0.5, "ap_ufixed<1,0>"), ("beta", 0.0, "ap_uint<1>"),
    ("beta", [0.5, 1.0], "ap_ufixed<2,1>"), ("beta", 2.0**-12, "ap_ufixed<1,-11>"),
    ("threshold", 1.0, "ap_uint<1>"), ("threshold", [1.0, 1.5], "ap_ufixed<2,1>"),
    ("threshold", 1024.0, "ap_ufixed<1,11>"),
    ("threshold", -0.5, "ap_fixed<1,0>"), ("threshold", [-0.5, 0.5], "ap_fixed<2,1>"),
    ("threshold", 0.3, "ap_ufixed<7,-1>"),  # 77/256 moves it by 0.26 %, 38/128 by 1 %
    ("threshold", 1000.0, "ap_ufixed<7,10>"),  # 125 · 8
    ("weight", [[0.0, 0.0]], "ap_uint<1>"), ("weight", [[0.25, 0.25]], "ap_ufixed<1,-1>"),
    ("weight", [[1.0, -1.0, 0.0]], "ap_int<2>"), ("weight", [[200.0, -200.0]], "ap_fixed<6,9>"),  # ±25 · 8
])
def test_types_of_auto_by_hand(key: str, values: Any, kind: str) -> None:
    assert str(Auto(None).of_parameter(key, np.asarray(values, np.float64))) == kind


@pytest.mark.parametrize(("key", "values", "width", "kind"), [
    # nothing saturates as long as that costs more than it gives
    ("weight", [200.0, -3.0], 8, "ap_fixed<8,9>"), ("weight", [0.001, -0.0005], 8, "ap_fixed<8,-8>"),
    ("weight", [0.3, 0.2], 4, "ap_ufixed<4,-1>"), ("weight", [0.0, 0.0], 4, "ap_uint<4>"),
    # −1 fits where 1 does not
    ("weight", [-1.0, 0.5], 8, "ap_fixed<8,1>"), ("weight", [1.0, -0.5], 8, "ap_fixed<8,2>"),
    # 0.999 · 256 rounds to 256, one too many; 255/256 loses more than 128/128 does
    ("weight", [0.999], 8, "ap_ufixed<8,1>"),
    # one of thousands is cut off, so that the others have a bit more
    ("weight", [1.01, *([0.3, -0.2, 0.05] * 2000)], 4, "ap_fixed<4,0>"),
    ("beta", 0.95, 4, "ap_ufixed<4,0>"), ("beta", [1.0, 0.95], 4, "ap_ufixed<4,1>"),
    ("threshold", -4.0, 3, "ap_int<3>"), ("threshold", 1.0, 1, "ap_uint<1>"),
])
def test_types_of_auto_of_a_width_by_hand(key: str, values: Any, width: int, kind: str) -> None:
    assert str(Auto(width).of_parameter(key, np.asarray(values, np.float64))) == kind


@pytest.mark.parametrize("value", [1e-300, 1e300, 5e-324, -1e-300, 1.7e308])
@pytest.mark.parametrize("auto", [Auto(None), Auto(1), Auto(8), Auto(63)])
@pytest.mark.parametrize("key", ["weight", "threshold"])
def test_values_at_the_ends_of_the_doubles_have_a_type(value: float, auto: Auto, key: str) -> None:
    kind = auto.of_parameter(key, np.array([value, value / 3, 0.0]))
    assert FixedType.parse(str(kind)) == kind
    assert auto.width in (None, kind.width)


@pytest.mark.parametrize(("low", "high", "most", "kind"), [
    (-3, 9, "ap_fixed<20,16>", "ap_fixed<6,5,AP_RND,AP_SAT>"),
    (0, 9, "ap_ufixed<20,16>", "ap_ufixed<6,4,AP_RND,AP_SAT>"),
    (0, 9, "ap_ufixed<20,19>", "ap_ufixed<6,5,AP_RND,AP_SAT>"),  # a second bit after the point would always be 0
    (-300, 9, "ap_int<8>", "ap_fixed<6,8,AP_RND,AP_SAT>"),  # more can never occur
    (0, 1000, "ap_int<20>", "ap_fixed<6,11,AP_RND,AP_SAT>"),
])
def test_a_range_places_the_binary_point_of_what_is_computed(low: int, high: int, most: str, kind: str) -> None:
    assert str(Auto(6).of_range(low, high, 0, FixedType.parse(most))) == kind
    chosen = Auto.parse("auto<6,TRN,WRAP>")
    assert chosen is not None
    assert str(chosen.of_range(-3, 9, 1, FixedType.parse("ap_fixed<20,10>"))) == "ap_fixed<6,4>"


@pytest.mark.parametrize(("auto", "key", "values", "reason"), [
    (Auto(None), "weight", [0.3], "auto: the narrowest that loses at most 0.39 %; 0.26 % of the root mean square is "
                                  "lost"),
    (Auto(None), "beta", 0.95, "auto: the narrowest that moves no value by more than 0.78 %, nor its leak by more than "
                               "3.1 %; values move by at most 0.082 %, their leak by at most 1.6 %"),
    (Auto(None), "threshold", 0.3, "auto: the narrowest that moves no value by more than 0.78 %; values move by at "
                                   "most 0.26 %"),
    (Auto(None), "threshold", [1e-9, 1.0], "auto: 24 bits, where more than 24 would be needed; values move "
                                           "by at most 100 %"),
    (Auto(4), "beta", 0.95, "auto<4>: of the binary points of 4 bits the one that loses least; values move by at most "
                            "1.3 %, their leak by at most 25 %"),
    (Auto(4), "weight", [1.0, 0.3], "auto<4>: of the binary points of 4 bits the one that loses least; 4.8 % of the "
                                    "root mean square is lost"),
])
def test_the_reason_names_the_rule_and_what_is_lost(auto: Auto, key: str, values: Any, reason: str) -> None:
    array = np.asarray(values, np.float64)
    kind = auto.of_parameter(key, array)
    assert auto.reason(key, loss(key, array, kind), kind) == reason


def test_the_reason_tells_of_values_that_are_cut_off() -> None:
    kind = FixedType(4, 0)
    assert Auto(4).reason("weight", Loss(0.25, 1.0, None), kind, 3) == (
        "auto<4>: of the binary points of 4 bits the one that loses least; 25 % of the root mean square is lost, 3 "
        "values are cut off"
    )
