"""The kernels by themselves: casts against AMD's own types, and what a kernel touches."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest
from cases import Case
from projects import Workshop, designed

from hlspike.generators.emit import emit
from hlspike.generators.fixed import OVERFLOWS, QUANTIZATIONS, FixedType
from hlspike.generators.hardware.units import slices
from hlspike.generators.ir import Neuron
from hlspike.generators.neurons import alpha, leaky, synaptic
from hlspike.generators.neurons.equations import Equations
from hlspike.tasks.compilation.toolchain import FLAGS
from hlspike.tasks.layout import KERNELS

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


TOUCHED = """
#include <cstdio>
#include <cstring>
#include "ap.h"
struct cell;
const cell *array = nullptr;
int reads[12], writes[12];
struct cell {
    long long value;
    cell(long long given = 0) : value(given) {}
    cell(const cell &other) : value(other.seen()) {}
    cell &operator=(const cell &other) {
        value = other.seen();
        if (int at = place()) writes[at - 1]++;
        return *this;
    }
    operator long long() const { return seen(); }
    long long seen() const {
        if (int at = place()) reads[at - 1]++;
        return value;
    }
    int place() const { return this >= array && this < array + 12 ? 1 + static_cast<int>(this - array) : 0; }
};
namespace hlspike {  // of states
template <> struct word<11, 11> { typedef cell type; };
}
#include "readout.h"
GENERATED
struct shape {
    static constexpr int n = 12, groups = 3, parallel = 4, in_lanes = 4;
    typedef ap_fixed<8, 4> in_t, beta_t;
    typedef ap_fixed<11, 5> state_t;
    static short beta(int, int) { return 13; }
};
template <class Rule> struct classes : shape {
    typedef hlspike::leak integrator;
    typedef Rule rule;
    typedef ap_ufixed<4, 4> decision_t;
    static constexpr bool every_step = true;
    static constexpr int class_threshold = 30;
};
cell state[3][4];
hlspike::raw<ap_fixed<8, 4>> currents[3][4];
hlspike::bit_t fresh = false, last = false;
void begin(cell *watched) {
    array = watched;
    std::memset(reads, 0, sizeof reads);
    std::memset(writes, 0, sizeof writes);
}
int same(const int counts[12]) {
    for (int i = 1; i < 12; i++) if (counts[i] != counts[0]) return -1;
    return counts[0];
}
void end(const char *name) { std::printf("%s: %d %d\\n", name, same(reads), same(writes)); }
template <class Rule> void reader(const char *name) {
    typedef classes<Rule> of;
    hlspike::latch<of> held = {false, 0};
    hlspike::raw<typename of::decision_t> decision;
    begin(&state[0][0]);
    hlspike::readout<of>(currents, last, fresh, state, held, decision);
    end(name);
}
int main() {
    hlspike::bit_t spikes[3][4];
    CALLS
    reader<hlspike::argmax>("argmax");
    reader<hlspike::first_to_threshold>("first_to_threshold");
}
"""
STATES = dict.fromkeys(("membrane", "synaptic"), "ap_fixed<11,5>")
TYPES = {"model": {"precision": {"default": "ap_fixed<8,4>", **STATES}}}
NEURONS: dict[str, tuple[Equations, bool]] = {
    "subtract": (leaky.equations("subtract"), False),
    "subtract_within": (leaky.equations("subtract", delay=False), False),
    "zero": (leaky.equations("zero", beta=""), False),
    "zero_within": (leaky.equations("zero", delay=False), False),
    "none": (leaky.equations("none"), False),
    "inhibiting": (leaky.equations("subtract"), True),
    "inhibiting_within": (leaky.equations("subtract", delay=False), True),
    "synaptic": (synaptic.equations("subtract"), False),
    "alpha": (alpha.equations("subtract"), False),
}


def generated(name: str) -> tuple[str, tuple[str, ...]]:
    """The text of a layer of 12 neurons in three groups, and its states."""
    equations, inhibition = NEURONS[name]
    layer = Neuron(name, ("input",), 12, ("Neuron",), equations, inhibition)
    hls = {**TYPES, "layers": {name: {"reuse_factor": 3}}}
    _, design = designed(Case(name, (layer,), hls, inputs=12, vectors=(name,)), "parallel")
    made = emit(name, *slices(design)[name])
    text = made[f"firmware/{name}.h"] + made[f"firmware/{name}.cpp"]
    kept = (line for line in text.splitlines() if f'"{name}.h"' not in line)
    return "\n".join(kept).replace("kernels/", ""), design.layers[1].held  # type: ignore[union-attr]


def test_a_state_is_read_once_and_written_once_in_a_timestep(workshop: Workshop, tmp_path: Path) -> None:
    texts, calls, told = [], [], []
    for name in NEURONS:
        text, states = generated(name)
        texts.append(text)
        for state in states:
            # a timestep after the first, which begins without reading anything
            step = f"{name}_step(currents, last, spikes, last);"
            calls.append(f'{step} begin(&{name}_{state}[0][0]); {step} end("{name}: {state}");')
            # with inhibition and a reset within the timestep once more, in a loop of its own
            told.append(f"{name}: {state}: {'2 2' if name == 'inhibiting_within' else '1 1'}\n")
    source = TOUCHED.replace("GENERATED", "\n".join(texts)).replace("CALLS", "\n    ".join(calls))
    assert run(workshop, tmp_path, source) == "".join(told) + "argmax: 1 1\nfirst_to_threshold: 1 1\n"
