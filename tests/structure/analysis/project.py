"""A generated project, unit by unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from analysis.accesses import Partition
from analysis.figures import Figures, figures
from analysis.front import Tools, compiled
from hlspike.generators.design import CloneDesign, Design, InputDesign, MergeDesign, ReadoutDesign
from hlspike.generators.emit import emit
from hlspike.generators.hardware.units import slices
from hlspike.tasks.layout import KERNELS

_SINGLE, _ROWS = (Partition(1, 0, False, False),), (Partition(2, 0, False, False),)


@dataclass(frozen=True, slots=True)
class Project:
    """A design as C++.

    Attributes:
        folder: for what is made on the way.
    """

    tools: Tools
    design: Design
    folder: Path
    sources: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        found = {f"firmware/kernels/{path.name}": path.read_text(encoding="utf-8") for path in KERNELS.glob("*.h")}
        for unit, given in slices(self.design).items():
            if unit != "tb":
                found |= emit(unit, *given)
        object.__setattr__(self, "sources", found)

    def layer(self, unit: str) -> tuple[Figures, ...]:
        """Of one layer by itself, its vectors split as the top splits them."""
        hidden = _hidden(self.design, [unit])
        made = compiled(self.tools, self.sources, f"firmware/{unit}.cpp", self.folder / unit, hidden)
        return figures(made, *self._ports(unit))

    def whole(self) -> tuple[Figures, ...]:
        """Of all that `snn_top` inlines."""
        units = [layer.id for layer in self.design.layers]
        text = "".join(f'#include "{unit}.cpp"\n' for unit in (*units, "top"))
        made = compiled(
            self.tools, {**self.sources, "firmware/whole.cpp": text}, "firmware/whole.cpp", self.folder / "whole",
            _hidden(self.design, units),
        )
        return tuple(one for one in figures(made) if one.function == "snn_top")

    def _ports(self, unit: str) -> tuple[dict[str, Sequence[Partition]], dict[str, tuple[int, ...]]]:
        """How the arrays are split by which a layer is joined to its neighbours, see top.cpp, and their shapes."""
        if self.design.io == "stream":
            return {}, {}
        layer = next(layer for layer in self.design.layers if layer.id == unit)
        splits: dict[str, Sequence[Partition]] = {"out": _ROWS}
        shapes: dict[str, tuple[int, ...]] = {}
        if isinstance(layer, MergeDesign):
            for number, port in enumerate(layer.inputs):
                splits[f"in{number}"], shapes[f"in{number}"] = _ROWS, (port.beats, port.lanes)
        elif isinstance(layer, InputDesign):
            splits["in"], shapes["in"] = (_SINGLE if layer.edge.pins else ()), (layer.edge.words,)
        else:
            splits["in"], shapes["in"] = _ROWS, (layer.input.beats, layer.input.lanes)
        if isinstance(layer, CloneDesign):
            for number in range(layer.copies):
                splits[f"out{number}"], shapes[f"out{number}"] = _ROWS, (layer.output.beats, layer.output.lanes)
        elif not isinstance(layer, ReadoutDesign):
            shapes["out"] = layer.output.beats, layer.output.lanes
        return splits, shapes


def _hidden(design: Design, units: Sequence[str]) -> list[str]:
    """Parameters that layers store; without their numbers no operation of one is simpler than that of another."""
    return [key.replace("/", "_") for key in design.arrays if key.split("/")[0] in units]
