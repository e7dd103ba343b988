"""HLS projects of the cases: from a case to a csim program by the product's own stages, without doit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from cases import Case
from numpy.typing import NDArray

from hlspike.generators.design import Design, Io
from hlspike.generators.emit import emit
from hlspike.generators.hardware.units import slices
from hlspike.generators.quantize import Quantized, quantize
from hlspike.generators.reference import ReferenceRun, run_reference
from hlspike.generators.schedule import schedule
from hlspike.tasks.archives import arrays
from hlspike.tasks.compilation import toolchain, units
from hlspike.tasks.compilation.toolchain import Toolchain
from hlspike.tasks.layout import BENCH, BENCH_UNITS, Layout
from hlspike.tasks.system import files


@dataclass(frozen=True)
class Workshop:
    """A compiler, AMD's headers precompiled for it, and the objects that no design changes."""

    tools: Toolchain
    header: Path
    bench: tuple[Path, ...]

    @staticmethod
    def opened(folder: Path) -> Workshop:
        tools, header = Toolchain.found("g++"), folder / "ap.h"
        toolchain.precompile(tools, header)
        objects = tuple(folder / f"{unit}.o" for unit in BENCH_UNITS)
        for unit, target in zip(BENCH_UNITS, objects, strict=True):
            toolchain.compile_unit(tools, BENCH / f"{unit}.cpp", target, None, folder / f"{unit}.log")
        return Workshop(tools, header, objects)


@dataclass(frozen=True)
class Project:
    """What the stages made of a case, and where the program lies."""

    layout: Layout
    quantized: Quantized
    design: Design
    reference: ReferenceRun


def designed(case: Case, io: Io, hls: dict[str, Any] | None = None) -> tuple[Quantized, Design]:
    """`case` in its types and scheduled; `hls` in place of its own configuration."""
    chosen = case.hls if hls is None else hls
    quantized = quantize(case.network, case.parameters, chosen, case.stimulus)
    return quantized, schedule(quantized.typed, quantized.integers, chosen, io, quantized.findings)


def texts(design: Design) -> dict[str, str]:
    """Path → text of every generated file."""
    return {path: text for unit, given in slices(design).items() for path, text in emit(unit, *given).items()}


def write_project(case: Case, io: Io, folder: Path, hls: dict[str, Any] | None = None) -> Project:
    """firmware/, kernels and tb/ of `case` in `folder`, with the stimulus and what the reference expects."""
    layout = Layout(folder)
    quantized, design = designed(case, io, hls)
    reference = run_reference(quantized.typed, quantized.integers, case.stimulus, "states")
    for source, copy in layout.copies().items():
        files.write(copy, source.read_bytes())
    for path, text in texts(design).items():
        files.write(folder / path, text)
    packed = arrays.packed(reference.input, quantized.typed.layers[0].result.width)
    data: dict[str, Any] = {"input": packed, "lengths": case.stimulus.lengths, "expected": reference.emitted}
    for name, array in data.items():
        files.write(layout.bench_data / f"{name}.npy", arrays.npy_bytes(array))
    return Project(layout, quantized, design, reference)


def write_whole(project: Project) -> Path:
    """All units as one source, which compiles much faster than each by itself."""
    folder = project.layout.root
    units = (project.layout.sources(unit)[-1] for unit in slices(project.design))
    files.write(folder / "whole.cpp", "".join(f'#include "{path.relative_to(folder)}"\n' for path in units))
    return folder / "whole.cpp"


def build_project(workshop: Workshop, case: Case, io: Io, folder: Path, whole: bool = False) -> Project:
    """`write_project`, compiled and linked.

    Args:
        whole: compile all units as one, which is much faster, rather than each by itself as the product does.
    """
    project = write_project(case, io, folder)
    layout, made = project.layout, list(slices(project.design))
    if whole:
        source, made = write_whole(project), ["whole"]
        log = layout.log / "whole.log"
        toolchain.compile_unit(workshop.tools, source, layout.compiled("whole"), workshop.header, log, layout.fifos)
    else:
        for unit in made:
            units.compile_unit(layout, workshop.tools, unit, workshop.header)
    objects = [*map(layout.compiled, made), *workshop.bench]
    toolchain.link(workshop.tools, objects, layout.csim, layout.log / "link.log")
    return project


def run(program: Path, data: Path, out: Path, trace: str = "states") -> tuple[int, dict[str, NDArray[Any]]]:
    """The exit code of csim, and every array it left by the name of its file: `emitted`, `spikes__<id>`, …"""
    out.mkdir()
    code = toolchain.simulate(program, data, out, trace, out.with_suffix(".log"))
    return code, {path.stem: np.load(path) for path in sorted(out.iterdir())}
