"""Scripts of the Vitis stages: their text, the quoting of whatever a configuration holds, and that they run by hand."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from builds import Place
from hypothesis import given, settings
from hypothesis import strategies as st
from tools import by_hand

from hlspike.generators.emit import render
from hlspike.generators.errors import ConfigError
from hlspike.generators.vitis.script import STAGES, config_values, layer, relevant, tcl_values, tcl_word, whole

TARGET: dict[str, Any] = {
    "part": "xc7z020clg400-1", "clock_period": 10.0, "clock_uncertainty": "27%", "flow_target": "vivado",
    "rtl": "verilog", "reset": "control", "reset_async": False, "reset_level": None, "fifo_depth": None,
    "fifo_sizing": False, "export": "ip_catalog", "ip": {},
}
PROJECT = whole(["fc1", "top"], "../tb/data")


def text(stage: str, **target: Any) -> str:
    return render(f"vitis/{stage}.tcl", tcl_values(PROJECT, {**TARGET, **target}))


def test_the_script_of_synthesis() -> None:
    assert text("csynth") == '''\
# C synthesis of snn_top. Generated, do not edit.
# Paths are relative to this file. Run it with
#     vitis-run --mode hls --tcl csynth.tcl    or, up to 2024.2,
#     vitis_hls -f csynth.tcl
if {[info script] ne ""} {
    cd [file dirname [file normalize [info script]]]
}

if {[catch {
    open_project -reset snn
    set_top snn_top
    add_files -cflags {-std=c++14} ../firmware/fc1.cpp
    add_files -cflags {-std=c++14} ../firmware/top.cpp
    open_solution -reset solution1 -flow_target vivado
    set_part xc7z020clg400-1
    create_clock -period 10 -name default
    set_clock_uncertainty 27%
    config_rtl -reset control
} message]} {
    puts "STEP setup FAIL $message"
    exit 1
}
puts "STEP setup OK"

if {[catch {
    csynth_design
} message]} {
    puts "STEP csynth FAIL $message"
    exit 1
}
puts "STEP csynth OK"

exit
'''


@pytest.mark.parametrize(
    ("stage", "target", "line"),
    [
        ("csynth", {"clock_uncertainty": None}, None),
        ("csynth", {"clock_uncertainty": 1.25}, "set_clock_uncertainty 1.25"),
        ("csynth", {"clock_uncertainty": "1.25 ns"}, "set_clock_uncertainty 1.25"),
        ("csynth", {"clock_period": 3.333}, "create_clock -period 3.333 -name default"),
        ("csynth", {"reset": "all", "reset_async": True, "reset_level": "low"},
         "config_rtl -reset all -reset_async -reset_level low"),
        ("csynth", {"fifo_depth": 16}, "config_dataflow -override_user_fifo_depth 16"),
        ("csynth", {"flow_target": "vitis"}, "open_solution -reset solution1 -flow_target vitis"),
        ("cosim", {}, "cosim_design -O -rtl verilog"),
        ("cosim", {"rtl": "vhdl", "fifo_sizing": True}, "cosim_design -O -rtl vhdl -enable_fifo_sizing"),
        ("export", {"export": "xo", "ip": {"vendor": "us", "version": "1.2", "display_name": 'a "net" [of] $10'}},
         'export_design -format xo -rtl verilog -vendor us -version 1.2 -display_name {a "net" [of] $10}'),
        ("impl", {"ip": {"name": "snn"}}, "export_design -flow impl -format ip_catalog -rtl verilog -ipname snn"),
    ],
)
def test_every_setting_of_the_target_is_a_line(stage: str, target: dict[str, Any], line: str | None) -> None:
    lines = {line.strip() for line in text(stage, **target).splitlines()}
    if line is None:
        assert not [line for line in lines if "uncertainty" in line]
    else:
        assert line in lines


def test_the_configuration_file() -> None:
    values = config_values(PROJECT, {**TARGET, "reset_async": True, "ip": {"description": 'a "net" [of] $10'}})
    assert render("vitis/hls_config.cfg", values) == '''\
# Component for the Vitis IDE, v++ and vitis-run of 2023.1 and later. Generated, do not edit.
part=xc7z020clg400-1

[hls]
clock=10ns
clock_uncertainty=27%
flow_target=vivado
syn.file=../firmware/fc1.cpp
syn.file=../firmware/top.cpp
syn.cflags=-std=c++14
syn.top=snn_top
syn.rtl.reset=control
syn.rtl.reset_async=1
tb.file=../tb/tb.cpp
tb.file=../tb/harness.cpp
tb.file=../tb/npy.cpp
tb.file=../tb/serve.cpp
tb.file=../tb/data/input.npy
tb.file=../tb/data/lengths.npy
tb.file=../tb/data/expected.npy
tb.cflags=-std=c++14 -Wno-unknown-pragmas -DHLSPIKE_NO_PROBES
csim.O=true
cosim.O=true
cosim.rtl=verilog
package.output.format=ip_catalog
package.output.syn=false
package.ip.description=a "net" [of] $10
vivado.flow=impl
vivado.rtl=verilog
'''


def test_a_value_that_would_end_a_line_of_the_configuration_file_is_refused() -> None:
    with pytest.raises(ConfigError) as refusal:
        config_values(PROJECT, {**TARGET, "ip": {"description": "a # b"}})
    assert str(refusal.value) == (
        "target: package.ip.description must be one line without '#', found 'a # b'; rename it"
    )


def test_a_stage_reads_of_the_configuration_file_what_concerns_it() -> None:
    one, other = (
        render("vitis/hls_config.cfg", config_values(PROJECT, {**TARGET, "ip": {"vendor": vendor}})) for vendor in "ab"
    )
    assert [stage for stage in STAGES if relevant(stage, one) != relevant(stage, other)] == ["export", "impl"]
    one, other = (
        render("vitis/hls_config.cfg", config_values(PROJECT, {**TARGET, "fifo_sizing": sized})) for sized in (0, 1)
    )
    assert [stage for stage in STAGES if relevant(stage, one) != relevant(stage, other)] == ["cosim"]


def test_comments_and_layout_of_a_script_do_not_matter() -> None:
    assert relevant("csynth", "# one\n\n  a   \n#b\nc\n") == "a\nc"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(
    st.characters(codec="utf-8", max_codepoint=0xFFFF, exclude_characters="\r\0"), min_size=1
), min_size=20, max_size=60))
def test_tcl_reads_every_word_as_it_was(words: list[str]) -> None:
    # as in the scripts: within the braces of catch
    puts = "\n".join(f"catch {{\n    say {tcl_word(word)}\n}}" for word in words)
    say = "proc say {args} {puts [binary encode hex [encoding convertto utf-8 [lindex $args 0]]],[llength $args]}"
    done = subprocess.run(
        ["tclsh"], input=f"fconfigure stdin -encoding utf-8\n{say}\n{puts}\n",
        capture_output=True, text=True, check=True,
        env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin:/usr/local/bin"},
    )
    assert done.stdout.splitlines() == [f"{word.encode().hex()},1" for word in words]


@pytest.mark.parametrize("io", ["parallel", "stream"])
@pytest.mark.parametrize(("kind", "told"), [
    ("linear", None), ("leaky", None), ("readout", None), ("input", False), ("input", True),
])
def test_the_top_of_a_layer_calls_it_with_ports_split_as_in_the_design(io: str, kind: str, told: bool | None) -> None:
    edge = {"width": 64, "lanes": 8, "words": 4, "pins": True}
    described = {"id": "x", "kind": kind, "input": {"size": 8, "lanes": 8}, "output": {"size": 2048, "lanes": 32}}
    if kind in ("input", "readout"):
        described["edge"] = edge
    if told is not None:
        described["told"] = told
    lines = render("vitis/layer.cpp", {"io": io, "layer": described, "top": "snn_x"}).splitlines()
    assert '#include "../../../firmware/x.h"' in lines
    head, call = next(line for line in lines if line.startswith("void")), lines[-2].strip()
    if io == "stream":
        given = "hls::stream<ap_uint<64>>" if kind == "input" else "x_ports::in_beats"
        out = "hls::stream<ap_uint<64>>" if kind == "readout" else "x_ports::out_beats"
        last, passed = ("hls::stream<ap_uint<1>> &last, ", "last, ") if told else ("", "")
        assert head == f"void snn_x({given} &in, {last}{out} &out) {{"
        assert call == f"x_step(in, {passed}out);"
        assert [line for line in lines if "INTERFACE" in line] == [
            f"#pragma HLS INTERFACE ap_fifo port={port}" for port in (["in", "last", "out"] if told else ["in", "out"])
        ]
        return
    assert call == {
        "input": f"x_step(in, {'last, ' if told else ''}out, last_out);",
        "readout": "x_step(in, last, decision, valid);",
    }.get(kind, "x_step(in, last, out, last_out);")
    # a beat that is the whole vector is registers; of more, each lane is a memory
    given = "in complete" if kind == "input" else "in complete dim=0"
    assert [line.partition("variable=")[2] for line in lines if "ARRAY_PARTITION" in line] == (
        [given] if kind == "readout" else [given, "out complete dim=2"]
    )


def test_a_layer_by_itself_has_no_test_bench() -> None:
    assert layer("fc1").bench == layer("fc1").data == ()
    assert layer("fc1").sources == ("snn_fc1.cpp", "../../../firmware/fc1.cpp")


@pytest.fixture
def moved(built: Place, tmp_path: Path) -> Path:
    """firmware/, tb/ and vitis/ of a build, in a folder that no tool of ours has ever seen."""
    folder = tmp_path / 'a "design" [of $mine] {1'
    for part in ("firmware", "tb", "vitis"):
        shutil.copytree(built.path / "build" / "tiny" / part, folder / part)
    return folder


@pytest.mark.parametrize("program", [("vitis_hls", "-f"), ("vitis-run", "--mode", "hls", "--tcl")])
def test_a_moved_project_runs_by_hand_in_its_folder(moved: Path, program: tuple[str, ...]) -> None:
    for stage in STAGES:
        done = by_hand(moved / "vitis", *program, f"{stage}.tcl", STAND_IN_QUICK="0" if stage == "cosim" else "1")
        assert done.returncode == 0, done.stdout
        assert f"STEP {stage} OK" in done.stdout
        # once for each compiler, and once for the RTL
        played = (2 + bool(which("clang++"))) * (stage == "cosim")
        assert done.stdout.count("0 values differ from expected.npy") == played
    assert (moved / "vitis" / "snn" / "solution1" / "impl" / "report" / "verilog" / "export_impl.xml").is_file()


def test_by_hand_too_co_simulation_plays_the_first_sequences(place: Place) -> None:
    place.edit("conf/config.yaml", ", cosim_sequences: null", "")
    assert place.build() == {"resolve", "scripts", "cosim_data"}
    done = by_hand(place.path / "build" / "tiny" / "vitis", "vitis_hls", "-f", "cosim.tcl", STAND_IN_QUICK="0")
    assert done.returncode == 0, done.stdout
    assert set(re.findall(r"\d+ emissions, .*", done.stdout)) == {"4 emissions, 0 values differ from expected.npy"}


@pytest.mark.parametrize("stage", STAGES)
def test_a_script_runs_from_any_folder_and_before_any_other(moved: Path, stage: str) -> None:
    script = str(moved / "vitis" / f"{stage}.tcl")
    done = by_hand(moved.parent, "vitis_hls", "-f", script, STAND_IN_QUICK="1")
    assert done.returncode == 0, done.stdout
    assert [line for line in done.stdout.splitlines() if line.startswith("STEP")][-1] == f"STEP {stage} OK"
    assert "STEP csynth OK" in done.stdout


def test_a_moved_project_is_a_component(moved: Path) -> None:
    component = ("--mode", "hls", "--config", "hls_config.cfg", "--work_dir", "component")
    commands = [("v++", "-c"), *(("vitis-run", verb) for verb in ("--csim", "--cosim", "--package", "--impl"))]
    for program, verb in commands:
        done = by_hand(moved / "vitis", program, verb, *component, STAND_IN_QUICK="0" if verb == "--csim" else "1")
        assert done.returncode == 0, done.stdout


def test_the_readme_names_commands_that_exist(moved: Path) -> None:
    commands = [line.strip() for line in (moved / "firmware" / "README").read_text().splitlines()]
    for command in [line for line in commands if line.startswith(("v++", "vitis-run --mode hls --c"))]:
        done = by_hand(moved / "vitis", *command.split("  ")[0].split(), STAND_IN_QUICK="1")
        assert done.returncode == 0, (command, done.stdout)


def test_what_the_top_of_a_layer_needs_is_json(built: Place) -> None:
    given = json.loads((built.path / "build" / "tiny" / "units" / "fc1.json").read_text())
    made = render("vitis/layer.cpp", {**given, "top": "snn_fc1"})
    assert "void snn_fc1(const fc1_ports::in_beats &in, hlspike::bit_t last, fc1_ports::out_beats &out," in made
