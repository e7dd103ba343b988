"""The compiler as a process: what is found, what is missing, and how its failures are told."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from projects import Workshop

from hlspike.generators.errors import ToolError
from hlspike.tasks.compilation import toolchain
from hlspike.tasks.compilation.toolchain import Toolchain


def refuses(message: str) -> Any:
    return pytest.raises(ToolError, match=f"^{re.escape(message)}$")


def program(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_a_missing_compiler_is_told() -> None:
    with refuses("csim.compiler: there is no 'no-g++' on the PATH; install g++ or name another"):
        Toolchain.found("no-g++")


def test_missing_headers_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XILINX_HLS", raising=False)
    monkeypatch.setattr(toolchain, "find_spec", lambda name: None)
    with refuses("headers: ap_fixed.h was not found; pip install hls4ml, which carries it, or set XILINX_HLS"):
        Toolchain.found("g++")


def test_the_headers_of_an_installed_vitis_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "ap_fixed.h").touch()
    ours = Toolchain.found("g++")
    monkeypatch.setenv("XILINX_HLS", str(tmp_path))
    found = Toolchain.found("g++")
    assert (found.include, found.headers) == (str(tmp_path / "include"), f"Vitis HLS at {tmp_path}")
    assert found.identity != ours.identity


def test_another_compiler_is_another_toolchain() -> None:
    tools = Toolchain.found("g++")
    assert Toolchain.found("g++").identity == tools.identity
    assert replace(tools, version="g++ 99").identity != tools.identity


def test_a_unit_is_compiled_and_its_headers_are_told(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "own.h").write_text("typedef ap_int<5> five;\n")
    source, target = tmp_path / "own.cpp", tmp_path / "own.o"
    source.write_text('#include "own.h"\nfive f() { return 3; }\n')
    found = toolchain.compile_unit(workshop.tools, source, target, workshop.header, tmp_path / "own.log")
    assert str(tmp_path / "own.h") in found
    assert target.stat().st_size > 0 and not (tmp_path / "own.log").exists()


def test_code_that_does_not_compile_is_told_with_its_first_error_and_a_log(workshop: Workshop, tmp_path: Path) -> None:
    source, target, log = tmp_path / "bad.cpp", tmp_path / "bad.o", tmp_path / "bad.log"
    source.write_text("int f() { return unknown; }\nint g() { return unknown; }\n")
    with pytest.raises(ToolError) as error:
        toolchain.compile_unit(workshop.tools, source, target, None, log)
    assert re.fullmatch(
        rf"{source}: g\+\+ failed: {source}:1:18: error: .*unknown.*; see {log}", str(error.value)
    )
    assert log.read_text().count("error:") == 2
    assert [path.name for path in tmp_path.iterdir() if path.suffix in (".o", "")] == []


def test_a_program_that_is_no_compiler_is_told(workshop: Workshop, tmp_path: Path) -> None:
    tools = replace(workshop.tools, compiler=str(program(tmp_path / "cc", "exit 0")))
    source = tmp_path / "own.cpp"
    source.write_text("int f();\n")
    with refuses(
        f"csim.compiler: {tmp_path}/cc has made nothing of {source}; name a C++ compiler as g++"
    ):
        toolchain.compile_unit(tools, source, tmp_path / "own.o", None, tmp_path / "own.log")
    assert not (tmp_path / "own.o").exists()


def test_objects_that_do_not_link_are_told(workshop: Workshop, tmp_path: Path) -> None:
    log = tmp_path / "link.log"
    with pytest.raises(ToolError, match=rf"^{tmp_path}/csim: g\+\+ failed: [^\n]*; see {log}$"):
        toolchain.link(workshop.tools, [*workshop.bench, tmp_path / "missing.o"], tmp_path / "csim", log)
    assert not (tmp_path / "csim").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("echo first; echo the reason; exit 2", "csim: the reason; see {log}"),
        ("exit 3", "csim: exit code 3; see {log}"),
        ("kill -SEGV $$", "csim: exit code -11; see {log}"),
        ("echo 'a FIFO of depth 2 is read while empty: the design would wait for ever' >&2; exit 3",
         "csim: a FIFO of depth 2 is read while empty: the design would wait for ever; see {log}"),
    ],
)
def test_a_simulation_that_fails_is_told(tmp_path: Path, text: str, message: str) -> None:
    log = tmp_path / "csim.log"
    with refuses(message.format(log=log)):
        toolchain.simulate(program(tmp_path / "csim", text), tmp_path, tmp_path, "spikes", log)
    assert log.is_file()


@pytest.mark.parametrize("code", [0, 1])
def test_a_simulation_that_ends_says_whether_it_emitted_what_was_expected(tmp_path: Path, code: int) -> None:
    run = program(tmp_path / "csim", f"echo $@; exit {code}")
    log = tmp_path / "csim.log"
    assert toolchain.simulate(run, Path("in"), Path("out"), "states", log) == code
    assert log.read_text() == "--data in --out out --trace states\n"
