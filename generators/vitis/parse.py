"""The text of a report of Vitis HLS becomes a `SynthesisReport`, whichever of its reports it is.

csynth.xml, <module>_csynth.xml, export_syn.xml, export_impl.xml and <top>_cosim.rpt (AMD UG1399, releases 2020.1 to
2026.1).
"""

from __future__ import annotations

from xml.etree import ElementTree

from hlspike.generators.errors import ToolError
from hlspike.generators.vitis.fields import AGAIN
from hlspike.generators.vitis.log import targets_of
from hlspike.generators.vitis.profiles import Reader
from hlspike.generators.vitis.report import SynthesisReport
from hlspike.generators.vitis.table import simulated


def parse(text: str, name: str, log: str = "") -> SynthesisReport:
    """The report in `text`, of whichever kind it is.

    Args:
        name: what errors call it: its path.
        log: of the same run; the only place that names the target IIs and the transactions of a cosim.
    Raises:
        ToolError: the text is no such report, or a number in it is none.
    """
    if not text.lstrip("\ufeff \t\r\n").startswith("<"):
        return simulated(text, name, log)
    try:
        root = ElementTree.fromstring(text.lstrip("\ufeff \t\r\n"))
    except ElementTree.ParseError as error:
        raise ToolError(f"{name}: a report must be well-formed XML, found {error}; {AGAIN}") from None
    reader = Reader(name, targets_of(log))
    if root.tag != "profile":
        raise ToolError(f"{name}: a report must have the root <profile>, found <{root.tag}>; name one of Vitis HLS")
    if root.find("PerformanceEstimates") is not None:
        return reader.csynth(root)
    if root.find("TimingReport") is not None or root.find("AreaReport") is not None:
        return reader.export(root)
    found = ", ".join(f"<{child.tag}>" for child in root) or "nothing"
    raise ToolError(f"{name}: <profile> must have <PerformanceEstimates> or <TimingReport>, found {found}; {AGAIN}")
