"""Units of generated code: those that are alike are compiled once, and what one becomes follows from its text alone."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import Case, leaky, linear
from numpy.typing import NDArray
from projects import Project, Workshop, run, write_project

from hlspike.generators.design import Io
from hlspike.generators.errors import ToolError
from hlspike.generators.hardware.units import slices
from hlspike.tasks.compilation import toolchain, units
from hlspike.tasks.system import files


class Equal(Case):
    """A network whose neurons have the same parameters."""

    @property
    def parameters(self) -> dict[str, NDArray[np.float64]]:
        same = {"beta": 0.75, "threshold": 1.0}
        found = super().parameters
        return {key: np.asarray(same.get(key.partition("/")[2], values)) for key, values in found.items()}


# numbers at the end of a name, one that is the beginning of another, and one that stands in the kernels' own text
DEEP = Equal("deep", (
    linear("fc1", "input", 6, 6), leaky("l", "fc1", 6), linear("fc2", "l", 6, 6), leaky("l_1", "fc2", 6),
    linear("fc3", "l_1", 6, 6), leaky("neuron", "fc3", 6), linear("fc4", "neuron", 6, 6), leaky("lif", "fc4", 6),
    linear("fc5", "lif", 6, 6), leaky("layer_11", "fc5", 6),
), {"model": {"precision": {"default": "ap_fixed<12,4>"}}}, seed=3)
ALIKE = ("l", "l_1", "layer_11")
WIDE = Case("wide", (linear("fc1", "input", 6, 2), leaky("lif1", "fc1", 2)),
            {"model": {"precision": {"default": "ap_fixed<60,30>"}}}, seed=4)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing has been compiled before."""
    monkeypatch.setattr(units, "_made", {})
    monkeypatch.setattr(units, "_locks", {})


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return write_project(DEEP, "parallel", tmp_path_factory.mktemp("deep"))


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """The sources that the compiler is given, each with whether it begins with all of AMD's headers."""
    seen: list[tuple[str, bool]] = []
    compile_unit = toolchain.compile_unit

    def watched(tools: Any, source: Path, target: Path, header: Path | None, *more: Any, **options: Any) -> Any:
        seen.append((source.name, header is not None))
        return compile_unit(tools, source, target, header, *more, **options)

    monkeypatch.setattr(toolchain, "compile_unit", watched)
    return seen


def symbols(target: Path) -> list[str]:
    """What an object defines for others."""
    told = subprocess.run(["nm", "-C", "-g", "--defined-only", str(target)], check=True, capture_output=True, text=True)
    return sorted(line.split(maxsplit=2)[2].partition("(")[0] for line in told.stdout.splitlines() if " T " in line)


def test_units_that_are_alike_are_compiled_once_and_have_names_of_their_own(
    deep: Project, workshop: Workshop, compiled: list[tuple[str, bool]]
) -> None:
    layout = deep.layout
    for unit in ALIKE:
        found = units.compile_unit(layout, workshop.tools, unit, workshop.header)
        assert {Path(path).name for path in found} == {
            "ap.h", "ap_fixed.h", "ap_int.h", "beats.h", "cast.h", "largest.h", "neuron.h", "number.h",
        }
        assert symbols(layout.compiled(unit)) == [f"{unit}_probe", f"{unit}_step"]
        code = [layout.compiled(name).read_bytes().replace(name.encode(), b"-") for name in ("l", unit)]
        assert b"hlspike_unit" not in code[1]
    assert compiled == [("hlspike_unit.cpp", False)]
    assert [path.name for path in layout.compiled("l").parent.iterdir() if path.name.startswith(".")] == []


def test_an_object_is_the_same_whatever_was_compiled_before(
    deep: Project, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bytes_of(unit: str) -> bytes:
        units.compile_unit(deep.layout, workshop.tools, unit, workshop.header)
        return deep.layout.compiled(unit).read_bytes()

    after = [bytes_of(unit) for unit in ("fc1", *ALIKE)]
    monkeypatch.setattr(units, "_made", {})
    alone = [bytes_of(unit) for unit in (*reversed(ALIKE), "fc1")]
    assert alone[::-1] == after


def test_a_program_of_units_that_are_alike_does_what_the_reference_does(
    deep: Project, workshop: Workshop, compiled: list[tuple[str, bool]], tmp_path: Path
) -> None:
    layout, made = deep.layout, list(slices(deep.design))
    for unit in made:
        units.compile_unit(layout, workshop.tools, unit, workshop.header)
    toolchain.link(workshop.tools, [*map(layout.compiled, made), *workshop.bench], layout.csim, tmp_path / "link.log")
    assert run(layout.csim, layout.bench_data, tmp_path / "out")[0] == 0
    # a name of the kernels' own cannot be taken out; those at the edges need the types themselves
    assert {name for name, _ in compiled} == {"hlspike_unit.cpp", "neuron.cpp", "top.cpp", "tb.cpp"}
    assert not layout.log.exists() or [*layout.log.iterdir()] == []


@pytest.mark.parametrize(("case", "io"), [(WIDE, "parallel"), (DEEP, "stream")], ids=["wide", "stream"])
def test_a_unit_that_needs_amds_types_gets_them(
    case: Case, io: Io, workshop: Workshop, compiled: list[tuple[str, bool]], tmp_path: Path
) -> None:
    layout = write_project(case, io, tmp_path).layout
    found = units.compile_unit(layout, workshop.tools, "fc1", workshop.header)
    assert compiled[-1] == ("hlspike_unit.cpp", True)
    assert not any(path.startswith((str(workshop.header), str(layout.names))) for path in found)
    assert symbols(layout.compiled("fc1")) == ["fc1_step"]


def test_an_error_and_a_warning_are_told_of_the_unit_itself(workshop: Workshop, tmp_path: Path) -> None:
    layout = write_project(WIDE, "parallel", tmp_path).layout
    source, log = layout.sources("lif1")[-1], layout.log / "compile-lif1.log"
    text = source.read_text()
    lines = text.count("\n")
    source.write_text(f"{text}static int unused;\n")
    units.compile_unit(layout, workshop.tools, "lif1", workshop.header)
    assert re.search(rf"^{source}:{lines + 1}:12: warning: .*unused.*", log.read_text(), re.MULTILINE)
    source.write_text(f"{text}int f() {{ return lif1_unknown; }}\n")
    with pytest.raises(ToolError) as error:
        units.compile_unit(layout, workshop.tools, "lif1", workshop.header)
    assert re.fullmatch(
        rf"{source}: g\+\+ failed: {source}:{lines + 1}:18: error: .*lif1_unknown.*; see {log}", str(error.value)
    )
    source.write_text(text)
    units.compile_unit(layout, workshop.tools, "lif1", workshop.header)
    assert not log.exists()


def test_a_kernel_that_changes_is_compiled_again(
    deep: Project, workshop: Workshop, compiled: list[tuple[str, bool]]
) -> None:
    kernel = deep.layout.firmware / "kernels" / "neuron.h"
    text = kernel.read_text()
    for unit, more in (("l", ""), ("l_1", "// another line\n"), ("layer_11", "// another line\n")):
        files.write(kernel, text + more)
        units.compile_unit(deep.layout, workshop.tools, unit, workshop.header)
    files.write(kernel, text)
    assert len(compiled) == 2


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("call\t_Z17hlspike_unit_stepPKb", "fc1", "call\t_Z8fc1_stepPKb"),
        ("_ZN12_GLOBAL__N_117hlspike_unit_stepE", "a_much_longer_name", "_ZN12_GLOBAL__N_123a_much_longer_name_stepE"),
        ("_ZN12_GLOBAL__N_1L16hlspike_unit_memE:", "x", "_ZN12_GLOBAL__N_1L5x_memE:"),
        ('.file "hlspike_unit.cpp"\nno name\n', "fc1", '.file "fc1.cpp"\nno name\n'),
        ("nothing", "fc1", "nothing"),
    ],
)
def test_lengths_follow_names(text: str, name: str, expected: str) -> None:
    assert units.named(text, name, frozenset({"hlspike_unit_step", "hlspike_unit_mem"})) == expected


def test_a_length_that_fits_no_identifier_is_refused() -> None:
    with pytest.raises(ToolError, match=r"^hlspike_unit_stepE: is no identifier of a unit$"):
        units.named("_Z9hlspike_unit_stepE", "fc1", frozenset({"hlspike_unit_step"}))
