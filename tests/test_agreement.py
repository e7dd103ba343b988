"""The generated C++ does what the reference does, bit for bit, and stands alone."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import CASES, Case, described, leaky, linear
from numpy.typing import NDArray
from projects import Project, Workshop, build_project, designed, run, write_project, write_whole

from hlspike.generators.design import Io, LinearDesign
from hlspike.generators.fixed import FixedType
from hlspike.generators.reference import run_reference
from hlspike.tasks.archives import arrays
from hlspike.tasks.compilation.toolchain import FLAGS
from hlspike.tasks.layout import KERNELS

IOS: tuple[Io, ...] = ("parallel", "stream")
BY_NAME = {case.name: case for case in CASES}
ZEROED: dict[str, Any] = {"model": {"precision": {
    "default": "ap_fixed<10,4>", "result": "ap_fixed<6,2,AP_RND_ZERO,AP_SAT_ZERO>",
}}}
CROWDED: dict[str, Any] = {"model": {"precision": {
    "default": "ap_fixed<12,5>", "membrane": "ap_fixed<6,2,AP_RND,AP_SAT>",
}}}
BELOW_ZERO: dict[str, Any] = {"model": {"precision": {"default": "ap_fixed<40,8>", "membrane": "ap_ufixed<44,8>"}}}
HELD_BACK = leaky("lif1", "fc1", 8, reset_mechanism="zero", reset_delay=False, inhibition=True)
ALL = (
    *CASES,
    # sums beyond the type of the result become 0
    replace(BY_NAME["unsigned"], name="zeroed", hls=ZEROED),
    # neurons saturate together: the first of equals fires, and those held back stay above the threshold
    Case("crowded", (linear("fc1", "input", 6, 8), HELD_BACK), CROWDED, scale=3.0, theta=0.4, seed=5),
    # a membrane that has no sign and a threshold below 0, both beyond the 32 bits of an int
    Case("negative", (leaky("lif1", "input", 6),), BELOW_ZERO, theta=-0.5, vectors=("lif1",), seed=14),
)
UNIT_BY_UNIT = ("wrapping", "neurons_first")
"""Cases compiled as the product does; between them they have every kind of unit."""
OPTIONS = "options are --data DIR, --out DIR, --trace decisions|spikes|states, --calls FD, --steps FD"


def _expected(project: Project) -> dict[str, NDArray[Any]]:
    """What the reference did, under the names that the test bench gives its files."""
    ids = {name: identifier for identifier, name in project.design.names.items()}
    found: dict[str, NDArray[Any]] = {"emitted": project.reference.emitted}
    for key, values in project.reference.trace.items():
        kind, layer = key.split("/")
        kind, layer = (layer, kind) if kind == "readout" else (kind, layer)
        found[f"{kind}__{ids[layer]}"] = values
    return found


def _unequal(found: dict[str, NDArray[Any]], expected: dict[str, NDArray[Any]]) -> list[str]:
    """The arrays that are missing, too many, of another shape or type, or hold another value."""
    return [
        key
        for key in sorted({*found, *expected})
        if key not in found
        or key not in expected
        or found[key].dtype != expected[key].dtype
        or not np.array_equal(found[key], expected[key])
    ]


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_reference_and_csim_agree_on_every_value_and_the_compiler_is_silent(
    case: Case, workshop: Workshop, tmp_path: Path
) -> None:
    def build(io: Io) -> Project:
        return build_project(workshop, case, io, tmp_path / io, whole=case.name not in UNIT_BY_UNIT)

    with ThreadPoolExecutor(len(IOS)) as pool:
        projects = dict(zip(IOS, pool.map(build, IOS), strict=True))
    for io, project in projects.items():
        # the compiler leaves a log when it has something to say
        assert [path.name for path in tmp_path.glob(f"{io}/log/*")] == []
        code, found = run(project.layout.csim, project.layout.bench_data, tmp_path / io / "out")
        assert _unequal(found, _expected(project)) == []
        assert code == 0


def test_the_cases_bring_about_what_executors_could_disagree_on() -> None:
    spiking, modes, resets, rules = set(), set(), set(), set()
    for case in ALL:
        quantized, _ = designed(case, "parallel")
        done = run_reference(quantized.typed, quantized.integers, case.stimulus, "spikes")
        spiking |= {kind for values in done.trace.values() for kind in np.unique(values).tolist()}
        modes |= {FixedType.parse(overflow.type).overflow for overflow in done.overflows}
        for layer in (one for one in case.network.neurons if "Leaky" in one.types):
            own = described(layer)
            resets.add((own.reset_mechanism, own.reset_delay, layer.inhibition))
        if case.network.readout is not None:
            rules.add((case.network.readout.output_mode, case.network.readout.decision_rule))
    assert spiking == {0, 1}
    assert modes == {"WRAP", "SAT", "SAT_ZERO", "SAT_SYM"}
    both = {(mechanism, delay) for mechanism in ("subtract", "zero") for delay in (True, False)}
    assert {reset[:2] for reset in resets} == both | {("none", True)}
    assert {reset[0] for reset in resets if reset[2]} == {"subtract", "zero", "none"}
    assert rules == {
        ("spike", "argmax_spike_count"), ("spike", "first_to_threshold"), ("spike", "threshold_then_argmax"),
        ("spike", "binary_logit"), ("membrane", "argmax_membrane"), ("membrane", "binary_logit"),
    }


def _plain(workshop: Workshop, folder: Path, *flags: str) -> None:
    """One g++ command in `folder`, as a stranger to the project would give it."""
    sources = sorted(str(path.relative_to(folder)) for path in folder.glob("*/*.cpp"))
    given = [*flags, "-isystem", workshop.tools.include, *sources, "-o", "csim"]
    subprocess.run([workshop.tools.compiler, "-std=c++14", *given], cwd=folder, check=True)


def _call(program: Path, folder: Path, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run([str(program), *arguments], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module", params=IOS)
def moved(request: pytest.FixtureRequest, workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """firmware/ and tb/ of a case in a folder of their own, compiled there with all warnings as errors.

    Pragmas and the labels of loops are for Vitis; g++ knows neither use.
    """
    origin, folder = tmp_path_factory.mktemp("origin"), tmp_path_factory.mktemp("elsewhere")
    write_project(BY_NAME["neurons_first"], request.param, origin)
    for part in ("firmware", "tb"):
        shutil.copytree(origin / part, folder / part)
    shutil.rmtree(origin)
    _plain(workshop, folder, "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-Wno-unused-label")
    return folder


@pytest.mark.parametrize("below", ["", "tb", "hls/solution1/csim/build", "a/b/c/d/e/f"])
def test_a_moved_project_compiles_cleanly_and_finds_its_data(moved: Path, below: str) -> None:
    (moved / below).mkdir(parents=True, exist_ok=True)
    assert _call(moved / "csim", moved / below) == (0, "30 emissions, 0 values differ from expected.npy\n", "")


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_integers_of_the_hardwares_own_width_change_no_value(case: Case, workshop: Workshop, tmp_path: Path) -> None:
    for io in IOS:
        project = write_project(case, io, tmp_path / io)
        whole = write_whole(project)
        flags = [*FLAGS, "-O1", "-DHLSPIKE_EXACT_WIDTH", "-include", str(workshop.header)]
        include = ["-isystem", workshop.tools.include]
        objects = [str(whole), *map(str, workshop.bench), "-o", str(tmp_path / io / "csim")]
        subprocess.run([workshop.tools.compiler, *flags, *include, *objects], check=True)
        code, found = run(tmp_path / io / "csim", project.layout.bench_data, tmp_path / io / "out")
        assert _unequal(found, _expected(project)) == []
        assert code == 0


def test_some_sums_keep_less_in_hardware_than_in_a_machine_integer() -> None:
    # the case keeps 12 of 16 bits of one sum and 5 of 8 of another; machine integers keep the rest too
    _, design = designed(BY_NAME["wrapping"], "parallel")
    kept = [(layer.acc_width, layer.sum_width) for layer in design.layers if isinstance(layer, LinearDesign)]
    assert kept == [(12, 16), (5, 8)]


def _replaced(name: str, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Callable[[Path], None]:
    def apply(data: Path) -> None:
        path = data / f"{name}.npy"
        path.write_bytes(arrays.npy_bytes(change(np.load(path))))

    return apply


def _bytes(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """The bytes of input.npy changed."""

    def apply(data: Path) -> None:
        (data / "input.npy").write_bytes(change((data / "input.npy").read_bytes()))

    return apply


def _header(text: str, pattern: str) -> Callable[[Path], None]:
    """Input.npy as int64, with what `pattern` finds in its header replaced by `text`; the header keeps its length."""

    def apply(data: Path) -> None:
        np.save(data / "input.npy", np.load(data / "input.npy").astype(np.int64))
        bits = (data / "input.npy").read_bytes()
        header, count = re.subn(pattern, lambda _: text, bits[10:128].decode().rstrip())
        assert count == 1 and len(header) < 118
        (data / "input.npy").write_bytes(bits[:10] + header.ljust(117).encode() + b"\n" + bits[128:])

    return apply


def _plus(*places: tuple[int, int]) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Each `(emission, added)`, by the one value of an emission."""

    def apply(values: NDArray[Any]) -> NDArray[Any]:
        for emission, added in places:
            values[emission, 0] += added
        return values

    return apply


def _tampered(moved: Path, tmp_path: Path, change: Callable[[Path], None]) -> tuple[int, str, str]:
    shutil.copytree(moved / "tb" / "data", tmp_path / "data")
    change(tmp_path / "data")
    return _call(moved / "csim", tmp_path, "--data", "data")


def test_the_first_value_that_differs_is_told_by_sequence_and_timestep(moved: Path, tmp_path: Path) -> None:
    # sequences of 12, 6 and 12 timesteps decide at each: emission 14 is timestep 2 of sequence 1
    value = int(np.load(moved / "tb" / "data" / "expected.npy")[14, 0])
    assert _tampered(moved, tmp_path, _replaced("expected", _plus((14, 5), (20, -1)))) == (
        1,
        f"mismatch: sequence 1, timestep 2, output 0: expected {value + 5}, found {value}\n"
        "30 emissions, 2 values differ from expected.npy\n",
        "",
    )


@pytest.mark.parametrize(("rows", "told"), [(slice(29), 29), ([*range(30), 0], 31)])
def test_too_few_and_too_many_emissions_are_told(moved: Path, tmp_path: Path, rows: Any, told: int) -> None:
    assert _tampered(moved, tmp_path, _replaced("expected", lambda values: values[rows])) == (
        1,
        f"mismatch: {told} emissions expected, 30 found\n30 emissions, 0 values differ from expected.npy\n",
        "",
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_replaced("input", lambda values: values[..., 1:]), "data/input.npy: must have 9 bytes per timestep"),
        (_replaced("input", lambda values: values[0]), "data/input.npy: must have 9 bytes per timestep"),
        (_replaced("input", lambda values: values.astype(np.float64)),
         "data/input.npy: must hold little-endian integers"),
        (_replaced("input", lambda values: values.astype(">i8")), "data/input.npy: must hold little-endian integers"),
        (lambda data: np.save(data / "input.npy", np.asfortranarray(np.load(data / "input.npy"))),
         "data/input.npy: must be in C order"),
        (lambda data: (data / "input.npy").write_bytes((data / "input.npy").read_bytes()[:-1]),
         "data/input.npy: is cut off"),
        (lambda data: (data / "input.npy").write_text("0 1 1 0"), "data/input.npy: is no .npy file"),
        (lambda data: (data / "input.npy").unlink(), "data/input.npy: cannot be read"),
        (lambda data: np.save(data / "input.npy", np.zeros((1, 1, 6), bool)),
         "data/input.npy: must hold little-endian integers"),
        (lambda data: np.save(data / "input.npy", np.zeros(6, [("a", "<i4")])),
         "data/input.npy: must hold little-endian integers"),
        *((_header(descr, "'descr': '|u1'"), "data/input.npy: must hold little-endian integers")
          for descr in ("'descr': '<i0'", "'descr': '<i3'", "'descr': '|i8'", "'descr': '<i80'", "'descr': '<u'",
                        "'descr': <i8", "'descr': ")),
        *((_header(f"'shape': {shape},", r"'shape': \(\d+, \d+, \d+\),"), f"data/input.npy: {told}")
          for shape, told in (
              ("(-3, 12, 9)", "must have a shape of whole numbers"), ("(3, 1.5)", "must have a shape of whole numbers"),
              ("3", "must have a shape of whole numbers"), ("(3, 12, 9", "must have a shape of whole numbers"),
              ("(3, 12, 10)", "is cut off"), ("(4294967296, 4294967296, 9)", "is cut off"),
              ("(9" + "9" * 30 + ", 12, 9)", "is cut off"), ("(3, 12, 8)", "is longer than its shape"),
              ("(0, 12, 9)", "is longer than its shape"), ("()", "is longer than its shape"),
          )),
        (_header("'order': False", "'fortran_order': False"),
         "data/input.npy: no 'fortran_order' in the header, not a .npy file"),
        (_header("'fortran_order': 1", "'fortran_order': False"), "data/input.npy: must be in C order"),
        *((_bytes(change), "data/input.npy: is no .npy file") for change in (
            lambda bits: bits[:5], lambda bits: bits[:9], lambda bits: bits[:40], lambda bits: b"",
            lambda bits: bits[:6] + b"\x09" + bits[7:], lambda bits: bits[:8] + b"\0\0" + bits[10:])),
        (_bytes(lambda bits: bits + b"\0"), "data/input.npy: is longer than its shape"),
        (_replaced("lengths", lambda values: values[1:]), "data/lengths.npy: must have one value per sequence"),
        (_replaced("lengths", lambda values: values + 6), "data/lengths.npy: a sequence is longer than input.npy"),
        (_replaced("expected", lambda values: np.repeat(values, 2, 1)), "data/expected.npy: must have 1 columns"),
        (lambda data: (data / "expected.npy").unlink(), "data/expected.npy: cannot be read"),
    ],
)
def test_data_that_does_not_fit_is_refused(
    moved: Path, tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    assert _tampered(moved, tmp_path, change) == (2, "", f"{message}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "tb/data/expected.npy: not found; run from the project's folder or give --data DIR"),
        (["--waves", "1"], f"--waves 1: unknown; {OPTIONS}"),
        (["--trace", "everything"], f"--trace everything: unknown; {OPTIONS}"),
        (["--data"], "--data: a value is missing"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused(
    moved: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    assert _call(moved / "csim", tmp_path, *arguments) == (2, "", f"{message}\n")


COUNTED = """
#include <cstdio>
#include "ap.h"
int products = 0, sums = 0;
struct counted {
    long long value;
    counted(long long v = 0) : value(v) {}
    operator long long() const { return value; }
};
counted operator*(const counted &a, const counted &b) { products++; return a.value * b.value; }
counted operator&(const counted &a, const counted &b) { return a.value & b.value; }
counted operator+(const counted &a, const counted &b) { sums++; return a.value + b.value; }
namespace hlspike {  // of operands, of weights and products, and of the sums of two, of three and of all
template <> struct word<2, 6> { typedef counted type; };
template <> struct word<5, 5> { typedef counted type; };
template <> struct word<6, 6> { typedef counted type; };
template <> struct word<7, 7> { typedef counted type; };
template <> struct word<8, 8> { typedef counted type; };
template <> struct word<9, 9> { typedef counted type; };
}
#include "linear.h"
template <class In> struct layer {
    static constexpr int n_in = 3, n_out = 2, in_parallel = 3, out_parallel = 2, reuse_factor = 1;
    static constexpr int in_lanes = 3, out_lanes = 2, weight_width = 5, sum_width = 9, acc_width = 9;
    typedef In in_t;
    typedef ap_fixed<9, 9> out_t, acc_t, accum_t, result_t;
    typedef ap_uint<1> bias_t;
    // of input 0, then of input 1, then of input 2
    static counted weight(int, int k) { const int rom[] = {1, -2, 3, 4, 5, -6}; return rom[k]; }
    static bool bias(int, int) { return 0; }
};
template <class In> void run() {
    const hlspike::raw<In> in[1][3] = {{1, 0, 1}};
    hlspike::raw<ap_fixed<9, 9>> out[1][2];
    bool last = false;
    products = sums = 0;
    hlspike::linear<layer<In>>(in, last, out);
    std::printf("%lld %lld: %d products, %d sums\\n", out[0][0].value, out[0][1].value, products, sums);
}
int main() { run<ap_uint<1>>(); run<ap_ufixed<1, 1>>(); }
"""


def test_the_kernel_of_a_layer_fed_by_spikes_never_multiplies(workshop: Workshop, tmp_path: Path) -> None:
    # the same bits as a number of one bit are multiplied, so what counts products does count
    (tmp_path / "counted.cpp").write_text(COUNTED)
    include = ["-isystem", workshop.tools.include, "-I", str(KERNELS)]
    subprocess.run(
        [workshop.tools.compiler, "-std=c++14", *include, "counted.cpp", "-o", "counted"], cwd=tmp_path, check=True
    )
    # of each output two sums in the tree, and one into the accumulator
    counts = "6 -8: 0 products, 6 sums\n6 -8: 6 products, 6 sums\n"
    assert _call(tmp_path / "counted", tmp_path) == (0, counts, "")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_only_a_layer_fed_by_spikes_has_no_multiplier_and_its_kernel_sees_spikes(case: Case) -> None:
    _, design = designed(case, "parallel")
    reports = {report.name: report.multipliers for report in design.reports}
    kinds = {layer.name: layer for layer in case.network.layers}
    for layer in design.layers:
        if isinstance(layer, LinearDesign):
            kind = kinds[design.names[layer.id]]
            fed = kind.inputs[0] in case.spiking
            units = layer.in_parallel * layer.out_parallel
            assert (layer.input.type == "ap_uint<1>", reports[kind.name]) == (fed, 0 if fed else units)
