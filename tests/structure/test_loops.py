"""The figures of small loops, each written for one of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from analysis.figures import Figures, figures
from analysis.front import Compiled, Tools, compiled

HEAD = "#include <ap_fixed.h>\n#include <ap_int.h>\n#include <hls_stream.h>\n"


def unit_of(tools: Tools, folder: Path, body: str, arguments: str = "", before: str = "", *hidden: str) -> Compiled:
    text = f"{HEAD}{before}\nvoid top({arguments}) {{\n{body}\n}}\n"
    return compiled(tools, {"src/top.cpp": text}, "src/top.cpp", folder, hidden)


def found(
    tools: Tools, folder: Path, body: str, arguments: str = "", before: str = "", *hidden: str
) -> tuple[Figures, ...]:
    return figures(unit_of(tools, folder, body, arguments, before, *hidden))


def one(tools: Tools, folder: Path, body: str, arguments: str = "", before: str = "", *hidden: str) -> Figures:
    (figure,) = found(tools, folder, body, arguments, before, *hidden)
    return figure


SUM = "const ap_int<8> x[64], ap_int<16> &y"


@pytest.mark.parametrize(
    ("head", "trips"),
    [
        ("int i = 0; i < 12; i++", 12),
        ("int i = 11; i >= 0; i--", 12),
        ("int i = 0; i < 12; i += 5", 3),
        ("int i = 1; i != 13; i++", 12),
        ("ap_uint<4> i = 0; i < 12; i++", 12),
        ("int i = 0; i < n; i++", None),
        ("int i = 0; y != 0; i++", None),
        # whoever sees that it runs once makes no loop of it, and its pipeline is gone
        ("int i = 0; i < 1; i++", 1),
    ],
)
def test_how_often_a_loop_runs(tools: Tools, tmp_path: Path, head: str, trips: int | None) -> None:
    body = f"Sum:\nfor ({head}) {{\n#pragma HLS PIPELINE II=1\n  y += x[i];\n}}"
    figure = one(tools, tmp_path, body, SUM + ", int n")
    gone = trips == 1
    assert (figure.label, figure.pipelined, figure.trips) == ("" if gone else "Sum", not gone, trips)
    assert figure.recurrence.operations == ({"add": 1} if not gone else {})


def accumulated(inner: str) -> str:
    return f"""
    ap_int<16> acc = 0;
Outer:
    for (int i = 0; i < 16; i++) {{
#pragma HLS PIPELINE II=1
{inner}
    }}
    y = acc;"""


CHAIN = """
    Inner:
        for (int p = 0; p < 4; p++) {
#pragma HLS UNROLL
            if (x[4 * i + p] != 0) acc += w[i][p];
        }"""
TREE = """
        acc += ((x[4 * i] != 0 ? w[i][0] : ap_int<8>(0)) + (x[4 * i + 1] != 0 ? w[i][1] : ap_int<8>(0)))
             + ((x[4 * i + 2] != 0 ? w[i][2] : ap_int<8>(0)) + (x[4 * i + 3] != 0 ? w[i][3] : ap_int<8>(0)));"""
WEIGHTS = "const ap_int<8> w[16][4] = {{1, 2, 3, 4}};"


def test_a_chain_through_the_accumulator_is_as_long_as_the_parallel_inputs(tools: Tools, tmp_path: Path) -> None:
    figure = one(tools, tmp_path, accumulated(CHAIN), SUM, WEIGHTS, "w")
    assert figure.recurrence.operations == {"add": 4, "select": 4}
    assert (figure.count("add"), figure.count("select"), figure.count("compare")) == (4, 4, 4)
    assert figure.operations["add", 16] == 4


def test_a_local_sum_leaves_one_addition_in_the_recurrence(tools: Tools, tmp_path: Path) -> None:
    figure = one(tools, tmp_path, accumulated(TREE), SUM, WEIGHTS, "w")
    assert figure.recurrence.operations == {"add": 1}
    # 4 selects of 8 bits, sums that grow by a bit per level, and the accumulator
    assert figure.operations == {
        ("compare", 8): 4, ("select", 8): 4, ("add", 9): 2, ("add", 10): 1, ("add", 16): 1,
    }
    assert figure.path == 1 + 1 + 2 + 1
    assert figure.counting["add", 32] >= 1 and figure.inner == ()


def test_without_its_pragma_an_inner_loop_of_a_pipeline_is_unrolled_too(tools: Tools, tmp_path: Path) -> None:
    bare = accumulated(CHAIN.replace("#pragma HLS UNROLL\n", ""))
    assert one(tools, tmp_path, bare, SUM, WEIGHTS, "w").recurrence.operations == {"add": 4, "select": 4}


def test_outside_a_pipeline_it_stays_and_is_named(tools: Tools, tmp_path: Path) -> None:
    outer, inner = found(tools, tmp_path, accumulated(CHAIN.replace("#pragma HLS UNROLL\n", "")).replace(
        "#pragma HLS PIPELINE II=1\n", ""), SUM, WEIGHTS, "w")
    assert (outer.label, outer.trips, outer.inner, inner.label, inner.trips) == ("Outer", 16, ("Inner",), "Inner", 4)
    assert not outer.pipelined and not inner.pipelined
    assert inner.recurrence.operations == {"add": 1, "select": 1}


def test_a_loop_unrolled_in_part_runs_less_often(tools: Tools, tmp_path: Path) -> None:
    body = accumulated("        acc += x[i];").replace("PIPELINE II=1", "UNROLL factor=K")
    figure = one(tools, tmp_path, body, SUM, "constexpr int K = 4;")
    assert (figure.trips, figure.recurrence.operations) == (4, {"add": 4})


@pytest.mark.parametrize(
    ("statement", "operations", "iterations"),
    [
        ("a[i + 1] = a[i] + x[i]", {"add": 1}, 1),
        ("a[i + 2] = (a[i] + x[i]) * x[i]", {"add": 1, "multiply": 1}, 2),
        ("a[x[i]] += 1", {"add": 1}, 1),  # data decide: any may be the one before
        ("a[i] = a[i] + x[i]", {}, 1),
        ("a[i] = a[i + 1] + x[i]", {}, 1),
        ("a[2 * i] = a[2 * i + 1] + x[i]", {}, 1),
        ("a[0] += x[i]", {"add": 1}, 1),
    ],
)
def test_what_an_array_carries_from_one_iteration_to_the_next(
    tools: Tools, tmp_path: Path, statement: str, operations: dict[str, int], iterations: int
) -> None:
    body = f"for (int i = 0; i < 16; i++) {{\n#pragma HLS PIPELINE\n  {statement};\n}}"
    recurrence = one(tools, tmp_path, body, "const ap_int<8> x[64]", "ap_int<16> a[64];").recurrence
    assert (recurrence.operations, recurrence.iterations) == (operations, iterations)
    # what the next iteration finds is kept rather than fetched
    kept = not operations or statement.startswith(("a[0]", "a[i + 1]"))
    assert recurrence.through == ("" if kept else "a")


def test_a_way_round_through_two_values_takes_two_iterations(tools: Tools, tmp_path: Path) -> None:
    body = """
    ap_int<16> a = x[0], b = x[1];
    for (int i = 0; i < 16; i++) {
#pragma HLS PIPELINE
        const ap_int<16> before = a;
        a = b;
        b = before * x[i] + 1;
    }
    y = a + b;"""
    recurrence = one(tools, tmp_path, body, SUM).recurrence
    assert (recurrence.operations, recurrence.iterations, recurrence.length) == ({"multiply": 1, "add": 1}, 2, 1.0)


def test_a_function_waits_for_what_is_static_in_it(tools: Tools, tmp_path: Path) -> None:
    body = "#pragma HLS PIPELINE II=1\n  mem[1] = mem[1] * x[0] + x[1];\n  mem[0] = x[2];\n  y = mem[1];"
    figure = one(tools, tmp_path, body, SUM, "static ap_int<16> mem[2];")
    assert figure.pipelined and figure.trips == 1
    assert (figure.recurrence.operations, figure.recurrence.through) == ({"multiply": 1, "add": 1}, "mem")


def test_counters_are_apart_from_what_they_count(tools: Tools, tmp_path: Path) -> None:
    body = """
    ap_uint<3> g = 0;
    ap_uint<2> h = 0;
    for (int i = 0; i < 24; i++) {
#pragma HLS PIPELINE II=1
        y[4 * h + 1] = x[8 * h + g] + (g == 0 ? ap_int<8>(3) : ap_int<8>(5));
        g++;
        if (g == 6) {
            g = 0;
            h++;
        }
    }"""
    figure = one(tools, tmp_path, body, "const ap_int<8> x[64], ap_int<16> y[64]")
    assert figure.trips == 24
    assert figure.count("add") == 1 and set(figure.recurrence.operations) == set()
    # what chooses between constants by a counter computes nothing from data
    assert figure.count("select") == 0 and figure.counting.total() >= 5


def test_which_of_two_is_kept_because_of_data_is_no_counter(tools: Tools, tmp_path: Path) -> None:
    body = """
    ap_int<8> best = x[0];
    ap_uint<6> place = 0;
Largest:
    for (int i = 1; i < 64; i++) {
#pragma HLS PIPELINE II=1
        if (x[i] > best) {
            best = x[i];
            place = i;
        }
    }
    y = place;"""
    figure = one(tools, tmp_path, body, SUM)
    assert figure.recurrence.operations == {"compare": 1, "select": 1}
    assert (figure.count("compare"), figure.trips) == (1, 63)


@pytest.mark.parametrize(
    ("pragma", "index", "variable", "busiest"),
    [
        ("cyclic factor=4", "4 * i + {p}", 0, 1),
        ("cyclic factor=2", "4 * i + {p}", 0, 2),
        ("cyclic factor=3", "4 * i + {p}", 4, 4),  # 4 i + p modulo 3
        ("cyclic factor=8", "4 * i + {p}", 4, 4),  # only every other i
        ("block factor=4", "i + 16 * {p}", 4, 4),
        ("complete", "4 * i + {p}", 4, 4),
        ("complete", "{p}", 0, 1),
        ("complete", "n + {p}", 0, 1),  # whatever n is, it is the same in every iteration
        ("cyclic factor=4", "x[i] + {p}", 4, 4),
        ("", "4 * i + {p}", 0, 4),
    ],
)
def test_memories_of_an_array_that_is_split(
    tools: Tools, tmp_path: Path, pragma: str, index: str, variable: int, busiest: int
) -> None:
    split = f"#pragma HLS ARRAY_PARTITION variable=a {pragma}\n" if pragma else ""
    reads = " + ".join(f"a[{index.format(p=p)}]" for p in range(4))
    body = f"{split}for (int i = 0; i < 16; i++) {{\n#pragma HLS PIPELINE II=1\n  y[i] = {reads};\n}}"
    figure = one(tools, tmp_path, body, "const ap_int<8> x[64], ap_int<16> y[64], int n", "ap_int<8> a[64];")
    memory = next((one for one in figure.memories if one.array == "a"), None)
    if index[0] in "{n":  # found before the loop, once for all iterations
        assert memory is None
    else:
        assert memory is not None
        assert (memory.loads, memory.stores, memory.variable, memory.busiest) == (4, 0, variable, busiest)
        assert figure.variable_banks == (("a",) if variable else ())


@pytest.mark.parametrize(
    ("pragma", "busiest"),
    [("PARTITION variable=a complete dim=2", 2), ("RESHAPE variable=a complete dim=2", 2), ("PARTITION variable=a "
     "complete dim=1", 8)],
)
def test_rows_of_an_array(tools: Tools, tmp_path: Path, pragma: str, busiest: int) -> None:
    """A group of values is read and written back: each memory, or the one word, twice."""
    body = f"""
#pragma HLS ARRAY_{pragma}
    for (int g = 0; g < 8; g++) {{
#pragma HLS PIPELINE II=1
        for (int p = 0; p < 4; p++) {{
#pragma HLS UNROLL
            a[g][p] = a[g][p] + x[p];
        }}
    }}"""
    figure = one(tools, tmp_path, body, "const ap_int<8> x[4]", "ap_int<8> a[8][4];")
    (memory,) = [one for one in figure.memories if one.array == "a"]
    assert (memory.loads, memory.stores, memory.busiest) == (4, 4, busiest)
    assert memory.variable == (8 if "dim=1" in pragma else 0)


def test_fixed_point_types_round_and_saturate_in_as_many_bits_as_they_have(tools: Tools, tmp_path: Path) -> None:
    body = "for (int i = 0; i < 9; i++) {\n#pragma HLS PIPELINE II=1\n  y[i] = x[i] * b + x[i];\n}"
    arguments = "const ap_fixed<12,4> x[9], ap_fixed<8,3,AP_RND,AP_SAT> y[9], ap_fixed<5,1> b"
    figure = one(tools, tmp_path, body, arguments)
    assert figure.operations["multiply", 17] == 1
    assert {kind for kind, _ in figure.operations} == {"multiply", "add", "compare", "select"}
    assert figure.count("add") == 2  # of the values, and half a step


def test_streams_are_counted_and_their_words_are_no_arrays(tools: Tools, tmp_path: Path) -> None:
    body = """
    for (int i = 0; i < 9; i++) {
#pragma HLS PIPELINE II=1
        const word got = in.read();
        word sent;
        for (int l = 0; l < 3; l++) {
#pragma HLS UNROLL
            sent.data[l] = got.data[l] + 1;
        }
        out.write(sent);
    }"""
    figure = one(tools, tmp_path, body, "hls::stream<word> &in, hls::stream<word> &out",
                 "struct word { ap_int<7> data[3]; };")
    assert (figure.streams, figure.memories, figure.trips) == (2, (), 9)
    assert figure.operations == Counter({("add", 7): 3})
