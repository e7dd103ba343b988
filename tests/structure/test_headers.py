"""The stand-ins for AMD's headers give what those give: every cast, and the width and value of every result."""

from __future__ import annotations

import importlib.util
import random
import subprocess
from pathlib import Path

import pytest
from analysis.front import HEADERS, Tools
from test_fixed import MODES, Assignments, compare, every_mantissa, mantissas_of, wide_assignments

_HLS4ML = importlib.util.find_spec("hls4ml")
assert _HLS4ML is not None and _HLS4ML.origin is not None, "hls4ml carries the headers and is a dependency"
AMD = Path(_HLS4ML.origin).parent / "templates" / "vivado" / "ap_types"
INTEGERS = ("a + b", "a - b", "a * b", "a & b", "a | b", "a ^ b", "~a", "-a", "-b", "a << 1", "a << 3", "a >> 2",
            "a + 5", "7 - b", "a * -3", "a & 6", "a + (b == b)", "a + (signed char)-9", "100000u * b")
FIXED = ("a + b", "a - b", "a * b", "-a", "-b", "a + 3", "2 - b", "a * n", "n + b", "a - ap_uint<1>(1)")
COMPARED = ("==", "!=", "<", "<=", ">", ">=")
SHOW = r"""
#include <ap_fixed.h>
#include <ap_int.h>
#include <cstdio>
template <class T> void show(const T &t) {
    std::printf("%d", int(T::width));
    for (int low = 0; low < T::width; low += 64) {
        const ap_uint<64> bits = t.range(low + 63 < T::width ? low + 63 : T::width - 1, low);
        std::printf(" %llx", (unsigned long long)bits.to_uint64());
    }
    std::printf("\n");
}
static void show(bool b) { std::printf("%d\n", b); }
template <class T> T made(unsigned long long low, unsigned long long high) {
    T t;
    for (int i = 0; i < T::width; i += 64) {
        const ap_uint<64> bits = i ? high : low;
        t.range(i + 63 < T::width ? i + 63 : T::width - 1, i) = bits;
    }
    return t;
}
int main() {
%s
}
"""


def said(compiler: list[str], source: Path, program: Path, given: bytes = b"") -> bytes:
    built = subprocess.run([*compiler, str(source), "-o", str(program)], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[:3000]
    return subprocess.run([program], input=given, capture_output=True, check=True).stdout


def by_both(tools: Tools, folder: Path, statements: list[str]) -> tuple[list[str], list[str]]:
    source = folder / "program.cpp"
    source.write_text(SHOW.replace("%s", "\n".join(statements)))
    flags = ["-std=c++14", "-O0", "-w", "-DNDEBUG"]
    amd = said(["g++", *flags, "-isystem", str(AMD)], source, folder / "amd")
    ours = said([tools.clang, *flags, f"-I{HEADERS}"], source, folder / "ours")
    return amd.decode().splitlines(), ours.decode().splitlines()


def value(rng: random.Random) -> str:
    bits = [rng.choice((rng.getrandbits(64), 0, 2**64 - 1, 2**63, rng.getrandbits(4))) for _ in range(2)]
    return ", ".join(f"{one}ull" for one in bits)


def integer(rng: random.Random) -> str:
    return f"ap_{rng.choice(('int', 'uint'))}<{rng.choice((1, 2, 3, 7, 8, 9, 16, 17, 31, 33, 40, 63, 64, 65, 90))}>"


def fixed(rng: random.Random, sign: str) -> str:
    width = rng.choice((1, 2, 5, 8, 9, 16, 17, 27, 33, 48, 60))
    return f"ap_{sign}fixed<{width},{rng.randint(-3, width + 3)}>"


HOW_MANY = [(1, 6), pytest.param(2, 30, marks=pytest.mark.heavy)]


@pytest.mark.parametrize(("seed", "types"), HOW_MANY)
def test_results_of_integers_are_as_wide_and_as_large(tools: Tools, tmp_path: Path, seed: int, types: int) -> None:
    rng = random.Random(seed)
    statements = []
    for _ in range(types):
        one, other = integer(rng), integer(rng)
        statements.append(f"{{ typedef {one} A; typedef {other} B;")
        for _ in range(3):
            statements.append(f"{{ const A a = made<A>({value(rng)}); const B b = made<B>({value(rng)});")
            statements += [f"show({text});" for text in INTEGERS]
            statements += ["show(A(b)); show(B(a * b)); show(a[0]); show(A(a.range(A::width - 1, A::width / 2)));"]
            # between a sign and none AMD's headers compare as the machine does
            same = one.startswith("ap_u") == other.startswith("ap_u")
            statements += [f"show(a {sign} b);" for sign in COMPARED if same]
            statements.append("{ A c = a; c += b; c -= 3; show(c); show(c++); show(--c); c.range(0, 0) = b[0]; "
                              "show(c); }")
            statements.append("}")
        statements.append("}")
    amd, ours = by_both(tools, tmp_path, statements)
    assert ours == amd and len(amd) > 60 * types


@pytest.mark.parametrize(("seed", "types"), HOW_MANY)
def test_results_of_fixed_point_types_are_as_wide_and_as_large(
    tools: Tools, tmp_path: Path, seed: int, types: int
) -> None:
    rng = random.Random(seed)
    statements = []
    for number in range(types):
        signs = [("", ""), ("u", "u"), ("", "u")][number % 3]
        one, other = (fixed(rng, sign) for sign in signs)
        mode = ",AP_".join(rng.choice(MODES))
        target = f"ap_fixed<{rng.randint(1, 20)},{rng.randint(-4, 12)},AP_{mode}>"
        statements.append(f"{{ typedef {one} A; typedef {other} B; typedef {integer(rng)} N; typedef {target} T;")
        for _ in range(3):
            statements.append(f"{{ const A a = made<A>({value(rng)}); const B b = made<B>({value(rng)}); "
                              f"const N n = made<N>({value(rng)});")
            statements += [f"show({text});" for text in FIXED]
            statements.append("show(T(a * b)); show(T(a - b)); show(T(n)); show(T(a)); show(A(-7)); show(B(true));")
            statements += [f"show(a {sign} b);" for sign in COMPARED if signs[0] == signs[1]]
            statements.append("}")
        statements.append("}")
    amd, ours = by_both(tools, tmp_path, statements)
    assert ours == amd and len(amd) > 40 * types


CASTS = r"""
#include <ap_fixed.h>
#include <cstdint>
#include <cstdio>
#include <vector>
template <class S> static std::vector<S> read(int count) {
    std::vector<S> values(count);
    for (auto &value : values)
        for (int low = 0; low < S::width; low += 64) {
            uint64_t word;
            if (fread(&word, 8, 1, stdin) != 1) throw 1;
            value.range(low + 63 < S::width ? low + 63 : S::width - 1, low) = ap_uint<64>(word);
        }
    return values;
}
template <class T, class S> static void assign(const std::vector<S> &values) {
    for (auto &value : values) {
        const T t = value;
        for (int low = 0; low < T::width; low += 64) {
            const int places = low < 64 ? low : 64;
            const uint64_t bits = static_cast<uint64_t>(t.V >> (low ? places - 1 : 0) >> (low ? 1 : 0));
            fwrite(&bits, 8, 1, stdout);
        }
    }
}
int main() {
%s
}
"""


def check(tools: Tools, folder: Path, assignments: list[Assignments]) -> int:
    """Compare every assignment with FixedType, which AMD's headers agree with; the number of values compared."""
    source = folder / "casts.cpp"
    source.write_text(CASTS.replace("%s", "\n".join(item.statements for item in assignments)))
    flags = ["-std=c++14", "-O0", "-w", f"-I{HEADERS}"]
    told = said([tools.clang, *flags], source, folder / "casts", b"".join(item.input for item in assignments))
    compared = offset = 0
    for item in assignments:
        for target in item.targets:
            end = offset + len(item.values) * ((target.width + 63) // 64 * 8)
            compared += compare(item, target, mantissas_of(told[offset:end], target))
            offset = end
    assert offset == len(told)
    return compared


def test_small_types_are_cast_alike_in_every_mode(tools: Tools, tmp_path: Path) -> None:
    shapes = [
        (1, 1, 2, 6, True), (1, -2, 1, 4, False), (2, 0, 1, 6, True), (3, 2, 3, 9, True), (3, 5, 2, 8, False),
        (4, 2, -2, 5, True), (4, 7, 0, 7, True), (5, 3, 6, 4, True), (5, 1, 2, 6, True),
    ]
    assert check(tools, tmp_path, [every_mantissa(*shape) for shape in shapes]) > 50_000


@pytest.mark.parametrize("seed", [3, pytest.param(4, marks=pytest.mark.heavy)])
def test_wide_types_are_cast_alike(tools: Tools, tmp_path: Path, seed: int) -> None:
    assert check(tools, tmp_path, wide_assignments(random.Random(seed), 60)) > 10_000
