"""The kernels by themselves: casts against AMD's own types, and what a kernel touches."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest
from projects import Workshop

from generators.fixed import OVERFLOWS, QUANTIZATIONS, FixedType
from tasks.layout import KERNELS
from tasks.toolchain import FLAGS

WIDTHS = pytest.mark.parametrize("flags", [(), ("-DHLSPIKE_EXACT_WIDTH",)], ids=["machine", "exact"])


def run(workshop: Workshop, folder: Path, source: str, *flags: str) -> str:
    """What `source` prints, compiled without a word from the compiler."""
    (folder / "main.cpp").write_text(source)
    include = ["-include", str(workshop.header), "-isystem", workshop.tools.include, "-I", str(KERNELS)]
    command = [workshop.tools.compiler, *FLAGS, "-Werror", *flags, *include, "main.cpp", "-o", "main"]
    subprocess.run(command, cwd=folder, check=True)
    return subprocess.run(["./main"], cwd=folder, check=True, capture_output=True, text=True).stdout


CASTS = """
#include <cstdio>
#include "cast.h"
unsigned long long state = 1;
unsigned long long chance() { return state = state * 6364136223846793005ULL + 1442695040888963407ULL; }
int wrong = 0, changed = 0;
template <class To, int Width, int Frac> void pair(const char *name) {
    for (int i = 0; i < 300; i++) {
        ap_int<Width> bits = ap_int<Width>(0);
        // every bit by chance, few bits set or few clear, and the ends of the range
        for (int b = 0; b < Width; b++) bits[b] = chance() >> 40 & 1 & (i % 3 != 1 || (chance() >> 40 & 3) == 0);
        if (i % 6 == 2) bits = ~bits;
        if (i < 4) bits = ap_int<Width>(i / 2 - 1) ^ (ap_int<Width>(i % 2) << (Width - 1));
        ap_fixed<Width, Width - Frac> from;
        from.range(Width - 1, 0) = bits;
        const To expected = from;
        ap_int<To::width + 1> found = hlspike::cast<To, Frac, Width>(hlspike::exact<Width>(bits)), right = 0;
        right.range(To::width - 1, 0) = expected.range(To::width - 1, 0);
        if (hlspike::format<To>::is_signed) right[To::width] = right[To::width - 1];
        if (found != right && !wrong++) std::printf("%s %s ", name, bits.to_string(16).c_str());
        changed += To::width >= Width ? 0 : found != bits;
    }
}
int main() {
    CALLS
    std::printf("%d wrong, %s\\n", wrong, changed > 1000 ? "many cut" : "few cut");
}
"""


def pairs() -> list[tuple[FixedType, int, int]]:
    """Types, and the width and fractional bits of what is cast into them: every pair of modes, at many widths."""
    chance = random.Random(0)
    found = []
    for quantization in QUANTIZATIONS:
        for overflow in OVERFLOWS:
            widest = chance.choice((8, 20, 70))
            width, signed = chance.randint(1, widest), chance.random() < 0.6
            frac = chance.randint(-2, width + 2)
            target = FixedType(width, width - frac, signed, quantization, overflow)
            given = chance.randint(1, widest + 10)
            found.append((target, given, frac + chance.randint(-3, min(given, 12))))
    return found


@WIDTHS
def test_a_cast_is_what_amds_types_do(workshop: Workshop, tmp_path: Path, flags: tuple[str, ...]) -> None:
    calls = (f'pair<{to.cpp_fixed}, {width}, {frac}>("{to} of {width}, {frac}");' for to, width, frac in pairs())
    assert run(workshop, tmp_path, CASTS.replace("CALLS", "\n".join(calls)), *flags) == "0 wrong, many cut\n"
