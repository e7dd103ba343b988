"""FixedType against AMD's own headers compiled with g++, against rational arithmetic, and its spellings."""

from __future__ import annotations

import importlib.util
import math
import random
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hlspike.generators.fixed import OVERFLOWS, QUANTIZATIONS, SPIKE, FixedType

MODES = tuple(product(QUANTIZATIONS, OVERFLOWS))
SIGNS = (True, False)

HEADERS = """
#include <ap_fixed.h>
#include <cstdint>
#include <cstdio>
#include <vector>
"""
# NDEBUG: operator= also reads, and then ignores, the first dropped bit where all of the source lies below it
FLAGS = ("-std=c++14", "-O0", "-w", "-DNDEBUG")
PROGRAM = r"""
static void get(double& d) { if (fread(&d, 8, 1, stdin) != 1) throw 1; }
template <class S> static void get(S& s) {
  for (int low = 0; low < S::width; low += 64) {
    uint64_t word;
    if (fread(&word, 8, 1, stdin) != 1) throw 1;
    s.range(low + 63 < S::width ? low + 63 : S::width - 1, low) = ap_uint<64>(word);
  }
}
template <class S> static std::vector<S> read(int count) {
  std::vector<S> values(count);
  for (auto& value : values) get(value);
  return values;
}
template <class T, class S> static void assign(const std::vector<S>& values) {
  for (auto& value : values) {
    const T t = value;
    for (int word = 0; word < (T::width + 63) / 64; ++word) {
      const uint64_t bits = t.V.get_pVal(word);  // the top word is extended by the sign
      fwrite(&bits, 8, 1, stdout);
    }
  }
}
int main() {
%s
}
"""


@dataclass(frozen=True)
class Assignments:
    """Values of one source (None: double), and the types each of them is assigned to."""

    source: FixedType | None
    values: Sequence[int] | Sequence[float]
    targets: Sequence[FixedType]

    @property
    def statements(self) -> str:
        source = "double" if self.source is None else _cpp(self.source)
        calls = "".join(f" assign<{_cpp(target)}>(values);" for target in self.targets)
        return f"{{ const auto values = read<{source}>({len(self.values)});{calls} }}"

    @property
    def input(self) -> bytes:
        if self.source is None:
            return np.asarray(self.values, np.float64).tobytes()
        size = _bytes(self.source)
        return b"".join(int(value).to_bytes(size, "little", signed=self.source.signed) for value in self.values)


def _cpp(fixed: FixedType) -> str:
    return "ap_ufixed<1,1>" if fixed == SPIKE else fixed.cpp  # an ap_uint<1> would truncate towards zero


def _bytes(fixed: FixedType) -> int:
    return (fixed.width + 63) // 64 * 8


@pytest.fixture(scope="module")
def header(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """AMD's headers, precompiled: every program begins with them."""
    spec = importlib.util.find_spec("hls4ml")
    assert spec is not None and spec.origin is not None, "hls4ml carries the headers and is a dependency"
    path = tmp_path_factory.mktemp("headers") / "all.h"
    path.write_text(HEADERS)
    include = Path(spec.origin).parent / "templates" / "vivado" / "ap_types"
    compiled("-isystem", str(include), "-x", "c++-header", str(path), "-o", f"{path}.gch")
    return path


def compiled(*arguments: str) -> None:
    built = subprocess.run(["g++", *FLAGS, *arguments], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr


def by_headers(header: Path, binary: Path, program: Sequence[Assignments]) -> list[list[NDArray[np.object_]]]:
    """What AMD's headers make of each assignment: mantissas, per source and target."""
    source = binary.with_suffix(".cpp")
    source.write_text(PROGRAM % "\n".join(item.statements for item in program))
    compiled("-Winvalid-pch", "-Werror=invalid-pch", "-include", str(header), str(source), "-o", str(binary))
    run = subprocess.run([binary], input=b"".join(item.input for item in program), capture_output=True, check=True)
    results, offset = [], 0
    for item in program:
        row = []
        for target in item.targets:
            end = offset + len(item.values) * _bytes(target)
            row.append(mantissas_of(run.stdout[offset:end], target))
            offset = end
        results.append(row)
    assert offset == len(run.stdout)
    return results


def mantissas_of(data: bytes, fixed: FixedType) -> NDArray[np.object_]:
    """Of words of 64 bits, the top one of each extended by the sign."""
    if fixed.width <= 63:
        return np.frombuffer(data, np.int64).astype(object)
    size = _bytes(fixed)
    chunks = (data[at : at + size] for at in range(0, len(data), size))
    return np.array([int.from_bytes(chunk, "little", signed=fixed.signed) for chunk in chunks], object)


def check(header: Path, directory: Path, assignments: Sequence[Assignments], programs: int) -> int:
    """Compare every assignment; the number of values compared."""
    parts = [part for part in (assignments[i::programs] for i in range(programs)) if part]
    binaries = [directory / f"program{i}" for i in range(len(parts))]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(partial(by_headers, header), binaries, parts))
    compared = 0
    for part, part_results in zip(parts, results, strict=True):
        for item, rows in zip(part, part_results, strict=True):
            for target, expected in zip(item.targets, rows, strict=True):
                compared += compare(item, target, expected)
    return compared


def compare(item: Assignments, target: FixedType, expected: NDArray[np.object_]) -> int:
    """What FixedType makes of an assignment, against what headers do; the number of values."""
    if item.source is None:
        raw = target.from_float(np.array(item.values, np.float64))
    else:
        raw = target.cast(np.array(item.values, object), item.source.frac)
    assert raw.dtype == (np.int64 if target.width <= 63 else object)
    wrong = np.flatnonzero(raw != expected)
    assert not wrong.size, (
        f"{target} from {item.values[wrong[0]]} of {item.source}: {raw[wrong[0]]}, headers {expected[wrong[0]]}"
    )
    return len(expected)


# -- small types, every mantissa


def every_mantissa(
    width: int, integer: int, drop: int, source_width: int, source_signed: bool, share: tuple[int, int] = (1, 0)
) -> Assignments:
    """All values of a source with `drop` more fractional bits, into both signs of a small target.

    Args:
        share: (n, i): of the modes those whose number leaves i when divided by n.
    """
    frac = width - integer + drop
    source = FixedType(source_width, source_width - frac, source_signed)
    modes = [mode for number, mode in enumerate(MODES) if number % share[0] == share[1] % share[0]]
    if drop <= 0:  # nothing to round
        modes = sorted({("TRN" if q.startswith("TRN") else "RND", o) for q, o in modes})
    targets = [FixedType(width, integer, signed, *mode) for signed in SIGNS for mode in modes]
    return Assignments(source, range(source.min_raw, source.max_raw + 1), targets)


def test_small_types_agree_with_amds_headers(header: Path, tmp_path: Path) -> None:
    shapes = [
        (1, 1, 2, 6, True), (1, -2, 1, 4, False), (2, 0, 1, 6, True), (3, 2, 3, 9, True), (3, 5, 2, 8, False),
        (4, 2, -2, 5, True), (4, 7, 0, 7, True), (5, 3, 6, 4, True), (5, 1, 2, 6, True),
    ]  # fmt: skip
    cases = [every_mantissa(*shape, share=(3, number)) for number, shape in enumerate(shapes)]
    assert check(header, tmp_path, cases, programs=2) == sum(len(case.values) * len(case.targets) for case in cases)


@pytest.mark.heavy
@pytest.mark.parametrize("width", range(1, 9))
def test_all_types_up_to_eight_bits_agree_with_amds_headers(header: Path, tmp_path: Path, width: int) -> None:
    """In all modes from one source that reaches far beyond the target on both sides and of the last bit.

    Every shape of source meets every mode too, but at one width or another: each pair of types takes the compiler
    longer than all of its values take to compare.
    """
    integers = (width // 2, -3, width + 2)
    cases = [every_mantissa(width, integers[width % 3], 3, width + 6, True)]
    shapes = [(drop, width + 3 + drop) for drop in (-2, 0, 1, 3)]  # three more integer bits
    shapes += [(1, width + 1), (2, width + 1), (1, max(1, width - 1)), (4, 3), (5, 3)]  # as many, fewer, all dropped
    for number, (drop, source_width) in enumerate(shapes):
        for signed in SIGNS:
            share = 7, width + number + 2 * signed
            cases.append(every_mantissa(width, integers[number % 3], drop, max(1, source_width), signed, share))
    assert check(header, tmp_path, cases, programs=2) == sum(len(case.values) * len(case.targets) for case in cases)


# -- wide types, random and critical mantissas


def critical_mantissas(rng: random.Random, source: FixedType, target: FixedType, count: int) -> list[int]:
    """Mantissas of `source`: of any magnitude, at ties, and at the bounds of `target`."""
    drop = source.frac - target.frac
    unit = 1 << max(drop, 0)
    bounds = [bound << drop if drop >= 0 else bound >> -drop for bound in (target.min_raw, target.max_raw + 1, 0)]
    values = [source.min_raw, source.max_raw, 0]
    while len(values) < count:
        match rng.randrange(3):
            case 0:
                value = rng.getrandbits(rng.randrange(1, source.width + 1)) * rng.choice((1, -1))
            case 1:
                value = rng.randrange(source.min_raw, source.max_raw + 1) // unit * unit + unit // 2
            case _:
                value = rng.choice(bounds) + rng.choice((0, unit // 2, -(unit // 2), -unit)) + rng.randrange(-1, 2)
        if source.min_raw <= value <= source.max_raw:
            values.append(value)
    return values


def random_type(rng: random.Random, widths: tuple[int, int]) -> FixedType:
    width = rng.randint(*widths)
    return FixedType(width, rng.randint(-4, width + 4), rng.choice(SIGNS), *rng.choice(MODES))


def wide_assignments(rng: random.Random, count: int) -> list[Assignments]:
    """Sources and targets below, at and above the 63 bits of the fast path."""
    cases = []
    for i in range(count):
        target = random_type(rng, ((1, 40), (41, 62), (63, 65), (66, 128))[i % 4])
        source_width = rng.choice((rng.randint(2, 62), rng.randint(62, 65), rng.randint(66, 128)))
        frac = target.frac + rng.choice((0, 1, rng.randint(2, 20), rng.randint(20, 80), -rng.randint(1, 70)))
        source = FixedType(source_width, source_width - frac, rng.choice(SIGNS))
        cases.append(Assignments(source, critical_mantissas(rng, source, target, 200), [target]))
    return cases


def float_assignments(rng: random.Random, count: int) -> list[Assignments]:
    """Doubles of any magnitude, at ties and at the bounds of the target."""
    cases = []
    for i in range(count):
        target = random_type(rng, ((1, 16), (17, 62), (63, 65), (66, 128))[i % 4])
        mantissas = [float(rng.choice((target.min_raw, target.max_raw, rng.getrandbits(20)))) for _ in range(200)]
        ties = [math.ldexp(m + rng.choice((-1, -0.5, 0, 0.5, 0.75)), -target.frac) for m in mantissas]
        spread = [math.ldexp(rng.uniform(-1, 1), rng.randint(-200, 200)) for _ in range(60)]
        near = [math.ldexp(rng.uniform(-2, 2), rng.randint(-target.frac - 4, target.integer)) for _ in range(140)]
        cases.append(Assignments(None, [0.0, -0.0, *ties, *spread, *near], [target]))
    return cases


def test_wide_types_and_doubles_agree_with_amds_headers(header: Path, tmp_path: Path) -> None:
    rng = random.Random(20)
    assert check(header, tmp_path, wide_assignments(rng, 48) + float_assignments(rng, 24), programs=2) > 15_000


@pytest.mark.heavy
def test_many_wide_types_and_doubles_agree_with_amds_headers(header: Path, tmp_path: Path) -> None:
    rng = random.Random(1)
    assert check(header, tmp_path, wide_assignments(rng, 160) + float_assignments(rng, 80), programs=2) > 60_000


# -- against rational arithmetic


def lowest(target: FixedType) -> int:
    """SAT_SYM is symmetric, but a signed bit has no 1 to match its -1, and the headers keep the -1."""
    symmetric = target.signed and target.overflow == "SAT_SYM"
    return min(-1, -target.max_raw) if symmetric else target.min_raw


def assigned(target: FixedType, value: Fraction) -> tuple[int, bool]:
    """UG1399's words as rational arithmetic: the mantissa, and whether the rounded value lay beyond the type."""
    x, half = value * Fraction(2) ** target.frac, Fraction(1, 2)
    away = -1 if x < 0 else 1
    rounded = {
        "TRN": math.floor(x),
        "TRN_ZERO": math.trunc(x),
        "RND": math.floor(x + half),
        "RND_ZERO": away * math.ceil(abs(x) - half),
        "RND_INF": away * math.floor(abs(x) + half),
        "RND_MIN_INF": math.ceil(x - half),
        "RND_CONV": round(x),
    }[target.quantization]
    low = lowest(target)
    beyond = not low <= rounded <= target.max_raw
    if target.overflow == "WRAP":
        return (rounded - target.min_raw) % 2**target.width + target.min_raw, beyond
    if target.overflow == "SAT_ZERO":
        return 0 if beyond else rounded, beyond
    return min(max(rounded, low), target.max_raw), beyond


def fixed_types(widest: int = 130) -> st.SearchStrategy[FixedType]:
    return st.builds(
        FixedType,
        st.integers(1, widest),
        st.integers(-70, 140),
        st.booleans(),
        st.sampled_from(QUANTIZATIONS),
        st.sampled_from(OVERFLOWS),
    )


MANTISSAS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-(2**130), 2**130),
    st.builds(lambda sign, power, off: sign * 2**power + off, st.sampled_from((1, -1)), st.integers(0, 64),
              st.integers(-1, 1)),
)  # fmt: skip


@settings(max_examples=400)
@given(fixed_types(), st.lists(MANTISSAS, min_size=1, max_size=8), st.integers(-90, 90))
def test_cast_is_the_rational_rule(target: FixedType, raw: list[int], drop: int) -> None:
    frac = target.frac + drop
    expected = [assigned(target, Fraction(value) / Fraction(2) ** frac) for value in raw]
    result, beyond, low, high = target.cast_checked(np.array(raw, object), frac)
    assert result.tolist() == [value for value, _ in expected]
    unbounded = replace(target, width=400, integer=400 - target.frac, signed=True)
    quantized = [assigned(unbounded, Fraction(value) / Fraction(2) ** frac)[0] for value in raw]
    assert (low, high) == (min(quantized), max(quantized))
    assert beyond.tolist() == [flag for _, flag in expected]
    assert result.dtype == (np.int64 if target.width <= 63 else object)
    assert target.cast(np.array(raw, object), frac).tolist() == result.tolist()


@settings(max_examples=300)
@given(fixed_types(), st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1), st.integers(-70, 70))
def test_int64_and_python_integers_agree(target: FixedType, raw: list[int], drop: int) -> None:
    frac = target.frac + drop
    fast = target.cast(np.array(raw, np.int64), frac)
    slow = target.cast(np.array([*raw, 2**200], object), frac)[:-1]  # one large element takes all off int64
    assert fast.tolist() == slow.tolist()


@settings(max_examples=200)
@given(fixed_types(), st.data())
def test_a_representable_value_is_cast_to_itself(target: FixedType, data: st.DataObject) -> None:
    raw = data.draw(st.lists(st.integers(lowest(target), target.max_raw)))
    result, beyond, *_ = target.cast_checked(np.array(raw, object), target.frac)
    assert result.tolist() == raw
    assert not beyond.any()


@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.uint8, np.int32, np.uint64, object])
def test_cast_takes_any_integer_array_of_any_shape(dtype: type) -> None:
    target = FixedType(4, 4, overflow="SAT")
    raw: NDArray[Any] = np.array([[0, 1], [1, 0]]).astype(dtype)
    result = target.cast(raw, 0)
    assert result.dtype == np.dtype(np.int64)
    assert result.tolist() == [[0, 1], [1, 0]]
    assert target.cast(np.zeros((0, 3), dtype), 2).shape == (0, 3)


def test_cast_does_not_wrap_what_numpy_integers_would() -> None:
    assert FixedType(80, 80).cast(np.array([np.int64(2**62)], object), -8).tolist() == [2**70]
    assert FixedType(8, 8, overflow="SAT").cast(np.array([2**64 - 1], np.uint64), 0).tolist() == [127]
    assert FixedType(8, 8, overflow="SAT").cast(2**90, 0).tolist() == 127
    assert FixedType(8, 8, overflow="SAT").cast(np.int64(-(2**62)), -4).tolist() == -128


def test_cast_leaves_its_argument_alone() -> None:
    raw = np.array([-300, 5, 300])
    for quantization, overflow in MODES:
        FixedType(4, 4, True, quantization, overflow).cast(raw, 2)
        assert raw.tolist() == [-300, 5, 300]


def test_cast_refuses_floats() -> None:
    with pytest.raises(TypeError, match=r"^mantissas are integers, found float64$"):
        FixedType(8, 4).cast(np.array([1.0]), 4)


# -- doubles

DOUBLES = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=300)
@given(fixed_types(), st.lists(st.one_of(DOUBLES, st.floats(-8, 8))))
def test_from_float_is_the_rational_rule(target: FixedType, values: list[float]) -> None:
    expected = [assigned(target, Fraction(value))[0] for value in values]
    assert target.from_float(np.array(values)).tolist() == expected


@settings(max_examples=300)
@given(fixed_types(), st.data())
def test_round_parameter_is_nearest_even_then_saturated(target: FixedType, data: st.DataObject) -> None:
    near = st.integers(-(2**12), 2**12).map(lambda quarter: math.ldexp(quarter, -target.frac - 2))
    values = data.draw(st.lists(st.one_of(near, DOUBLES), min_size=1))
    raw, saturated, vanished = target.round_parameter(np.array(values))
    low = lowest(target)
    nearest = [round(Fraction(value) * Fraction(2) ** target.frac) for value in values]
    assert raw.tolist() == [min(max(n, low), target.max_raw) for n in nearest]
    assert saturated.tolist() == [not low <= n <= target.max_raw for n in nearest]
    assert vanished.tolist() == [v != 0 and r == 0 for v, r in zip(values, raw.tolist(), strict=True)]


@settings(max_examples=200)
@given(fixed_types(), st.data())
def test_to_float_is_correctly_rounded(target: FixedType, data: st.DataObject) -> None:
    raw = data.draw(st.lists(st.integers(target.min_raw, target.max_raw)))
    result = target.to_float(np.array(raw, object))
    assert result.dtype == np.float64
    assert result.tolist() == [float(Fraction(value) / Fraction(2) ** target.frac) for value in raw]


@pytest.mark.parametrize(
    ("target", "raw", "expected"),
    [
        (FixedType(16, -1020), [3, -1], [float.fromhex("0x3p-1036"), -float.fromhex("0x1p-1036")]),
        (FixedType(54, -1021), [2**53 - 1, 1, 3], [float.fromhex(x) for x in ("0x1p-1022", "0x0p0", "0x1p-1073")]),
        (FixedType(1024, 1024, signed=False), [2**1024 - 1, 2**1000], [math.inf, 2.0**1000]),
    ],
)
def test_to_float_at_the_ends_of_the_doubles(target: FixedType, raw: list[int], expected: list[float]) -> None:
    assert target.to_float(np.array(raw, object)).tolist() == expected


@given(fixed_types(53), st.data())
def test_to_float_and_back(target: FixedType, data: st.DataObject) -> None:
    raw = data.draw(st.lists(st.integers(lowest(target), target.max_raw)))
    values = target.to_float(np.array(raw, np.int64))
    assert target.from_float(values).tolist() == raw
    assert target.round_parameter(values)[0].tolist() == raw


@given(fixed_types(70), st.sampled_from((np.float32, np.float64)), st.data())
def test_held_gives_what_from_float_does_or_nothing(target: FixedType, dtype: Any, data: st.DataObject) -> None:
    inside = st.integers(target.min_raw, target.max_raw).map(lambda raw: math.ldexp(raw, -target.frac))
    near = st.integers(-(2**10), 2**10).map(lambda half: math.ldexp(half, -target.frac - 1))
    drawn = data.draw(st.lists(st.one_of(inside, near), min_size=1))
    with np.errstate(over="ignore"):
        values = np.array(drawn).astype(dtype)
    found = target.held(values)
    if np.isfinite(values).all() and found is not None:
        raw, low, high = found
        assert raw.tolist() == target.from_float(values).tolist()
        assert target.to_float(raw).tolist() == values.tolist()
        assert (low, high) == (min(raw.tolist()), max(raw.tolist()))
        assert np.result_type(raw.dtype, np.int64) == np.int64
    elif 0 <= target.frac <= 60 and target.width <= 62:
        scaled = [Fraction(value) * 2**target.frac if math.isfinite(value) else None for value in values.tolist()]
        assert any(n is None or n.denominator > 1 or not lowest(target) <= n <= target.max_raw for n in scaled)


@pytest.mark.parametrize(("target", "dtype"), [
    ("ap_uint<1>", np.uint8), ("ap_fixed<1,1>", np.int8), ("ap_ufixed<8,3>", np.uint8), ("ap_fixed<9,3>", np.int16),
    ("ap_ufixed<32,16>", np.uint32), ("ap_ufixed<33,16>", np.int64), ("ap_ufixed<62,30>", np.int64),
])
def test_held_mantissas_are_narrow(target: str, dtype: Any) -> None:
    found = FixedType.parse(target).held(np.zeros((2, 3), np.float32))
    assert found is not None and (found[0].dtype, found[0].shape, found[1:]) == (dtype, (2, 3), (0, 0))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 256.0, -1.0, 2.0**70, 0.5])
def test_values_of_no_type_are_not_held(value: float) -> None:
    assert FixedType(8, 8, signed=False).held(np.array([1.0, value])) is None
    assert FixedType(8, 8, signed=False).held(np.array([1.0, value], np.float32)) is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_refused(value: float) -> None:
    for convert in (FixedType(8, 4).from_float, FixedType(8, 4).round_parameter):
        with pytest.raises(ValueError, match=rf"^only finite values have a fixed-point form, found {value}$"):
            convert(np.array([0.5, value]))


# -- spellings


@given(fixed_types())
def test_parse_reads_what_str_and_cpp_write(fixed: FixedType) -> None:
    assert FixedType.parse(str(fixed)) == fixed
    assert FixedType.parse(fixed.cpp) == fixed


@pytest.mark.parametrize(
    ("text", "canonical", "cpp"),
    [
        ("ap_fixed<16,6>", "ap_fixed<16,6>", "ap_fixed<16,6>"),
        ("fixed<16,6>", "ap_fixed<16,6>", "ap_fixed<16,6>"),
        ("ap_fixed_16_6", "ap_fixed<16,6>", "ap_fixed<16,6>"),
        ("ap_fixed<16,6,AP_TRN,AP_WRAP>", "ap_fixed<16,6>", "ap_fixed<16,6>"),
        (" ap_fixed < 16 , 6 , RND > ", "ap_fixed<16,6,AP_RND,AP_WRAP>", "ap_fixed<16,6,AP_RND,AP_WRAP>"),
        ("ap_fixed<16,6,AP_RND,AP_SAT,0>", "ap_fixed<16,6,AP_RND,AP_SAT>", "ap_fixed<16,6,AP_RND,AP_SAT>"),
        ("ap_fixed_16_6_RND_SAT", "ap_fixed<16,6,AP_RND,AP_SAT>", "ap_fixed<16,6,AP_RND,AP_SAT>"),
        ("fixed_9_2_TRN_ZERO_SAT_SYM", "ap_fixed<9,2,AP_TRN_ZERO,AP_SAT_SYM>", "ap_fixed<9,2,AP_TRN_ZERO,AP_SAT_SYM>"),
        ("ap_fixed_9_2_AP_RND_MIN_INF", "ap_fixed<9,2,AP_RND_MIN_INF,AP_WRAP>", "ap_fixed<9,2,AP_RND_MIN_INF,AP_WRAP>"),
        ("ap_ufixed<8,-2>", "ap_ufixed<8,-2>", "ap_ufixed<8,-2>"),
        ("ufixed<4,9>", "ap_ufixed<4,9>", "ap_ufixed<4,9>"),
        ("ap_int<8>", "ap_int<8>", "ap_fixed<8,8>"),
        ("int<8>", "ap_int<8>", "ap_fixed<8,8>"),
        ("ap_fixed<8,8>", "ap_int<8>", "ap_fixed<8,8>"),
        ("ap_fixed<8,8,AP_RND,AP_SAT>", "ap_fixed<8,8,AP_RND,AP_SAT>", "ap_fixed<8,8,AP_RND,AP_SAT>"),
        ("uint<3>", "ap_uint<3>", "ap_ufixed<3,3>"),
        ("ap_uint<1>", "ap_uint<1>", "ap_uint<1>"),
    ],
)  # fmt: skip
def test_spellings(text: str, canonical: str, cpp: str) -> None:
    fixed = FixedType.parse(text)
    assert (str(fixed), fixed.cpp) == (canonical, cpp)


def test_the_parts_of_a_type() -> None:
    fixed = FixedType.parse("ap_fixed<16,6,AP_RND_CONV,AP_SAT>")
    assert fixed == FixedType(16, 6, True, "RND_CONV", "SAT")
    assert (fixed.frac, fixed.min_raw, fixed.max_raw) == (10, -32768, 32767)
    unsigned = FixedType.parse("ap_ufixed<70,-2>")
    assert (unsigned.frac, unsigned.min_raw, unsigned.max_raw) == (72, 0, 2**70 - 1)
    assert FixedType.parse("ap_uint<1>") == SPIKE


ACCEPTED = (
    "is not a fixed-point type; write ap_fixed<W,I>, ap_fixed<W,I,Q,O>, ap_ufixed<W,I,Q,O>, ap_int<W>, ap_uint<W> or "
    "ap_fixed_W_I_Q_O, with Q one of TRN, TRN_ZERO, RND, RND_ZERO, RND_INF, RND_MIN_INF, RND_CONV and O one of WRAP, "
    "SAT, SAT_ZERO, SAT_SYM"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        *(
            (text, f"{text!r} {ACCEPTED}")
            for text in (
                "", "float", "auto", "ap_fixed", "ap_fixed<16>", "ap_fixed<16,>", "ap_fixed<16,6", "ap_fixed<16;6>",
                "ap_fixed<16,6,SAT>", "ap_fixed<16,6,RND,WRAP_SM>", "ap_fixed<16,6,RND,SAT,1>", "ap_fixed<16,6>x",
                "ap_int<8,3>", "ap_int<>", "AP_FIXED<16,6>", "ap_fixed<16,6>\nap_fixed<16,6>", "ap_fixed<6.5,2>",
                "ap_fixed_16", "ap_fixed_16_6_", "ap_fixed<٣,1>",
            )
        ),
        ("ap_fixed<0,3>", "'ap_fixed<0,3>': the width must lie in 1..1024, found 0"),
        ("ap_uint<1025>", "'ap_uint<1025>': the width must lie in 1..1024, found 1025"),
        ("ap_fixed<8,-1025>", "'ap_fixed<8,-1025>': the integer bits must lie in -1024..1024, found -1025"),
    ],
)  # fmt: skip
def test_refused_spellings(text: str, message: str) -> None:
    with pytest.raises(ValueError) as refusal:
        FixedType.parse(text)
    assert str(refusal.value) == message
    assert "\n" not in message


def test_unknown_modes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^the quantization must be one of TRN, .*, RND_CONV, found 'ROUND'$"):
        FixedType(8, 4, True, "ROUND")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^the overflow must be one of WRAP, SAT, SAT_ZERO, SAT_SYM, found 'CLIP'$"):
        FixedType(8, 4, True, "TRN", "CLIP")  # type: ignore[arg-type]
