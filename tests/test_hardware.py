"""Figures of Vitis side by side with the estimate: composed of layers or of the whole, read, and shown."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from hlspike.generators.estimate.parts import fitting, verdict
from hlspike.generators.report import hardware
from hlspike.generators.vitis.composition import composed
from hlspike.generators.vitis.figures import all_warnings, implementation, simulation, synthesis
from hlspike.generators.vitis.report import Loop, Resource, Simulation, Span, SynthesisReport


def resources(bram: float | None, ff: float, lut: float) -> tuple[Resource, ...]:
    return Resource("BRAM_18K", bram, 280), Resource("FF", ff, 1000), Resource("LUT", lut, 1000), Resource("URAM", 0, 0)


LOOP = Loop("Inputs", Span(8, None, 8), Span(9, None, 9), 2, 1, 3, None, ())
ONE = SynthesisReport(
    "csynth", version="2024.1", part="xc7z020clg400-1", top="snn_fc1", clock_target=10.0, clock_estimate=7.0,
    clock_uncertainty=2.7, slack=0.3, timing_met=True, latency=Span(10, 10, 12), interval=Span(11, None, 13),
    resources=resources(2, 100, 200), loops=(LOOP,),
)
OTHER = replace(
    ONE, top="snn_lif1", clock_estimate=8.0, slack=-0.7, timing_met=False, latency=Span(20, 20, 20),
    interval=Span(21, None, 21), resources=resources(0, 30, 40), loops=(),
)
FIFOS = [
    {"words": 2, "width": 9, "bram_18k": 0}, {"words": 40, "width": 5, "bram_18k": 0},
    {"words": 512, "width": 36, "bram_18k": 1},
]


def test_layers_that_work_at_the_same_time_are_as_fast_as_the_slowest() -> None:
    made = composed([ONE, OTHER], FIFOS)
    assert (made.latency, made.interval) == (Span(30, 30, 32), Span(21, None, 21))
    assert (made.clock_estimate, made.slack, made.timing_met) == (8.0, -0.7, False)
    # two words of 9 bits in registers; 40 words of 5 bits in two LUTs a bit; the third in a block
    assert made.resources == resources(2 + 0 + 1, 130 + 18, 240 + 10)


def test_what_is_unknown_of_one_layer_is_unknown_of_all() -> None:
    made = composed([ONE, replace(OTHER, latency=Span(), interval=Span(), slack=None, clock_estimate=None,
                                  resources=resources(None, 1, 2))], [])
    assert (made.latency, made.interval) == (Span(), Span())
    assert (made.slack, made.timing_met, made.clock_estimate) == (None, None, None)
    assert made.resources == resources(None, 101, 202)


def test_figures_of_a_synthesis() -> None:
    whole = composed([ONE, OTHER], [])
    found = synthesis(whole, [{"name": "fc 1", "top": "snn_fc1"}, {"name": "gone", "top": "snn_gone"}], 4)
    assert (found["latency_cycles"], found["latency_us"], found["interval"]) == (32, 0.32, 21)
    assert (found["sequence_timesteps"], found["sequence_cycles"], found["sequence_us"]) == (4, 95, 0.95)
    # the part has no URAM, and none is used
    assert found["fits"] is True
    assert found["layers"] == [
        {
            "name": "fc 1", "latency_cycles": 12, "interval": 13,
            "resources": {"BRAM_18K": 2, "FF": 100, "LUT": 200, "URAM": 0},
            "loops": [{"name": "Inputs", "trip_count": 8, "latency_cycles": 9, "ii": 2, "target_ii": 1, "depth": 3,
                       "issue": None}],
        },
        {"name": "gone", "latency_cycles": None, "interval": None, "resources": {}, "loops": []},
    ]
    assert all_warnings(whole) == [
        "loop Inputs of snn_fc1: II 2, target 1",
        "timing: the estimate of 8.000 ns leaves -0.700 ns of the target of 10.000 ns less 2.700 ns uncertainty",
    ]
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(
    ("used", "fits"),
    [((2, 100, 200), True), ((281, 100, 200), False), ((None, 100, 200), None), ((None, 1001, 0), False)],
)
def test_a_design_fits_if_every_resource_is_known_to(used: tuple[Any, ...], fits: bool | None) -> None:
    assert synthesis(replace(ONE, resources=resources(*used)), [], 1)["fits"] is fits


def test_figures_of_modules_below_a_top() -> None:
    below = replace(ONE, kind="module", top="fc1_step_Pipeline_Inputs")
    step = replace(ONE, kind="module", top="fc1_step", loops=())
    whole = replace(ONE, top="snn_top", loops=(), modules=(step, below))
    found = synthesis(whole, [{"name": "fc1", "top": "fc1_step"}], 1)["layers"][0]
    assert (found["latency_cycles"], [loop["name"] for loop in found["loops"]]) == (12, ["Inputs"])


PART = "xc7z020clg400-1"
ESTIMATE = {
    "latency": 9, "interval": 9, "multipliers": 3, "adders": 4, "weight_bits": 5, "state_bits": 6,
    "lut": 10, "ff": 11, "dsp": 12, "bram_18k": 7, "uram": 0,
    "layers": [{"name": "fc|1", "cycles": 6, "fill": 3, "multipliers": 3, "adders": 4, "weight_bits": 5,
                "state_bits": 6, "lut": 10, "ff": 11, "dsp": 12, "bram_18k": 7, "uram": 0}],
}


def test_the_estimate_stands_in_every_report() -> None:
    made = hardware.assemble(ESTIMATE, {"figures": {}, "outdated": []}, 5.0, PART, 3)
    assert set(made) == {"estimate"}
    assert (made["estimate"]["latency_us"], made["estimate"]["sequence_cycles"]) == (0.045, 27)
    assert hardware.terminal(made) == (
        "  estimate: 9 cycles and 0.045 µs per timestep, 0.135 µs per sequence of 3; interval 9, 3 multipliers, "
        "4 adders; 7 BRAM_18K, 12 DSP, 11 FF, 10 LUT, 0 URAM\n"
        "  fits: yes, xc7z020clg400-1, LUT 0 %, FF 0 %, DSP 5.5 %, BRAM_18K 2.5 %"
    )
    figures = "9 | 3 | 4 | 5 | 6 | 7 | 12 | 11 | 10 | 0 |\n"
    assert f"| fc\\|1 | {figures}| total | {figures}" in hardware.markdown(made)


def test_what_is_too_large_is_told_until_vitis_has_said_so() -> None:
    large = {**ESTIMATE, "lut": 60_000, "uram": 2}
    made = hardware.assemble(large, {"figures": {}, "outdated": []}, 5.0, PART, 3)
    assert made["estimate"]["fits"] is False and made["estimate"]["exceeded"] == ["LUT", "URAM"]
    warning = (
        "the design does not fit by the estimate: xc7z020clg400-1: LUT 112.8 %, URAM, of which it has none; raise "
        "hls.types.Linear.reuse_factor or that of the largest layers, narrow precision, or set target.part"
    )
    assert hardware.terminal(made).splitlines()[1:] == [
        "  fits: no, xc7z020clg400-1: LUT 112.8 %, URAM, of which it has none", f"  warning: {warning}",
    ]
    assert f"- warning: {warning}\n" in hardware.markdown(made)
    judged = {"version": "2024.1", "composed": False, **synthesis(ONE, [], 3), "warnings": []}
    known = hardware.assemble(large, {"figures": judged, "outdated": []}, 5.0, PART, 3)
    assert "warning" not in hardware.terminal(known)


@pytest.mark.parametrize(
    ("part", "fits"),
    [("xc7z020clg400-1", True), ("XC7Z020-CLG400-1", True), ("xc7z010clg400-1", False), ("xczu7ev-ffvc1156-2-e", True),
     ("xc7a35ticsg324-1L", False), ("xa7z020clg400-1I", None), ("xcku5", None), ("xc7z0201", None), ("board", None)],
)
def test_a_part_is_known_by_its_device(part: str, fits: bool | None) -> None:
    found = fitting({"lut": 30_000, "ff": 1, "dsp": 1, "bram_18k": 1, "uram": 0}, part)
    assert (found["part"], found["fits"]) == (part, fits)
    if fits is None:
        assert verdict(found) == f"fits: unknown, {part} is not in the table of parts"


def test_figures_of_vitis_stand_beside_it_and_unknown_is_not_0() -> None:
    whole = composed([ONE, replace(OTHER, latency=Span())], [])
    figures = {
        "version": "2024.1", "composed": True, **synthesis(whole, [{"name": "fc|1", "top": "snn_fc1"}], 3),
        "warnings": ["timing: tight"],
        "cosim": simulation(replace(ONE, simulations=(Simulation("Verilog", "Pass", Span(), Span(), 99),))),
        "export": "vitis/export/snn_top.zip", "impl": implementation(replace(ONE, kind="impl")),
    }
    made = hardware.assemble(ESTIMATE, {"figures": figures, "outdated": ["impl"]}, 10.0, PART, 3)
    assert made["vitis"] == figures
    assert hardware.terminal(made).splitlines()[2:] == [
        "  Vitis: impl of an earlier design, not shown; run it again",
        "  Vitis 2024.1, csynth, composed of its layers: - cycles and - µs per timestep, - µs per sequence of 3; "
        "interval 21",
        "  clock: target 10 ns, estimate 8 ns, slack -0.7 ns",
        "  xc7z020clg400-1: fits; BRAM_18K 2 (0.7 %), FF 130 (13.0 %), LUT 240 (24.0 %), URAM 0 (-)",
        "  co-simulation passed: - transactions, latency 12 cycles at most",
        "  package: vitis/export/snn_top.zip",
        "  after routing: clock 7 ns, slack 0.3 ns; BRAM_18K 2, FF 100, LUT 200, URAM 0",
        "  warning: timing: tight",
    ]
    text = hardware.markdown(made)
    assert "| fc\\|1 | 9 | 3 | 4 | 5 | 6 | 7 | 12 | 11 | 10 | 0 | 12 | 13 | 2 | - | 100 | 200 | 0 |" in text
    assert "| total | 9 | 3 | 4 | 5 | 6 | 7 | 12 | 11 | 10 | 0 | - | 21 | 2 | - | 130 | 240 | 0 |" in text
    assert "| fc\\|1 | Inputs | 8 | 2 (target 1) | 3 |" in text


def test_a_stage_alone_gives_its_line() -> None:
    figures = {"version": "2024.1", "composed": False, "warnings": [], "export": "x.zip"}
    made = hardware.assemble(ESTIMATE, {"figures": figures, "outdated": []}, 10.0, PART, 1)
    assert hardware.terminal(made).splitlines()[2:] == ["  package: x.zip"]
    assert "| total | 9 | 3 | 4 | 5 | 6 | 7 | 12 | 11 | 10 | 0 |\n" in hardware.markdown(made)
