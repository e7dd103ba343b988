"""Figures of the Vitis stages for the report: what was read of each stage, put side by side in plain JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hlspike.generators.vitis.findings import warnings
from hlspike.generators.vitis.report import Loop, SynthesisReport


def synthesis(report: SynthesisReport, layers: Sequence[Mapping[str, Any]], timesteps: int) -> dict[str, Any]:
    """Of csynth.

    Args:
        report: of the whole design, or composed.
        layers: `name` and `top` of each, `top` being the function or the layer's own top in the report's modules.
        timesteps: of the longest sequence.
    Returns:
        `latency_cycles`, `interval` of one timestep at worst, `sequence_cycles`, the same in µs, `clock_ns`,
        `clock_estimate_ns`, `slack_ns`, `timing_met`, `resources`, `fits`, and the same of each layer with its loops.
    """
    latency, interval = report.latency.max, report.interval.max
    sequence = None if latency is None or interval is None else latency + (timesteps - 1) * interval
    return {
        "part": report.part,
        "latency_cycles": latency,
        "latency_us": _us(latency, report.clock_target),
        "interval": interval,
        "sequence_timesteps": timesteps,
        "sequence_cycles": sequence,
        "sequence_us": _us(sequence, report.clock_target),
        "clock_ns": report.clock_target,
        "clock_estimate_ns": report.clock_estimate,
        "slack_ns": report.slack,
        "timing_met": report.timing_met,
        "resources": _resources(report),
        "fits": _fits(report),
        "layers": [_layer(report, layer["name"], layer["top"]) for layer in layers],
    }


def simulation(report: SynthesisReport) -> dict[str, Any]:
    """Of cosim: it passed, or there would be no report of it."""
    return {
        "latency_cycles": {"min": report.latency.min, "average": report.latency.average, "max": report.latency.max},
        "interval": {"min": report.interval.min, "average": report.interval.average, "max": report.interval.max},
        "transactions": report.transactions,
        "total_cycles": next((one.total for one in report.simulations if one.total is not None), None),
    }


def implementation(report: SynthesisReport) -> dict[str, Any]:
    """Of impl: what Vivado measured."""
    return {
        "clock_ns": report.clock_target,
        "clock_achieved_ns": report.clock_estimate,
        "slack_ns": report.slack,
        "timing_met": report.timing_met,
        "resources": _resources(report),
        "fits": _fits(report),
    }


def all_warnings(report: SynthesisReport) -> list[str]:
    """Of a report and, if it was composed, of each layer's."""
    found = dict.fromkeys(warnings(report))
    for module in report.modules:
        if module.kind == "csynth":
            found |= dict.fromkeys(warnings(module))
    return list(found)


def _layer(report: SynthesisReport, name: str, top: str) -> dict[str, Any]:
    """A layer without a module of its own was dissolved into the top: nothing is known of it."""
    module = next((one for one in report.modules if one.top == top), None)
    if module is None:
        return {"name": name, "latency_cycles": None, "interval": None, "resources": {}, "loops": []}
    below = [one for one in report.modules if one is not module and (one.top or "").startswith(f"{top}_")]
    loops = [*module.loops, *(loop for one in (*module.modules, *below) for loop in one.loops)]
    return {
        "name": name,
        "latency_cycles": module.latency.max,
        "interval": module.interval.max,
        "resources": {resource.name: resource.used for resource in module.resources},
        "loops": [_loop(loop) for loop in loops],
    }


def _loop(loop: Loop) -> dict[str, Any]:
    return {
        "name": loop.name, "trip_count": loop.trip_count.max, "latency_cycles": loop.latency.max, "ii": loop.ii,
        "target_ii": loop.target_ii, "depth": loop.depth, "issue": loop.issue,
    }


def _resources(report: SynthesisReport) -> dict[str, Any]:
    return {
        one.name: {"used": one.used, "available": one.available, "utilisation": one.utilisation}
        for one in report.resources
    }


def _fits(report: SynthesisReport) -> bool | None:
    """Unknown as long as one resource is."""
    known = [one for one in report.resources if one.used is not None and one.available is not None]
    if any(one.used > one.available for one in known if one.used is not None and one.available is not None):
        return False
    return True if known and len(known) == len(report.resources) else None


def _us(cycles: int | None, period: float | None) -> float | None:
    return None if cycles is None or period is None else round(cycles * period / 1000, 6)
