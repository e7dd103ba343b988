"""Steps that write what runs under Vitis: scripts, a top for each layer, and the stimulus of co-simulation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hlspike.generators.vitis import STAGES, Stage, script
from hlspike.tasks.layout import Layout
from hlspike.tasks.system import files

Target = Mapping[str, Any]


def scripts(layout: Layout, target: Target, units: Sequence[str]) -> None:
    """Write what runs the whole design under Vitis, and how to do so by hand."""
    from hlspike.generators.emit import render

    data = "data" if target["cosim_sequences"] else "../tb/data"
    _write_scripts(layout.scripts(), script.whole(units, data), target, STAGES)
    files.write(layout.readme, render("vitis/README", {"data": data}))


def layer(layout: Layout, target: Target, unit: str) -> None:
    """Write what synthesises one layer by itself."""
    from hlspike.generators.emit import render

    given = files.read_json(layout.unit(unit))
    values = {**given, "top": script.layer_top(unit)}
    files.write(layout.scripts(unit) / f"{script.layer_top(unit)}.cpp", render("vitis/layer.cpp", values))
    _write_scripts(layout.scripts(unit), script.layer(unit), target, ("csynth",))


def _write_scripts(folder: Path, project: script.Project, target: Target, stages: Iterable[Stage]) -> None:
    from hlspike.generators.emit import render

    for stage in stages:
        files.write(folder / f"{stage}.tcl", render(f"vitis/{stage}.tcl", script.tcl_values(project, target)))
    files.write(folder / "hls_config.cfg", render("vitis/hls_config.cfg", script.config_values(project, target)))


def cosim_data(layout: Layout, sequences: int) -> None:
    """Copy the first sequences of the stimulus, and the decisions they lead to, for co-simulation."""
    import numpy as np

    from hlspike.tasks.archives import arrays

    data = {name: np.load(layout.bench_data / f"{name}.npy") for name in script.BENCH_DATA}
    # a sequence without a timestep is none that co-simulation could run
    some = int(np.flatnonzero(data["lengths"])[:sequences][-1]) + 1
    lengths, layers = data["lengths"][:some], files.read_json(layout.design)["layers"]
    ingress, readout = layers[0], layers[-1]
    if readout["kind"] != "readout" or readout["every_step"]:
        emissions = int(lengths.sum())
    elif ingress["told"]:
        emissions = int(np.count_nonzero(lengths))
    else:
        emissions = int((lengths // ingress["window"]).sum())
    kept = {"input": data["input"][:some], "lengths": lengths, "expected": data["expected"][:emissions]}
    for name, array in kept.items():
        files.write(layout.cosim_data / f"{name}.npy", arrays.npy_bytes(np.ascontiguousarray(array)))
