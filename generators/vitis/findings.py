"""What a report gives cause to warn of: missed II, missed timing, and more than the part has."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hlspike.generators.vitis.report import Loop, SynthesisReport


def warnings(report: SynthesisReport) -> tuple[str, ...]:
    """One line for each missed II, for missed timing, and for each resource that the part does not have."""
    found = [*_missed_loops(report.loops, report.top)]
    for module in report.modules:
        found += _missed_loops(module.loops, module.top)
    if report.timing_met is False:
        found.append(_missed_timing(report))
    for one in report.resources:
        if one.used is not None and one.available is not None and one.used > one.available:
            found.append(f"{one.name}: {one.used:g} used, {report.part or 'the part'} has {one.available:g}")
    return tuple(found)


def _missed_loops(loops: tuple[Loop, ...], module: str | None) -> Iterator[str]:
    for loop in loops:
        place = f"loop {loop.name}" + (f" of {module}" if module else "")
        if loop.ii is not None and loop.target_ii is not None and loop.ii > loop.target_ii:
            yield f"{place}: II {loop.ii}, target {loop.target_ii}" + (f" ({loop.issue})" if loop.issue else "")
        elif loop.issue is not None and re.match(r"II\b", loop.issue):
            yield f"{place}: II {'unknown' if loop.ii is None else loop.ii} misses its target ({loop.issue})"
        yield from _missed_loops(loop.loops, module)


def _missed_timing(report: SynthesisReport) -> str:
    if report.kind in ("syn", "impl"):
        worst = report.wns if report.wns is not None else report.slack
        return "timing: not met" + ("" if worst is None else f", the worst slack is {worst:.3f} ns")
    return (
        f"timing: the estimate of {report.clock_estimate:.3f} ns leaves {report.slack:.3f} ns of the target of "
        f"{report.clock_target:.3f} ns less {report.clock_uncertainty or 0:.3f} ns uncertainty"
    )
