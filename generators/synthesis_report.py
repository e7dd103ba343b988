"""Synthesis reports: what Vitis HLS says of a design, as one frozen type for every report it writes.

In comes the text of csynth.xml, <module>_csynth.xml, export_syn.xml, export_impl.xml or <top>_cosim.rpt (AMD UG1399,
releases 2020.1 to 2026.1); out goes a `SynthesisReport` that carries its kind. Whatever a report leaves out or calls
`undef`, `-`, `NA` or `?` is None, never 0.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from generators.errors import ToolError

Kind = Literal["csynth", "module", "syn", "impl", "cosim"]
"""csynth: a whole design; module: one function of it; syn, impl: what Vivado made of it; cosim: its RTL simulation."""

_UNKNOWN = {"", "-", "?", "na", "n/a", "none", "undef", "unknown", "inf", "-inf", "nan"}
_RESOURCES = ("BRAM_18K", "BRAM", "DSP", "DSP48E", "FF", "LUT", "URAM")
"""BRAM is Vivado's word; it stays apart from BRAM_18K. DSP48E is what 2020.1 still calls a DSP."""
_AGAIN = "delete it and run the stage again"


@dataclass(frozen=True, slots=True)
class Span:
    """A count that varies: clock cycles, or iterations."""

    min: int | None = None
    average: int | None = None
    max: int | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    name: str
    used: float | None
    available: float | None

    @property
    def utilisation(self) -> float | None:
        """The fraction of the part; None where the part has none."""
        return None if self.used is None or not self.available else self.used / self.available


@dataclass(frozen=True, slots=True)
class Loop:
    """`ii` and `depth` are None if the loop is not pipelined, `target_ii` if nothing names one."""

    name: str
    trip_count: Span
    latency: Span
    ii: int | None
    target_ii: int | None
    depth: int | None
    issue: str | None
    """What the report's list of violations says of the loop."""
    loops: tuple[Loop, ...]


@dataclass(frozen=True, slots=True)
class Simulation:
    """Co-simulation of one RTL; `total` is its clock cycles from first to last."""

    rtl: str
    status: str | None
    latency: Span
    interval: Span
    total: int | None


@dataclass(frozen=True, slots=True)
class SynthesisReport:
    """A report; a field that its kind does not have is None or empty.

    Attributes:
        clock_target, clock_estimate, clock_uncertainty, slack, wns: ns. After csynth, slack is what is left of the
            target without its uncertainty; after syn and impl, what Vivado measured.
        latency, interval: cycles; of a cosim, those of the first RTL that ran.
        modules: of kind csynth, the functions below the top; the loops of the top are `loops`.
        transactions: calls of the top that cosim completed, None if unknown.
    """

    kind: Kind
    version: str | None = None
    part: str | None = None
    top: str | None = None
    clock_target: float | None = None
    clock_estimate: float | None = None
    clock_uncertainty: float | None = None
    slack: float | None = None
    timing_met: bool | None = None
    wns: float | None = None
    latency: Span = Span()
    interval: Span = Span()
    resources: tuple[Resource, ...] = ()
    loops: tuple[Loop, ...] = ()
    modules: tuple[SynthesisReport, ...] = ()
    simulations: tuple[Simulation, ...] = ()
    transactions: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; resources by name."""
        plain = asdict(replace(self, modules=()))
        plain["resources"] = {
            one.name: {"used": one.used, "available": one.available, "utilisation": one.utilisation}
            for one in self.resources
        }
        plain["loops"] = [_loop_json(loop) for loop in self.loops]
        plain["modules"] = [module.to_json() for module in self.modules]
        plain["simulations"] = [asdict(one) for one in self.simulations]
        return plain


def _loop_json(loop: Loop) -> dict[str, Any]:
    return {**asdict(replace(loop, loops=())), "loops": [_loop_json(inner) for inner in loop.loops]}


def parse(text: str, name: str, log: str = "") -> SynthesisReport:
    """The report in `text`, of whichever kind it is.

    Args:
        name: what errors call it: its path.
        log: of the same run; the only place that names the target IIs and the transactions of a cosim.
    Raises:
        ToolError: the text is no such report, or a number in it is none.
    """
    if not text.lstrip("\ufeff \t\r\n").startswith("<"):
        return _cosim(text, name, log)
    try:
        root = ElementTree.fromstring(text.lstrip("\ufeff \t\r\n"))
    except ElementTree.ParseError as error:
        raise ToolError(f"{name}: a report must be well-formed XML, found {error}; {_AGAIN}") from None
    reader = _Reader(name, _targets(log))
    if root.tag != "profile":
        raise ToolError(f"{name}: a report must have the root <profile>, found <{root.tag}>; name one of Vitis HLS")
    if root.find("PerformanceEstimates") is not None:
        return reader.csynth(root)
    if root.find("TimingReport") is not None or root.find("AreaReport") is not None:
        return reader.export(root)
    found = ", ".join(f"<{child.tag}>" for child in root) or "nothing"
    raise ToolError(f"{name}: <profile> must have <PerformanceEstimates> or <TimingReport>, found {found}; {_AGAIN}")


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the elements of one report; `targets` has the log's target IIs by module and loop."""

    name: str
    targets: Mapping[tuple[str, str], int | None]

    def csynth(self, root: Element) -> SynthesisReport:
        top = _text(root, "UserAssignments/TopModelName")
        report = self._estimated(root, root.find("UserAssignments"), top)
        report = replace(
            report, version=_text(root, "ReportVersion/Version"), part=_text(root, "UserAssignments/Part")
        )
        information = root.find("ModuleInformation")
        if information is None:
            return report
        modules = [
            self._estimated(
                module, module.find("PerformanceEstimates/SummaryOfTimingAnalysis"), _text(module, "Name")
            )
            for module in information.findall("Module")
        ]
        own = [module for module in modules if module.top == top]
        # newer releases list the top among the modules, and its loops only there
        loops = report.loops or tuple(loop for module in own for loop in module.loops)
        return replace(
            report, kind="csynth", loops=loops, modules=tuple(module for module in modules if module.top != top)
        )

    def export(self, root: Element) -> SynthesisReport:
        version = _text(root, "RunData/VIVADO_VERSION") or _item(root, "Version") or ""
        release = re.search(r"\d{4}\.\d(?:\.\d)?", version)
        timing, area = root.find("TimingReport"), root.find("AreaReport")
        met = _text(timing, "TIMING_MET")
        wns = self._float(timing, "WNS_FINAL")
        achieved = self._float(timing, "AchievedClockPeriod")
        target = self._float(timing, "TargetClockPeriod")
        slack = self._float(timing, "SLACK_FINAL")
        if slack is None:
            slack = wns if wns is not None else _difference(target, achieved)
        modules = root.findall("RtlModules/RtlModule")
        top = next((module.get("MODULENAME") for module in modules if module.get("IS_TOP") == "1"), None)
        # a design without a sequential path has no timing to meet
        verdict = None if slack is None else slack >= 0
        run = (_text(root, "RunData/RUN_TYPE") or "").lower()
        routed = self._float(timing, "CP_ROUTE") is not None
        return SynthesisReport(
            kind="impl" if run.startswith("impl") or (not run and routed) else "syn",
            version=release[0] if release else None,
            part=_item(root, "Target device"),
            top=top,
            clock_target=target,
            clock_estimate=achieved,
            slack=slack,
            timing_met=verdict if met is None else met.upper() == "TRUE",
            wns=wns,
            resources=() if area is None else self._resources(area),
        )

    def _estimated(self, element: Element, clock: Element | None, top: str | None) -> SynthesisReport:
        """What a design and each of its modules have in common; `clock` is where the target stands."""
        performance = element.find("PerformanceEstimates")
        timing = None if performance is None else performance.find("SummaryOfTimingAnalysis")
        overall = None if performance is None else performance.find("SummaryOfOverallLatency")
        target, uncertainty = self._float(clock, "TargetClockPeriod"), self._float(clock, "ClockUncertainty")
        estimate = self._float(timing, "EstimatedClockPeriod")
        slack = _difference(_difference(target, uncertainty or 0.0), estimate)
        latency = Span(*(self._int(overall, f"{case}-caseLatency") for case in ("Best", "Average", "Worst")))
        interval = Span(self._int(overall, "Interval-min"), None, self._int(overall, "Interval-max"))
        if interval == Span():
            interval = self._span(overall, "PipelineInitiationInterval")
            if latency == Span() and interval.max == 0:
                # the 0 beside an undefined latency is no interval
                interval = Span()
        area = element.find("AreaEstimates")
        return SynthesisReport(
            kind="module",
            top=top,
            clock_target=target,
            clock_estimate=estimate,
            clock_uncertainty=uncertainty,
            slack=slack,
            timing_met=None if slack is None else slack >= 0,
            latency=latency,
            interval=interval,
            resources=() if area is None else self._resources(area),
            loops=() if performance is None else self._loops(performance, top or ""),
        )

    def _loops(self, performance: Element, module: str) -> tuple[Loop, ...]:
        summary = performance.find("SummaryOfLoopLatency")
        violations = performance.find("SummaryOfViolations/SummaryOfLoopViolations")
        issues = {} if violations is None else {one.tag: _issue(one) for one in violations.iter()}
        return () if summary is None else tuple(self._loop(loop, module, issues) for loop in summary if _is_loop(loop))

    def _loop(self, element: Element, module: str, issues: Mapping[str, str | None]) -> Loop:
        name = _text(element, "Name") or element.tag
        return Loop(
            name=name,
            trip_count=self._span(element, "TripCount"),
            latency=self._span(element, "Latency"),
            ii=self._span(element, "PipelineII").max,
            target_ii=_target(self.targets, module, name),
            depth=self._span(element, "PipelineDepth").max,
            issue=issues.get(element.tag),
            loops=tuple(self._loop(inner, module, issues) for inner in element if _is_loop(inner)),
        )

    def _resources(self, area: Element) -> tuple[Resource, ...]:
        used, available = area.find("Resources"), area.find("AvailableResources")
        found = []
        for tag in _RESOURCES:
            if used is None or used.find(tag) is None:
                continue
            whole = self._number(available, tag)
            if whole is None:
                # a module states the part's resources among its own
                whole = self._number(used, f"AVAIL_{tag}")
            if whole is None and tag == "BRAM_18K":
                whole = self._number(used, "AVAIL_BRAM")
            found.append(Resource("DSP" if tag == "DSP48E" else tag, self._number(used, tag), whole))
        return tuple(found)

    def _span(self, parent: Element | None, tag: str) -> Span:
        """A count, a <range> of <min> and <max>, or `min ~ max`."""
        element = None if parent is None else parent.find(tag)
        limits = None if element is None else element.find("range")
        if limits is not None:
            return Span(self._int(limits, "min"), None, self._int(limits, "max"))
        ends = ((_text(parent, tag) or "").split("~") * 2)[:2]
        return Span(self._whole(ends[0], tag), None, self._whole(ends[1], tag))

    def _int(self, parent: Element | None, tag: str) -> int | None:
        return self._whole(_text(parent, tag) or "", tag)

    def _whole(self, text: str, tag: str) -> int | None:
        value = _number(text, self.name, f"<{tag}>")
        if value is None or isinstance(value, int):
            return value
        raise ToolError(f"{self.name}: <{tag}> must be a whole number, found {text.strip()!r}; {_AGAIN}")

    def _number(self, parent: Element | None, tag: str) -> float | None:
        return _number(_text(parent, tag) or "", self.name, f"<{tag}>")

    def _float(self, parent: Element | None, tag: str) -> float | None:
        value = self._number(parent, tag)
        return None if value is None else float(value)


def _cosim(text: str, name: str, log: str) -> SynthesisReport:
    """The table of <top>_cosim.rpt: one row per RTL; 2022.1 added the total as a ninth column."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.splitlines() if "|" in line]
    simulations = [
        _simulation(row, name) for row in rows if len(row) in (8, 9) and row[0] in ("Verilog", "VHDL", "SystemC")
    ]
    if not simulations:
        raise ToolError(
            f"{name}: a report must be XML or a co-simulation table with a row for Verilog or VHDL, "
            f"found {_excerpt(text)}; {_AGAIN}"
        )
    ran = next((one for one in simulations if one.status is not None), simulations[0])
    transactions = transactions_of(log)
    if transactions is None and {*_numbers(ran)} - {None} == {0}:
        # a simulation that measured nothing but zeros has passed by calling nothing
        transactions = 0
    return SynthesisReport(
        kind="cosim",
        latency=ran.latency,
        interval=ran.interval,
        simulations=tuple(simulations),
        transactions=transactions,
    )


def _simulation(row: list[str], name: str) -> Simulation:
    rtl, status, *cells = row
    numbers: list[int | None] = []
    for cell in cells:
        value = _number(cell, name, f"each number of {rtl}")
        numbers.append(None if value is None else int(value))
    total = numbers[6] if len(numbers) > 6 else None
    return Simulation(
        rtl, None if status.lower() in _UNKNOWN else status, Span(*numbers[:3]), Span(*numbers[3:6]), total
    )


def _numbers(simulation: Simulation) -> Iterator[int | None]:
    for span in (simulation.latency, simulation.interval):
        yield from (span.min, span.average, span.max)
    yield simulation.total


def transactions_of(log: str) -> int | None:
    """Transactions that the last RTL simulation in a log completed; None if it shows no progress."""
    progress = re.findall(r"^// RTL Simulation : (\d+) / \d+", log, re.MULTILINE)
    return int(progress[-1]) if progress else None


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


def _targets(log: str) -> dict[tuple[str, str], int | None]:
    """Target II by module and loop, from `Pipelining result` lines; before 2021.1 the loop stands on a line before."""
    targets: dict[tuple[str, str], int | None] = {}
    module = loop = ""
    for line in log.splitlines():
        if found := re.search(r"Implementing module '([^']+)'", line):
            module = found[1]
        elif found := re.search(r"Pipelining (loop|function) '([^']+)'", line):
            loop = found[2] if found[1] == "loop" else ""
        elif found := re.search(r"Pipelining result : Target II = (\w+),.*?(?:, loop '([^']+)')?\.?\s*$", line):
            name = found[2] or loop
            if name:
                targets[module, name] = int(found[1]) if found[1].isdigit() else None
    return targets


def _target(targets: Mapping[tuple[str, str], int | None], module: str, loop: str) -> int | None:
    if (module, loop) in targets:
        return targets[module, loop]
    # module names are shortened in places; a loop's name will do where it is not ambiguous
    others = {target for (_, name), target in targets.items() if name == loop}
    return others.pop() if len(others) == 1 else None


def _text(parent: Element | None, path: str) -> str | None:
    text = None if parent is None else parent.findtext(path)
    return None if text is None or text.strip().lower() in _UNKNOWN else text.strip()


def _number(text: str, name: str, place: str) -> int | float | None:
    if text.strip().lower() in _UNKNOWN:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ToolError(f"{name}: {place} must be a number or undef, found {text.strip()!r}; {_AGAIN}")
    return int(value) if value.is_integer() else value


def _difference(left: float | None, right: float | None) -> float | None:
    """To the picosecond that reports are written in; binary fractions would make 10 − 2.7 − 7.3 negative."""
    return None if left is None or right is None else round(left - right, 3)


def _item(root: Element, name: str) -> str | None:
    found = next((item for item in root.findall("GeneralInfo/item") if item.get("NAME") == name), None)
    return None if found is None else found.get("VALUE")


def _is_loop(element: Element) -> bool:
    return element.find("TripCount") is not None or element.find("Latency") is not None


def _issue(element: Element) -> str | None:
    issue, violation = _text(element, "IssueType"), _text(element, "ViolationType")
    return ": ".join(part for part in (issue, violation) if part) or None


def _excerpt(text: str) -> str:
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return repr(line[:60]) if line else "nothing"
