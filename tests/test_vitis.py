"""Vitis only on what changed: which stages run after which change, what they leave, and how each failure is told."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from math import lcm
from pathlib import Path
from typing import Any

import pytest
from builds import ROOT, Place, own_package
from tools import STAND_INS, Bench

from hlspike.tasks.vitis import licences

LAYERS = ("input", "fc1", "lif1", "fc2", "lif2", "readout")
BY_LAYER = "target.granularity=layer"


@pytest.fixture
def bench(place: Place) -> Bench:
    return Bench(place)


@pytest.fixture(scope="module")
def _first(built: Place, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    first = Bench(built.copy(tmp_path_factory.mktemp("synthesised") / "first"))
    first.place.edit("conf/config.yaml", "cache: {enabled: false}", "cache: {enabled: true}")
    assert sorted(first.runs("csynth", BY_LAYER)) == each(*LAYERS)
    assert first.runs("csynth") == ["csynth:snn_top"]
    return first


@pytest.fixture
def synthesised(_first: Bench, tmp_path: Path) -> Bench:
    """A place in which everything has been synthesised both ways, and nothing has changed since."""
    return Bench(_first.place.copy(tmp_path / "place"))


def results(bench: Bench) -> dict[str, Any]:
    report = bench.place.report()
    assert "estimate" in report
    return report


def each(*layers: str) -> list[str]:
    return sorted(f"csynth:snn_{layer}" for layer in layers)


def refused(bench: Bench, *arguments: str, **environment: str) -> str:
    """The line that says why a stage failed, after its progress."""
    ran = bench.doit(*arguments, **environment)
    assert ran.code != 0 and "Traceback" not in ran.out + ran.err, ran
    lines = [line for line in ran.err.splitlines() if line.lower().startswith("error: ")]
    assert len(lines) == 1, ran
    return lines[0].partition(": ")[2]


def test_without_vitis_a_stage_is_one_line_and_nothing_changes(place: Place) -> None:
    before = place.made()
    bare = {"PATH": "/usr/bin:/bin", "XILINX_HLS": "", "XILINX_VITIS": ""}
    for stage in ("csynth", "cosim", "export", "impl"):
        ran = place.doit(stage, **bare)
        assert (ran.code != 0, ran.out, ran.error) == (
            True, "",
            "Vitis HLS: no vitis-run or vitis_hls in target.vitis, XILINX_HLS, XILINX_VITIS or on the PATH; source its "
            "settings64.sh, or set target.vitis to the installation",
        )
    assert place.made() == before
    assert place.doit("build", **bare).code == 0
    assert place.doit("list", "csynth", **bare).code == 0


def test_a_stage_runs_once_and_its_figures_stand_in_the_report(bench: Bench) -> None:
    assert bench.runs("csynth") == ["csynth:snn_top"]
    found = results(bench)["vitis"]
    assert (found["version"], found["composed"], found["part"]) == ("2024.1", False, "xc7z020clg400-1")
    assert [layer["name"] for layer in found["layers"]] == list(LAYERS)
    assert found["layers"][1]["loops"][0] == {
        "name": "Groups", "trip_count": 4, "latency_cycles": 6, "ii": 1, "target_ii": None, "depth": 3, "issue": None,
    }
    assert found["sequence_cycles"] == found["latency_cycles"] + 3 * found["interval"]
    assert bench.runs("csynth") == bench.runs("build") == []
    # the present design's figures are shown by every build, with no tool at all
    assert bench.doit("build", PATH=os.environ["PATH"]).code == 0
    assert results(bench)["vitis"] == found


def test_every_stage_builds_upon_the_project_of_synthesis(bench: Bench) -> None:
    assert bench.runs("cosim") == ["csynth:snn_top", "csim", "cosim"]
    assert bench.runs("export") == ["export"]
    assert bench.runs("impl", "export", "cosim", "csynth") == ["impl"]
    found = results(bench)["vitis"]
    assert (found["cosim"]["transactions"], found["export"], found["impl"]["slack_ns"]) == (
        3, "build/tiny/vitis/export/snn_top.zip", 1.5,
    )
    assert (bench.place.path / found["export"]).read_text() == "stand-in\n"


def test_co_simulation_plays_the_recorded_decisions(bench: Bench) -> None:
    ran = bench.doit("cosim", "target.cosim_sequences=2", STAND_IN_QUICK="0")
    assert ran.code == 0, ran
    log = (bench.place.path / "build/tiny/vitis/cosim/vitis.log").read_text()
    assert set(re.findall(r"\d+ emissions, \d+ values .*", log)) == {"2 emissions, 0 values differ from expected.npy"}


def test_each_run_has_a_folder_and_a_home_of_its_own(bench: Bench) -> None:
    licence = bench.place.path / "me" / ".Xilinx" / "node.lic"
    licence.parent.mkdir(parents=True)
    licence.write_text("INCREMENT HLS")
    home = {"HOME": str(licence.parent.parent)}
    assert bench.doit("csynth", BY_LAYER, **home).code == 0
    runs = [line for line in bench.log.read_text().splitlines() if "csynth" in line]
    work = bench.place.path / "build/tiny/vitis/work"
    assert [line.split(" ", 2)[2] for line in runs] == [
        f"{work}/{layer}/home {work}/{layer}/vitis/layers/{layer}"
        for layer in sorted(LAYERS, key=[line.split(":snn_")[1].split()[0] for line in runs].index)
    ]
    assert bench.doit("csynth", **home).code == 0
    assert (work / "design" / "home" / ".Xilinx" / "node.lic").read_text() == "INCREMENT HLS"


@pytest.mark.parametrize(
    ("change", "layers"),
    [
        ("hls.layers.fc1.precision.weight=ap_fixed<7,2>", ("fc1",)),
        ("hls.layers.lif2.precision.membrane=ap_fixed<11,5>", ("lif2",)),
        ("hls.layers.fc2.reuse_factor=2", ("fc2",)),
        # the neurons behind a synapse read its result
        ("hls.layers.fc1.precision.result=ap_fixed<11,5>", ("fc1", "lif1")),
        ("readout.decision_rule=first_to_threshold", ("readout",)),
        ("target.part=xcku5p-ffvb676-2-e", LAYERS),
        ("target.clock_period=8", LAYERS),
        ("target.clock_uncertainty=12.5%", LAYERS),
        ("target.reset=state", LAYERS),
        ("target.reset_async=true", LAYERS),
        # the protocol of the top is no layer's
        ("target.control=ap_ctrl_hs", ()),
    ],
)
def test_a_change_synthesises_what_it_touches(synthesised: Bench, change: str, layers: tuple[str, ...]) -> None:
    assert synthesised.runs("csynth", change) == ["csynth:snn_top"]
    assert sorted(synthesised.runs("csynth", BY_LAYER, change)) == each(*layers)


def test_what_concerns_other_stages_synthesises_nothing(synthesised: Bench) -> None:
    changes = (
        "sim.sequences=3", "sim.trace=states", "target.ip.vendor=us", "target.export=syn_dcp", "target.rtl=vhdl",
        "target.fifo_sizing=true", "target.cosim_sequences=1", "target.timeout=500", "target.licences=3",
    )
    assert synthesised.runs("csynth", *changes) == []
    assert synthesised.runs("csynth", BY_LAYER, *changes) == []


def test_the_weights_of_a_layer_synthesise_that_layer(synthesised: Bench) -> None:
    synthesised.place.change_weights(fc2=1.5)
    assert synthesised.runs("csynth", BY_LAYER) == each("fc2")
    assert synthesised.runs("csynth") == ["csynth:snn_top"]


def test_going_back_comes_from_the_cache(synthesised: Bench) -> None:
    assert synthesised.runs("csynth", BY_LAYER, "hls.layers.fc1.reuse_factor=6") == each("fc1")
    found = results(synthesised)["vitis"]
    assert synthesised.runs("csynth", BY_LAYER) == []
    assert results(synthesised)["vitis"] != found
    assert synthesised.runs("csynth", BY_LAYER, "hls.layers.fc1.reuse_factor=6") == []
    assert results(synthesised)["vitis"] == found


def test_a_clone_elsewhere_synthesises_nothing(synthesised: Bench, built: Place, tmp_path: Path) -> None:
    clone = Bench(built.copy(tmp_path / "a clone [elsewhere]"))
    clone.place.edit("conf/config.yaml", "cache: {enabled: false}", "cache: {enabled: true}")
    cache = str(synthesised.place.path / ".cache")
    assert clone.runs("csynth", XDG_CACHE_HOME=cache) == []
    assert clone.runs("csynth", BY_LAYER, XDG_CACHE_HOME=cache) == []
    assert results(clone)["vitis"]["composed"]


def test_the_release_of_the_tool_is_part_of_a_result(synthesised: Bench, tmp_path: Path) -> None:
    tool = shutil.copytree(STAND_INS.parent, tmp_path / "tool") / "bin"
    newer = {"PATH": f"{tool}{os.pathsep}{os.environ['PATH']}", "STAND_IN_VERSION": "2025.2"}
    assert synthesised.runs("csynth", **newer) == ["csynth:snn_top"]
    assert results(synthesised)["vitis"]["version"] == "2025.2"
    # the same release in another place is the same tool
    same = {"PATH": f"{tool}{os.pathsep}{os.environ['PATH']}"}
    os.utime(tool / "vitis-run")
    assert synthesised.runs("csynth", **same) == []
    assert results(synthesised)["vitis"]["version"] == "2024.1"


def test_a_comment_in_a_kernel_costs_no_synthesis(synthesised: Bench, tmp_path: Path) -> None:
    """Our own sources, copied, so that they can be edited."""
    ours = own_package(tmp_path / "ours")

    def csynth(*arguments: str) -> list[str]:
        synthesised.log.unlink(missing_ok=True)
        known = {**os.environ, **synthesised.environment, "PYTHONPATH": str(ours),
                 "XDG_CACHE_HOME": str(synthesised.place.path / ".cache")}
        command = [sys.executable, "-m", "doit", "-f", str(ours / "tasks" / "dodo.py"), "-d", "."]
        done = subprocess.run([*command, "csynth", *arguments], cwd=synthesised.place.path, env=known,
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done
        return synthesised.done()

    kernel = ours / "hls_src" / "kernels" / "neuron.h"
    kernel.write_text("// another opening\n" + kernel.read_text().replace("Groups:", "Groups:  // of neurons"))
    assert csynth() == csynth(BY_LAYER) == []
    kernel.write_text(kernel.read_text().replace("#pragma HLS PIPELINE II=own::interval", "#pragma HLS PIPELINE", 1))
    assert sorted(csynth(BY_LAYER)) == each("lif1", "lif2")
    assert csynth() == ["csynth:snn_top"]


def test_a_sweep_synthesises_each_distinct_layer_once(synthesised: Bench) -> None:
    sweep = "hls.layers.fc1.reuse_factor=1,2,6", "hls.layers.fc2.reuse_factor=1,3"
    assert sorted(synthesised.runs("csynth", BY_LAYER, *sweep)) == sorted([*each("fc1") * 2, *each("fc2")])
    assert synthesised.runs("csynth", BY_LAYER, *sweep) == []


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.heavy) for seed in (1, 2))])
def test_random_edits_synthesise_what_no_edit_before_them_had(synthesised: Bench, seed: int) -> None:
    """Against a model: a layer's key is what it was told of, and only a new one is synthesised."""
    chance = random.Random(seed)
    # values at once: out of fc1, of lif1, into fc2
    gives, works, takes = {1: 6, 2: 3, 6: 1}, {1: 6, 2: 3}, {1: 6, 3: 2}

    def keys(fc1: int, lif1: int, fc2: int, period: str) -> set[tuple[Any, ...]]:
        """A beat between two layers holds what either does at once."""
        before, behind = lcm(gives[fc1], works[lif1]), lcm(works[lif1], takes[fc2])
        own = {"fc1": (fc1, before), "lif1": (lif1, before, behind), "fc2": (fc2, behind)}
        return {(layer, period, *own.get(layer, ())) for layer in LAYERS}

    known = keys(1, 1, 1, "10")
    for _ in range(5):
        factors = {"fc1": chance.choice((1, 2, 6)), "lif1": chance.choice((1, 2)), "fc2": chance.choice((1, 3))}
        period = chance.choice(("10", "8"))
        now = keys(*factors.values(), period)
        given = [f"hls.layers.{layer}.reuse_factor={factor}" for layer, factor in factors.items()]
        ran = synthesised.runs("csynth", BY_LAYER, f"target.clock_period={period}", *given)
        assert sorted(ran) == each(*(layer for layer, *_ in now - known))
        known |= now


def test_figures_of_an_earlier_design_are_not_shown(bench: Bench) -> None:
    bench.runs("csynth")
    assert bench.runs("build", "hls.layers.fc1.reuse_factor=6") == []
    report = results(bench)
    assert ("vitis" in report, report["vitis_outdated"]) == (False, ["csynth"])
    text = (bench.place.path / "build/tiny/report.md").read_text()
    assert "- Vitis: csynth of an earlier design, not shown; run it again" in text
    assert bench.runs("build") == []
    assert "vitis_outdated" not in results(bench)


LICENCE = "ERROR: [Common 17-345] A valid license was not found for feature 'HLS' and/or device 'xc7z020'"
NOWHERE = "ERROR: [HLS 207-3776] use of undeclared identifier 'nowhere' (../firmware/top.cpp:4:2)"
SERVER = "see that the licence server answers and has this feature"
SEE = "see the report of C simulation and the co-simulation log"
FAILURES = [
    ("csynth", "setup:part",
     "csynth: part not installed: ERROR: [HLS 200-1023] Part 'xc7z020clg400-1' is not installed",
     "install the device, or set target.part to one that is"),
    ("csynth", "csynth:licence", f"csynth: licence: {LICENCE}", SERVER),
    ("csynth", "csynth:cpp", f"csynth: C++ error: {NOWHERE}", "correct the source"),
    # with exit code 0
    ("csynth", "csynth:zero", f"csynth: C++ error: {NOWHERE}", "correct the source"),
    ("csynth", "csynth:unroll",
     "csynth: unroll stopped: ERROR: [HLS 200-1471] Stop unrolling loop 'Parallel' in function 'fc1_step' because it "
     "is too large", "raise the reuse factor of that layer"),
    ("csynth", "csynth:killed", "csynth: killed: ended by SIGKILL",
     "run it again with more memory or fewer jobs at once"),
    ("csynth", "csynth:memory",
     "csynth: out of memory: terminate called after throwing an instance of 'std::bad_alloc'",
     "run fewer jobs at once, or raise the reuse factors"),
    ("csynth", "csynth:disk", "csynth: disk full: ERROR: [Common 17-179] write error: No space left on device",
     "free space and run it again"),
    ("csynth", "csynth:silent", "csynth: no fresh artefact: exit code 0, but the expected file is missing or old",
     "see the log for where the report went"),
    ("cosim", "csim:licence", f"csim: licence: {LICENCE}", SERVER),
    ("cosim", "cosim:mismatch",
     "cosim: cosim mismatch: mismatch: sequence 0, timestep 3, output 0: expected 7, found 2", SEE),
    ("cosim", "cosim:zeros", "cosim: cosim without transactions: it passed without a single call of the top",
     "see that the test bench calls the top"),
    ("cosim", "cosim:report", "cosim: cosim mismatch: @E the report says Fail of Verilog", SEE),
    ("export", "export:vivado", "export: export failure: ERROR: [IMPL 213-28] Failed to generate IP",
     "see the log of Vivado"),
    ("impl", "impl:licence", f"impl: licence: {LICENCE}", SERVER),
]


@pytest.mark.parametrize(
    ("stage", "failure", "what", "remedy"), FAILURES, ids=[failure for _, failure, *_ in FAILURES]
)
def test_a_failure_is_one_line_and_leaves_no_result(
    synthesised: Bench, stage: str, failure: str, what: str, remedy: str
) -> None:
    changed = "target.clock_period=9"  # so that nothing comes from the cache
    log = f"build/tiny/vitis/{stage}/vitis.log"
    assert refused(synthesised, stage, changed, STAND_IN_FAIL=failure) == f"{what}; {remedy}; see {log}"
    assert (synthesised.place.path / log).is_file()
    assert not (synthesised.place.path / log).with_name("made.json").exists()


def test_a_failure_that_is_mended_is_forgotten(bench: Bench) -> None:
    assert refused(bench, "csynth", STAND_IN_FAIL="csynth:licence").startswith("csynth: licence: ")
    assert bench.runs("csynth") == ["csynth:snn_top"]
    assert results(bench)["vitis"]["warnings"] == []
    # an old result does not survive a failure
    assert refused(bench, "csynth", "target.clock_period=9", STAND_IN_FAIL="csynth:licence")
    assert bench.runs("build", "target.clock_period=9") == []
    assert "vitis" not in results(bench)


def test_a_report_that_cannot_be_read_is_no_result(bench: Bench) -> None:
    message = refused(bench, "csynth", STAND_IN_FAIL="csynth:broken")
    report = "build/tiny/vitis/work/design/vitis/snn/solution1/syn/report/csynth.xml"
    assert message.startswith(f"{report}: a report must be well-formed XML, found ")
    assert not (bench.place.path / "build/tiny/vitis/csynth/made.json").exists()


def test_a_tool_that_only_shows_its_banner_to_a_script_will_do(bench: Bench) -> None:
    script = f"""[ "$1" = -version ] && exit 1; exec {STAND_INS}/vitis_hls "$@" """
    bench.place.write("shy/vitis_hls", f"#!/bin/sh\n{script}\n")
    (bench.place.path / "shy" / "vitis_hls").chmod(0o755)
    assert bench.runs("csynth", "target.vitis=shy") == ["csynth:snn_top"]
    assert results(bench)["vitis"]["version"] == "2024.1"


def test_a_failure_of_a_layer_names_it(bench: Bench) -> None:
    message = refused(bench, "csynth", BY_LAYER, STAND_IN_FAIL="csynth:unroll")
    log = r"build/tiny/vitis/layers/\1/csynth/vitis\.log"
    assert re.fullmatch(rf"csynth of (\w+): unroll stopped: .*; see {log}", message)


def test_a_run_that_takes_too_long_is_stopped_with_all_it_started(bench: Bench) -> None:
    start = time.monotonic()
    message = refused(bench, "csynth", "target.timeout=1.5", STAND_IN_FAIL="csynth:hang")
    assert message == (
        "csynth: time-out: stopped for time; raise the limit, or shorten the stimulus; "
        "see build/tiny/vitis/csynth/vitis.log"
    )
    assert time.monotonic() - start < 30
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert "sleep 600" not in listed.splitlines()


def test_a_port_clash_is_tried_once_more(bench: Bench) -> None:
    ran = bench.doit("cosim", STAND_IN_FAIL="cosim:clash")
    assert ran.code == 0, ran
    assert "cosim: port clash; once more\n" in ran.err
    assert bench.done() == ["csynth:snn_top", "csim", "cosim", "csim", "csynth:snn_top", "cosim"]


def test_licences_bound_the_runs_of_all_processes(built: Place, tmp_path: Path) -> None:
    one, other = (Bench(built.copy(tmp_path / name)) for name in "ab")
    known = {**os.environ, **one.environment, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "doit", "-f", str(ROOT / "tasks" / "dodo.py"), "-d", ".", "csynth"]
    shared = f"cache.dir={tmp_path / 'shared'}"
    with licences.held(licences.folder(str(tmp_path / "shared")), 1, lambda: pytest.fail("it is free")):
        process = subprocess.Popen([*command, "target.licences=1", shared], cwd=one.place.path, env=known,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        assert process.stderr.readline().strip() == "csynth: waits for a licence"
        # where there is a second, it is free
        assert other.runs("csynth", "target.licences=2", shared) == ["csynth:snn_top"]
        assert one.done() == []
    process.communicate(timeout=60)
    assert (process.returncode, one.done()) == (0, ["csynth:snn_top"])


@pytest.mark.parametrize("flow", ["tcl", "config"])
@pytest.mark.parametrize("name", ['a "net" [of] $mine {', "plain"])
def test_metadata_reaches_the_package_whatever_it_holds(bench: Bench, flow: str, name: str) -> None:
    bench.place.write("conf/ip/named.yaml", json.dumps({"display_name": name, "description": f"{name}\\n"}))
    bench.place.edit("conf/config.yaml", "  - precision: eight\n", "  - precision: eight\n  - ip@target.ip: named\n")
    ran = bench.doit("export", f"target.flow={flow}")
    assert ran.code == 0, ran
    config = (bench.place.path / "build/tiny/vitis/hls_config.cfg").read_text()
    assert f"package.ip.display_name={name}\n" in config


def test_the_flow_of_the_configuration_file_runs_every_stage(bench: Bench) -> None:
    config = "target.flow=config"
    assert bench.runs("csynth", config) == ["csynth:snn_top"]
    assert bench.runs("cosim", "export", "impl", config) == ["csim", "cosim", "export", "impl"]
    assert bench.runs("cosim", "export", "impl", config) == []
    assert bench.runs("export", config, "target.ip.vendor=us") == ["export"]
    assert sorted(bench.runs("csynth", BY_LAYER, config)) == each(*LAYERS)
    assert results(bench)["vitis"]["composed"]


@pytest.mark.parametrize("where", ["target", "program", "XILINX_HLS", "XILINX_VITIS", "older"])
def test_the_tool_is_found_where_it_may_lie(place: Place, tmp_path: Path, where: str) -> None:
    bench, root = Bench(place), tmp_path / "my tools"
    shutil.copytree(STAND_INS.parent, root)
    if where == "older":
        (root / "bin" / "vitis-run").unlink()
    bare = {"PATH": "/usr/bin:/bin:/usr/local/bin"}
    given = {"target": [f"target.vitis='{root}'"], "program": [f"target.vitis='{root}/bin/vitis_hls'"]}.get(where, [])
    variable = {"XILINX_HLS": "XILINX_HLS", "older": "XILINX_HLS", "XILINX_VITIS": "XILINX_VITIS"}.get(where)
    known = {**bare, **({variable: str(root)} if variable else {})}
    assert bench.runs("csynth", *given, **known) == ["csynth:snn_top"]
    program = "vitis_hls" if where in ("program", "older") else "vitis-run"
    assert {line.split()[0] for line in bench.log.read_text().splitlines()} == {program}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["target.vitis=nowhere"],
         "target.vitis: nowhere holds no vitis-run or vitis_hls; name the installation or the program"),
        (["target.vitis='~nobody-here/x'"],
         "target.vitis: ~nobody-here/x holds no vitis-run or vitis_hls; name the installation or the program"),
        (["target.vitis=old", "target.flow=config"],
         "target.vitis: old holds no vitis-run with v++ beside it (target.flow: config); name the installation or the "
         "program"),
        (["target.vitis=mute"],
         "mute/vitis_hls: its banner must name a release, as 'v2024.1 (64-bit)', found 'hello'"),
    ],
)
def test_a_tool_that_cannot_serve_is_refused(bench: Bench, given: list[str], message: str) -> None:
    for folder, text in (("old", "exit 0"), ("mute", "echo hello")):
        bench.place.write(f"{folder}/vitis_hls", f"#!/bin/sh\n{text}\n")
        (bench.place.path / folder / "vitis_hls").chmod(0o755)
    assert refused(bench, "csynth", *given).replace(f"{bench.place.path}/", "") == message
