"""Totals of a design from the syntheses of its layers, each out of context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hlspike.generators.vitis.report import Resource, Span, SynthesisReport

_SRL = 32
"""Words of a shift register that one LUT holds per bit."""
_REGISTERS = 2
"""Words up to which a FIFO is registers."""


def composed(reports: Sequence[SynthesisReport], fifos: Sequence[Mapping[str, Any]]) -> SynthesisReport:
    """One report for the layers in order.

    Latency is the sum of all, which is that of the road; where ways part it is more than either takes. The interval is
    the largest, because layers work at the same time. Resources are the sum, and what the streams between layers take.
    Unknown stays unknown. The clock is that of the slowest layer.

    Args:
        reports: one per layer.
        fifos: `words`, `width` and `bram_18k` of each stream.
    """
    latency = Span(*(_sum(getattr(one.latency, case) for one in reports) for case in ("min", "average", "max")))
    interval = Span(_largest(one.interval.min for one in reports), None, _largest(one.interval.max for one in reports))
    first = reports[0]
    slacks = [one.slack for one in reports if one.slack is not None]
    return SynthesisReport(
        kind="csynth",
        version=first.version,
        part=first.part,
        top="the layers together",
        clock_target=first.clock_target,
        clock_estimate=_largest(one.clock_estimate for one in reports),
        clock_uncertainty=first.clock_uncertainty,
        slack=min(slacks) if len(slacks) == len(reports) else None,
        timing_met=min(slacks) >= 0 if len(slacks) == len(reports) else None,
        latency=latency,
        interval=interval,
        resources=_resources(reports, fifos),
        modules=tuple(reports),
    )


def _resources(reports: Sequence[SynthesisReport], fifos: Sequence[Mapping[str, Any]]) -> tuple[Resource, ...]:
    taken = {"BRAM_18K": sum(fifo["bram_18k"] for fifo in fifos), "FF": 0, "LUT": 0}
    for fifo in fifos:
        if fifo["words"] <= _REGISTERS:
            taken["FF"] += fifo["words"] * fifo["width"]
        elif not fifo["bram_18k"]:
            taken["LUT"] += -(-fifo["words"] // _SRL) * fifo["width"]
    found = []
    for one in reports[0].resources:
        same = [other for report in reports for other in report.resources if other.name == one.name]
        used = _sum(other.used for other in same) if len(same) == len(reports) else None
        found.append(Resource(one.name, None if used is None else used + taken.get(one.name, 0), one.available))
    return tuple(found)


def _sum(values: Any) -> Any:
    every = list(values)
    return None if None in every else sum(every)


def _largest(values: Any) -> Any:
    every = list(values)
    return None if None in every else max(every)
