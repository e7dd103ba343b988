"""Names of layers as C++ identifiers: valid, unique, no one else's, and always the same."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hlspike.generators.settle.identifiers import identifiers

KEYWORDS = set(re.findall(r"\w+", """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t class compl const
    constexpr const_cast continue decltype default delete do double dynamic_cast else enum explicit export extern
    false float for friend goto if inline int long mutable namespace new noexcept not not_eq nullptr operator or
    or_eq private protected public register reinterpret_cast return short signed sizeof static static_assert
    static_cast struct switch template this thread_local throw true try typedef typeid typename union unsigned using
    virtual void volatile wchar_t while xor xor_eq
"""))
OTHERS = ("top", "tb", "std", "kernels", "int_layer", "INT8_MAX", "fc1", "fc.1", "FC1", "fc_1_2")
NAMES = st.one_of(
    st.text(max_size=8), st.text("aA_.0 é-", max_size=5), st.text("ab_", min_size=60, max_size=70),
    st.sampled_from([*sorted(KEYWORDS), *OTHERS]),
)


def one(name: str) -> str:
    return identifiers([name])[name]


@pytest.mark.parametrize(("name", "identifier"), [
    ("fc1", "fc1"), ("fc_1", "fc_1"), ("Dense", "Dense"),
    ("net.0.fc", "net_0_fc"), ("conv-1 (a)", "conv_1_a"), ("a:b;c$(rm)`x`\"'\\", "a_b_c_rm_x"),
    ("a__b", "a_b"), ("_hidden", "hidden"), ("__init__", "init"), ("a._b", "a_b"), ("x_", "x"),
    ("0", "layer_0"), ("3d", "layer_3d"), ("net.0", "net_0"), ("_1", "layer_1"),
    ("", "layer"), ("___", "layer"), ("...", "layer"),
    ("größe", "gr_e"), ("β", "layer"), ("层1", "layer_1"), ("x²", "x"), ("١", "layer"),
    ("a\nb\t", "a_b"),
])
def test_what_cpp_does_not_take_becomes_one_underscore(name: str, identifier: str) -> None:
    assert one(name) == identifier


@pytest.mark.parametrize("name", sorted(KEYWORDS))
def test_a_keyword_gets_a_suffix(name: str) -> None:
    assert one(name) == f"{name}_layer"


@pytest.mark.parametrize("name", [
    "hls", "std", "hlspike", "snn_top", "top", "tb", "kernels", "harness", "npy", "main", "in", "out", "last",
])
def test_a_name_of_the_generated_project_gets_a_suffix(name: str) -> None:
    assert one(name) == f"{name}_layer"


@pytest.mark.parametrize("name", ["Top", "Tb", "Kernels", "Harness"])
def test_a_file_of_the_generated_project_is_not_overwritten_where_the_file_system_folds_case(name: str) -> None:
    assert one(name) == f"{name}_layer"


@pytest.mark.parametrize("name", [
    "weight", "bias", "beta", "threshold", "n", "n_in", "n_out", "in_t", "out_t", "acc_t", "mem_t", "reuse_factor",
    "parallel", "inhibition", "values", "spikes", "kernels_linear", "kernels_leaky", "word", "last_out", "in_beats",
    "groups", "seen", "decided",
])
def test_a_member_a_local_or_a_guard_of_the_generated_text_gets_a_suffix(name: str) -> None:
    assert one(name) == f"{name}_layer"


@pytest.mark.parametrize("name", ["time", "Math", "string", "signal", "complex", "hls_stream"])
def test_a_header_of_the_library_gets_a_suffix(name: str) -> None:
    assert one(name) == f"{name}_layer"


@pytest.mark.parametrize("name", [
    "EOF", "NULL", "INT8_MAX", "FC1", "X", "AP_TRN", "ap_fixed", "ap_private", "AP_something", "snn_input", "HLSPIKE_h",
])
def test_what_looks_like_a_macro_or_a_type_of_the_headers_gets_a_suffix(name: str) -> None:
    assert one(name) == f"{name}_layer"


@pytest.mark.parametrize(("names", "expected"), [
    (["a.b", "a_b", "a-b"], ["a_b", "a_b_2", "a_b_3"]),
    (["fc", "Fc", "fC"], ["fc", "Fc_2", "fC_3"]),  # one file in a file system that folds case
    (["a_b_2", "a.b", "a-b"], ["a_b_2", "a_b", "a_b_3"]),
    (["a.b", "a-b", "a_b_2"], ["a_b", "a_b_2", "a_b_2_2"]),
    (["int", "int_layer"], ["int_layer", "int_layer_2"]),
    (["", ".", "layer"], ["layer", "layer_2", "layer_3"]),
    (["é1", "ü1"], ["layer_1", "layer_1_2"]),
])
def test_names_that_would_clash_get_a_number_in_their_order(names: list[str], expected: list[str]) -> None:
    assert identifiers(names) == dict(zip(names, expected, strict=True))


def test_a_long_name_is_cut_and_stays_apart_from_its_like() -> None:
    names = ["x" * 80 + tail for tail in "ab"]
    assert list(identifiers(names).values()) == ["x" * 64, "x" * 64 + "_2"]


def test_a_long_name_cut_at_an_underscore_does_not_get_two() -> None:
    names = ["y" * 63 + "_a", "y" * 63 + "_b"]
    assert list(identifiers(names).values()) == ["y" * 63, "y" * 63 + "_2"]


@settings(max_examples=200, deadline=None)
@given(st.lists(NAMES, max_size=8, unique=True))
def test_any_names_become_valid_unique_identifiers_that_nobody_else_owns(names: list[str]) -> None:
    found = identifiers(names)
    assert list(found) == names and identifiers(names) == found
    for identifier in found.values():
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", identifier) and "__" not in identifier
        assert identifier not in KEYWORDS and not identifier.isupper()
    assert len({identifier.lower() for identifier in found.values()}) == len(names)
