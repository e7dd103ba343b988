"""csynth.xml, <module>_csynth.xml, export_syn.xml and export_impl.xml: everything whose root is <profile>."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

from hlspike.generators.errors import ToolError
from hlspike.generators.vitis.fields import AGAIN, difference, item, number, text_of
from hlspike.generators.vitis.log import target
from hlspike.generators.vitis.report import Loop, Resource, Span, SynthesisReport

_RESOURCES = ("BRAM_18K", "BRAM", "DSP", "DSP48E", "FF", "LUT", "URAM")
"""BRAM is Vivado's word; it stays apart from BRAM_18K. DSP48E is what 2020.1 still calls a DSP."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the elements of one report; `targets` has the log's target IIs by module and loop."""

    name: str
    targets: Mapping[tuple[str, str], int | None]

    def csynth(self, root: Element) -> SynthesisReport:
        top = text_of(root, "UserAssignments/TopModelName")
        report = self._estimated(root, root.find("UserAssignments"), top)
        report = replace(
            report, version=text_of(root, "ReportVersion/Version"), part=text_of(root, "UserAssignments/Part")
        )
        information = root.find("ModuleInformation")
        if information is None:
            return report
        modules = [
            self._estimated(
                module, module.find("PerformanceEstimates/SummaryOfTimingAnalysis"), text_of(module, "Name")
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
        version = text_of(root, "RunData/VIVADO_VERSION") or item(root, "Version") or ""
        release = re.search(r"\d{4}\.\d(?:\.\d)?", version)
        timing, area = root.find("TimingReport"), root.find("AreaReport")
        met = text_of(timing, "TIMING_MET")
        wns = self._float(timing, "WNS_FINAL")
        achieved = self._float(timing, "AchievedClockPeriod")
        target = self._float(timing, "TargetClockPeriod")
        slack = self._float(timing, "SLACK_FINAL")
        if slack is None:
            slack = wns if wns is not None else difference(target, achieved)
        modules = root.findall("RtlModules/RtlModule")
        top = next((module.get("MODULENAME") for module in modules if module.get("IS_TOP") == "1"), None)
        # a design without a sequential path has no timing to meet
        verdict = None if slack is None else slack >= 0
        run = (text_of(root, "RunData/RUN_TYPE") or "").lower()
        routed = self._float(timing, "CP_ROUTE") is not None
        return SynthesisReport(
            kind="impl" if run.startswith("impl") or (not run and routed) else "syn",
            version=release[0] if release else None,
            part=item(root, "Target device"),
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
        slack = difference(difference(target, uncertainty or 0.0), estimate)
        latency = Span(*(self._int(overall, f"{case}-caseLatency") for case in ("Best", "Average", "Worst")))
        interval = Span(self._int(overall, "Interval-min"), None, self._int(overall, "Interval-max"))
        if interval == Span():
            interval = self._span(overall, "PipelineInitiationInterval")
            rewinds = "rewind" in (text_of(overall, "PipelineType") or "")
            if rewinds or (latency == Span() and interval.max == 0):
                # of a loop that rewinds this is the loop's II; and the 0 beside an undefined latency is none
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
        name = text_of(element, "Name") or element.tag
        return Loop(
            name=name,
            trip_count=self._span(element, "TripCount"),
            latency=self._span(element, "Latency"),
            ii=self._span(element, "PipelineII").max,
            target_ii=target(self.targets, module, name),
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
        ends = ((text_of(parent, tag) or "").split("~") * 2)[:2]
        return Span(self._whole(ends[0], tag), None, self._whole(ends[1], tag))

    def _int(self, parent: Element | None, tag: str) -> int | None:
        return self._whole(text_of(parent, tag) or "", tag)

    def _whole(self, text: str, tag: str) -> int | None:
        value = number(text, self.name, f"<{tag}>")
        if value is None or isinstance(value, int):
            return value
        raise ToolError(f"{self.name}: <{tag}> must be a whole number, found {text.strip()!r}; {AGAIN}")

    def _number(self, parent: Element | None, tag: str) -> float | None:
        return number(text_of(parent, tag) or "", self.name, f"<{tag}>")

    def _float(self, parent: Element | None, tag: str) -> float | None:
        value = self._number(parent, tag)
        return None if value is None else float(value)


def _is_loop(element: Element) -> bool:
    return element.find("TripCount") is not None or element.find("Latency") is not None


def _issue(element: Element) -> str | None:
    issue, violation = text_of(element, "IssueType"), text_of(element, "ViolationType")
    return ": ".join(part for part in (issue, violation) if part) or None
