"""Reports of Vitis HLS into one type: real ones of five releases, and small texts for every form they can take."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from hlspike.generators.errors import ToolError
from hlspike.generators.vitis.findings import warnings
from hlspike.generators.vitis.log import transactions_of
from hlspike.generators.vitis.parse import parse
from hlspike.generators.vitis.report import Loop, Resource, Simulation, Span, SynthesisReport

REPORTS = Path(
    os.environ.get("HLSPIKE_VITIS_REPORTS", Path(__file__).parents[1] / ".." / "shared" / "data" / "vitis_reports")
)
real = pytest.mark.skipif(not REPORTS.is_dir(), reason=f"{REPORTS}: the real Vitis reports are not here")
AGAIN = "delete it and run the stage again"
NO_TABLE = "r: a report must be XML or a co-simulation table with a row for Verilog or VHDL, found"


def read(path: str) -> SynthesisReport:
    return parse((REPORTS / path).read_text(), path)


def once(value: int) -> Span:
    return Span(value, None, value)


@real
def test_a_classic_dataflow_top_of_2022_1_misses_its_clock_by_31_ps() -> None:
    report = read("v2022.1-classic-axis-dataflow/MNIST_csynth.xml")
    assert report == SynthesisReport(
        kind="module",
        version="2022.1",
        part="xck26-sfvc784-2LV-c",
        top="MNIST",
        clock_target=10.0,
        clock_estimate=7.331,
        clock_uncertainty=2.7,
        slack=-0.031,
        timing_met=False,
        latency=Span(1735, 1735, 1735),
        interval=once(1297),
        resources=(
            Resource("BRAM_18K", 30, 288),
            Resource("DSP", 156, 1248),
            Resource("FF", 30761, 234240),
            Resource("LUT", 28240, 117120),
            Resource("URAM", 0, 64),
        ),
    )
    assert warnings(report) == (
        "timing: the estimate of 7.331 ns leaves -0.031 ns of the target of 10.000 ns less 2.700 ns uncertainty",
    )


@real
def test_a_whole_design_of_2023_2_lists_its_top_once() -> None:
    report = read("v2023.2.2-unified-cooling/csynth.xml")
    assert (report.kind, report.version, report.top, report.modules, report.loops) == (
        "csynth", "2023.2.2", "solveCooling", (), (),
    )
    assert (report.latency, report.interval) == (Span(6, 6, 6), once(7))
    assert (report.slack, report.timing_met, warnings(report)) == (0.44, True, ())
    assert report.resources[4] == Resource("URAM", 0, 0)
    assert report.resources[4].utilisation is None


@real
def test_place_and_route_gives_what_vivado_measured() -> None:
    assert read("v2023.2.2-unified-cooling/export_impl.xml") == SynthesisReport(
        kind="impl",
        version="2023.2.2",
        part="xc7a200t-sbv484-1",
        top="solveCooling",
        clock_target=10.0,
        clock_estimate=5.692,
        slack=4.308,
        timing_met=True,
        wns=4.308,
        resources=(
            Resource("BRAM", 0, 730),
            Resource("DSP", 8, 740),
            Resource("FF", 173, 269200),
            Resource("LUT", 176, 134600),
            Resource("URAM", 0, 0),
        ),
    )


@real
def test_undefined_latencies_of_2024_1_are_none_in_the_design_and_in_every_module() -> None:
    report = read("v2024.1-unified-spmv/csynth.xml")
    assert (report.latency, report.interval, report.loops) == (Span(), Span(), ())
    assert [module.top for module in report.modules] == [
        f"SpMV_Pipeline_spmv_loop_internal{number}" for number in ("", *range(1, 10))
    ]
    assert report.modules[0] == SynthesisReport(
        kind="module",
        top="SpMV_Pipeline_spmv_loop_internal",
        clock_target=10.0,
        clock_estimate=7.3,
        clock_uncertainty=2.7,
        slack=0.0,
        timing_met=True,
        resources=(
            Resource("BRAM_18K", 0, 280),
            Resource("DSP", 0, 220),
            Resource("FF", 365, 106400),
            Resource("LUT", 373, 53200),
            Resource("URAM", 0, 0),
        ),
        loops=(Loop("spmv_loop_internal", Span(), Span(), 1, None, 15, None, ()),),
    )


@real
def test_a_module_of_2025_2_has_its_loop() -> None:
    name = "VITIS_LOOP_118_1_VITIS_LOOP_119_2"
    report = read(f"v2025.2-unified-submodule/pointpillars_cnn_Pipeline_{name}_csynth.xml")
    assert (report.kind, report.version, report.slack, report.timing_met) == ("module", "2025.2", 0.0, True)
    assert (report.latency, report.interval) == (Span(32787, 32787, 32787), once(32776))
    assert report.loops == (Loop(name, once(4096), once(32785), 8, None, 26, None, ()),)


@real
def test_co_simulation_that_passed_and_that_failed() -> None:
    vhdl = Simulation("VHDL", None, Span(), Span(), None)
    passed = Simulation("Verilog", "Pass", Span(269, 426, 616), Span(269, 379, 544), 2134)
    assert read("v2024.1-unified-spmv/SpMV_cosim.rpt") == SynthesisReport(
        kind="cosim", latency=passed.latency, interval=passed.interval, simulations=(vhdl, passed)
    )
    failed = Simulation("Verilog", "Fail", Span(), Span(), None)
    assert read("v2022.2-classic-cosim-fail/ViT_act_cosim.rpt") == SynthesisReport(
        kind="cosim", simulations=(vhdl, failed)
    )


@real
def test_every_real_report_is_plain_json() -> None:
    paths = [path for path in sorted(REPORTS.glob("*/*")) if path.suffix == ".xml" or path.name.endswith("_cosim.rpt")]
    assert len(paths) == 7
    for path in paths:
        plain = parse(path.read_text(), path.name).to_json()
        assert json.loads(json.dumps(plain)) == plain


NESTED = """<profile>
<ReportVersion><Version>2020.1</Version></ReportVersion>
<UserAssignments><Part>xc7z020-clg400-1</Part><TopModelName>top</TopModelName>
<TargetClockPeriod>5.00</TargetClockPeriod><ClockUncertainty>0.62</ClockUncertainty></UserAssignments>
<PerformanceEstimates>
<SummaryOfTimingAnalysis><EstimatedClockPeriod>4.380</EstimatedClockPeriod></SummaryOfTimingAnalysis>
<SummaryOfOverallLatency><Best-caseLatency>10</Best-caseLatency><Average-caseLatency>?</Average-caseLatency>
<Worst-caseLatency>90</Worst-caseLatency><Interval-min>11</Interval-min><Interval-max>91</Interval-max>
</SummaryOfOverallLatency>
<SummaryOfLoopLatency>
<Rows><TripCount><range><min>1</min><max>9</max></range></TripCount><Latency>9 ~ 89</Latency>
<IterationLatency>9</IterationLatency>
<Columns><TripCount>4</TripCount><Latency>7</Latency><PipelineII>2</PipelineII><PipelineDepth>3</PipelineDepth>
<InstanceList/></Columns></Rows>
<Tail><Name>Tail</Name><TripCount>undef</TripCount><Latency>-</Latency></Tail>
</SummaryOfLoopLatency>
<SummaryOfViolations><IssueType>-</IssueType><SummaryOfLoopViolations>
<Columns><Name>Columns</Name><IssueType>II Violation</IssueType><ViolationType>Memory Dependency</ViolationType>
</Columns></SummaryOfLoopViolations></SummaryOfViolations>
</PerformanceEstimates>
<AreaEstimates><Resources><BRAM_18K>3</BRAM_18K><DSP48E>221</DSP48E><FF>5</FF><LUT>7</LUT></Resources>
<AvailableResources><BRAM_18K>280</BRAM_18K><DSP48E>220</DSP48E><FF>106400</FF></AvailableResources></AreaEstimates>
</profile>
"""
COLUMNS = Loop("Columns", once(4), once(7), 2, None, 3, "II Violation: Memory Dependency", ())


def test_nested_loops_ranges_and_the_older_name_of_a_dsp() -> None:
    report = parse(NESTED, "top_csynth.xml")
    rows = Loop("Rows", Span(1, None, 9), Span(9, None, 89), None, None, None, None, (COLUMNS,))
    tail = Loop("Tail", Span(), Span(), None, None, None, None, ())
    assert report.loops == (rows, tail)
    assert (report.latency, report.interval) == (Span(10, None, 90), Span(11, None, 91))
    # 5.00 - 0.62 - 4.380 is 0 in decimal, and negative in binary
    assert (report.slack, report.timing_met) == (0.0, True)
    assert report.resources == (
        Resource("BRAM_18K", 3, 280), Resource("DSP", 221, 220), Resource("FF", 5, 106400), Resource("LUT", 7, None),
    )
    assert warnings(report) == (
        "loop Columns of top: II 2 misses its target (II Violation: Memory Dependency)",
        "DSP: 221 used, xc7z020-clg400-1 has 220",
    )


@pytest.mark.parametrize(
    "log",
    [
        "INFO: [HLS 200-42] -- Implementing module 'top'\n"
        "INFO: [HLS 200-1470] Pipelining result : Target II = 1, Final II = 2, Depth = 3, loop 'Columns'\n",
        "INFO: [HLS 200-42] -- Implementing module 'top' \n"
        "INFO: [SCHED 204-61] Pipelining loop 'Columns'.\n"
        "INFO: [SCHED 204-61] Pipelining result : Target II = 1, Final II = 2, Depth = 3.\n",
        # a shortened name of the module, but only one loop is called so
        "INFO: [HLS 200-42] -- Implementing module 'top_s'\n"
        "INFO: [HLS 200-1470] Pipelining result : Target II = 1, Final II = 2, Depth = 3, loop 'Columns'\n",
    ],
)
def test_the_log_names_the_target_that_a_report_leaves_out(log: str) -> None:
    report = parse(NESTED, "top_csynth.xml", log)
    assert [loop.target_ii for loop in (report.loops[0], report.loops[0].loops[0])] == [None, 1]
    assert warnings(report)[0] == "loop Columns of top: II 2, target 1 (II Violation: Memory Dependency)"


def test_two_targets_for_one_name_in_other_modules_are_no_target() -> None:
    result = "INFO: [HLS 200-1470] Pipelining result : Target II = {}, Final II = 2, Depth = 3, loop 'Columns'\n"
    module = "INFO: [HLS 200-42] -- Implementing module '{}'\n"
    log = module.format("a") + result.format(1) + module.format("b") + result.format("NA")
    assert parse(NESTED, "top_csynth.xml", log).loops[0].loops[0].target_ii is None


def test_a_pipelined_function_is_no_loop() -> None:
    log = """INFO: [HLS 200-42] -- Implementing module 'top'
INFO: [SCHED 204-61] Pipelining loop 'Columns'.
INFO: [SCHED 204-61] Pipelining result : Target II = 2, Final II = 2, Depth = 3.
INFO: [SCHED 204-61] Pipelining function 'f'.
INFO: [SCHED 204-61] Pipelining result : Target II = 1, Final II = 1, Depth = 3.
"""
    assert parse(NESTED, "top_csynth.xml", log).loops[0].loops[0].target_ii == 2


def test_a_whole_design_may_name_the_loops_of_its_top_itself() -> None:
    report = parse(NESTED.replace("</profile>", "<ModuleInformation/></profile>"), "csynth.xml")
    assert (report.kind, [loop.name for loop in report.loops], report.modules) == ("csynth", ["Rows", "Tail"], ())


def test_the_loops_of_the_top_stand_among_the_modules_of_a_whole_design() -> None:
    module = """<Module><Name>{}</Name><PerformanceEstimates><SummaryOfTimingAnalysis>
    <TargetClockPeriod>5.00</TargetClockPeriod><EstimatedClockPeriod>4.0</EstimatedClockPeriod>
    </SummaryOfTimingAnalysis><SummaryOfOverallLatency><Best-caseLatency>3</Best-caseLatency>
    <PipelineInitiationInterval>4 ~ 6</PipelineInitiationInterval></SummaryOfOverallLatency>
    <SummaryOfLoopLatency><L><Name>{}</Name><TripCount>2</TripCount><PipelineII>3</PipelineII></L>
    </SummaryOfLoopLatency></PerformanceEstimates>
    <AreaEstimates><Resources><BRAM_18K>1</BRAM_18K><AVAIL_BRAM>280</AVAIL_BRAM><FF>2</FF><AVAIL_FF>9</AVAIL_FF>
    <UTIL_FF>~0</UTIL_FF></Resources></AreaEstimates></Module>"""
    text = f"""<profile><UserAssignments><TopModelName>top</TopModelName></UserAssignments><PerformanceEstimates/>
    <ModuleInformation>{module.format("fc1", "Inputs")}{module.format("top", "Copy")}</ModuleInformation></profile>"""
    log = "Implementing module 'fc1'\nPipelining result : Target II = 1, Final II = 3, Depth = 3, loop 'Inputs'\n"
    report = parse(text, "csynth.xml", log)
    assert report.loops == (Loop("Copy", once(2), Span(), 3, None, None, None, ()),)
    assert report.modules == (
        SynthesisReport(
            kind="module",
            top="fc1",
            clock_target=5.0,
            clock_estimate=4.0,
            slack=1.0,
            timing_met=True,
            latency=Span(3, None, None),
            interval=Span(4, None, 6),
            resources=(Resource("BRAM_18K", 1, 280), Resource("FF", 2, 9)),
            loops=(Loop("Inputs", once(2), Span(), 3, 1, None, None, ()),),
        ),
    )
    assert warnings(report) == ("loop Inputs of fc1: II 3, target 1",)


@pytest.mark.parametrize(
    ("pipeline", "interval"),
    [("no", once(1)), ("loop auto-rewind stp (delay=0 clock cycles(s))", Span())],
)
def test_the_interval_of_a_module_whose_loop_rewinds_is_not_that_of_its_loop(pipeline: str, interval: Span) -> None:
    module = f"""<Module><Name>f</Name><PerformanceEstimates><SummaryOfOverallLatency>
    <Worst-caseLatency>66</Worst-caseLatency><PipelineInitiationInterval>1</PipelineInitiationInterval>
    <PipelineType>{pipeline}</PipelineType></SummaryOfOverallLatency></PerformanceEstimates></Module>"""
    text = f"<profile><PerformanceEstimates/><ModuleInformation>{module}</ModuleInformation></profile>"
    found = parse(text, "csynth.xml").modules[0]
    assert (found.latency, found.interval) == (Span(None, None, 66), interval)


@pytest.mark.parametrize(
    ("timing", "expected", "told"),
    [
        (
            "<WNS_FINAL>-0.250</WNS_FINAL><TIMING_MET>FALSE</TIMING_MET>",
            (-0.25, False, -0.25),
            ("timing: not met, the worst slack is -0.250 ns",),
        ),
        ("<WNS_FINAL>NA</WNS_FINAL><TIMING_MET>NA</TIMING_MET>", (None, None, None), ()),
        ("<AchievedClockPeriod>5.500</AchievedClockPeriod><TargetClockPeriod>5</TargetClockPeriod>",
         (-0.5, False, None), ("timing: not met, the worst slack is -0.500 ns",)),
    ],
)
def test_timing_after_vivado_synthesis(
    timing: str, expected: tuple[float | None, ...], told: tuple[str, ...]
) -> None:
    text = f"<profile><RunData><RUN_TYPE>syn</RUN_TYPE></RunData><TimingReport>{timing}</TimingReport></profile>"
    report = parse(text, "export_syn.xml")
    assert (report.kind, report.version, report.resources) == ("syn", None, ())
    assert (report.slack, report.timing_met, report.wns) == expected
    assert warnings(report) == told


def test_a_report_of_vivado_that_does_not_name_its_run_tells_it_by_the_routing() -> None:
    text = "<profile><TimingReport><CP_ROUTE>{}</CP_ROUTE></TimingReport></profile>"
    assert [parse(text.format(value), "export.xml").kind for value in ("5.692", "NA")] == ["impl", "syn"]


OLDER = """|   RTL    |  Status  |  min  |  avg  |  max  |  min  |  avg  |  max  |
|      VHDL|        NA|     NA|     NA|     NA|     NA|     NA|     NA|
|   Verilog|      Pass| {} |
"""


def test_a_table_without_the_column_of_totals() -> None:
    report = parse(OLDER.format("  5|  6|  7|  NA|  NA|  NA"), "top_cosim.rpt")
    assert report.simulations[1] == Simulation("Verilog", "Pass", Span(5, 6, 7), Span(), None)
    assert report.transactions is None


def test_a_pass_with_nothing_but_zeros_has_run_no_transaction() -> None:
    assert parse(OLDER.format("0|0|0|0|0|0"), "top_cosim.rpt").transactions == 0


@pytest.mark.parametrize(
    ("log", "transactions"),
    [
        ('// RTL Simulation : 0 / 8 [0.00%] @ "1"\n// RTL Simulation : 8 / 8 [100.00%] @ "9"\n', 8),
        ('// RTL Simulation : 0 / 8 [n/a] @ "128000"\n', 0),
        ("// RTL Simulation : \"Inter-Transaction Progress\"\n", None),
    ],
)
def test_the_log_counts_transactions(log: str, transactions: int | None) -> None:
    assert transactions_of(log) == transactions
    assert parse(OLDER.format("5|6|7|NA|NA|NA"), "top_cosim.rpt", log).transactions == transactions


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f"{NO_TABLE} nothing; {AGAIN}"),
        ("Killed\n", f"{NO_TABLE} 'Killed'; {AGAIN}"),
        ("<profile>", f"r: a report must be well-formed XML, found no element found: line 1, column 9; {AGAIN}"),
        ("<html/>", "r: a report must have the root <profile>, found <html>; name one of Vitis HLS"),
        ("<profile><RunData/></profile>",
         f"r: <profile> must have <PerformanceEstimates> or <TimingReport>, found <RunData>; {AGAIN}"),
        (NESTED.replace("<FF>5</FF>", "<FF>five</FF>"), f"r: <FF> must be a number or undef, found 'five'; {AGAIN}"),
        (NESTED.replace("<TripCount>4<", "<TripCount>4.5<"),
         f"r: <TripCount> must be a whole number, found '4.5'; {AGAIN}"),
        (OLDER.format("x|6|7|NA|NA|NA"), f"r: each number of Verilog must be a number or undef, found 'x'; {AGAIN}"),
    ],
)
def test_what_is_no_report_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(ToolError) as refusal:
        parse(text, "r")
    assert str(refusal.value) == message


def test_json_has_resources_by_name_and_loops_in_loops() -> None:
    plain = parse(NESTED, "top_csynth.xml").to_json()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["resources"]["BRAM_18K"] == {"used": 3, "available": 280, "utilisation": 3 / 280}
    assert plain["loops"][0]["loops"][0]["trip_count"] == {"min": 4, "average": None, "max": 4}
