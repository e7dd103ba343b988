"""The step that reads what the Vitis stages have left, and keeps the figures that are of the present design."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hlspike.generators.vitis import Stage, script
from hlspike.generators.vitis import figures as side_by_side
from hlspike.generators.vitis.composition import composed
from hlspike.generators.vitis.parse import parse
from hlspike.generators.vitis.report import SynthesisReport
from hlspike.tasks.layout import Layout
from hlspike.tasks.system import files

Reports = dict[tuple[Stage, str | None], SynthesisReport | None]
"""(stage, layer if it is one's) → its report; an export has none."""


def figures(
    layout: Layout, export: str, stages: Sequence[tuple[Stage, str | None]], lengths: Path
) -> list[Path]:
    """Write figures.json: `figures`, and the stages whose result is `outdated`. Returns what it was read from.

    Args:
        export: target.export, the format of the package.
        stages: that have a result.
        lengths: file of the timesteps of each sequence.
    """
    import numpy as np

    reports: Reports = {}
    outdated: set[str] = set()
    versions: set[str] = set()
    for stage, unit in stages:
        made = files.read_json(layout.results(stage, unit, export)[2])
        if made["request"] != files.file_digest(layout.requested(stage, unit)):
            outdated.add(stage)
            continue
        versions.add(made["version"])
        reports[stage, unit] = None if stage == "export" else _parsed(layout, stage, unit, export)
    found = {} if "csynth" in outdated else _synthesised(layout, reports, int(np.load(lengths).max()))
    warnings = found.get("warnings", [])
    if cosim := reports.get(("cosim", None)):
        found["cosim"] = side_by_side.simulation(cosim)
    if ("export", None) in reports:
        found["export"] = layout.results("export", None, export)[0].as_posix()
    if impl := reports.get(("impl", None)):
        found["impl"] = side_by_side.implementation(impl)
        warnings += [f"after routing: {text}" for text in side_by_side.all_warnings(impl)]
    if found:
        found = {"version": ", ".join(sorted(versions)), "composed": False, **found, "warnings": warnings}
    files.write_json(layout.figures, {"figures": found, "outdated": sorted(outdated)})
    return [path for stage, unit in stages for path in layout.results(stage, unit, export)]


def _synthesised(layout: Layout, reports: Reports, timesteps: int) -> dict[str, Any]:
    """Of csynth, for the whole design, or composed of its layers."""
    design = files.read_json(layout.design)
    layers = [report for (_, unit), report in reports.items() if unit is not None and report is not None]
    whole = reports.get(("csynth", None))
    if layers:
        memories = [one for item in files.read_json(layout.estimate)["layers"] for one in item["memories"]]
        whole = composed(layers, [one for one in memories if one["name"] == "fifo"])
    if whole is None:
        return {}
    rows = [
        {"name": design["names"][item["id"]], "top": script.layer_top(item["id"]) if layers else f"{item['id']}_step"}
        for item in design["layers"]
    ]
    made = side_by_side.synthesis(whole, rows, timesteps)
    return {**made, "composed": bool(layers), "warnings": side_by_side.all_warnings(whole)}


def _parsed(layout: Layout, stage: Stage, unit: str | None, export: str) -> SynthesisReport:
    path, log, _ = layout.results(stage, unit, export)
    text, said = (one.read_text(encoding="utf-8", errors="replace") for one in (path, log))
    report = parse(text, str(path), said)
    return replace(report, top=script.layer_top(unit)) if unit else report
