"""What decides the schedule of the generated C++, by clang: of four networks, layer by layer, beside the estimate.

    python benchmarks/hardware.py [SIZES …] [--reuse N] [--io stream] [--part PART]

SIZES are as 64-48-10, inputs first; inputs are spikes. --reuse is that of synapses, moved to the nearest legal one.
Needs clang++-16 and opt-16 (apt-get install clang-16 llvm-16).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import csim

from hlspike.generators.design import Design
from hlspike.generators.estimate.parts import fitting, verdict
from hlspike.generators.estimate.whole import LayerEstimate, estimate
from hlspike.generators.quantize import quantize
from hlspike.generators.schedule import schedule

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "structure"))

from analysis.figures import Figures
from analysis.front import MissingError, Tools
from analysis.project import Project

NETWORKS = (((4, 8, 2), 1), ((64, 48, 10), 16), ((784, 128, 10), 784), ((64, 256, 256, 10), 64))
"""Sizes and the reuse factor of synapses."""
HEADER = ("layer", "loop", "trips", "recurrence", "additions", "estimate", "products", "estimate", "other operations",
          "path", "loads and stores of arrays", "variable banks", "cycles", "fill")


def designed(sizes: tuple[int, ...], reuse: int, io: Any) -> Design:
    """A random network, scheduled."""
    hls = {**csim.HLS, "types": {"Linear": {"reuse_factor": reuse}}}
    net = csim.network(sizes)
    quantized = quantize(net, csim.parameters(net), hls, csim.spikes(20, sizes[0]))
    return schedule(quantized.typed, quantized.integers, hls, io)


def row(figure: Figures, told: LayerEstimate) -> tuple[str, ...]:
    others: Counter[str] = Counter()
    for (kind, width), count in figure.operations.items():
        if kind not in ("add", "multiply"):
            others[f"{kind}:{width}"] += count
    around = figure.recurrence
    loads, stores = Counter[str](), Counter[str]()
    for one in figure.memories:
        loads[one.array] += one.loads
        stores[one.array] += one.stores
    arrays = (f"{name} {loads[name]}+{stores[name]}" for name in loads)
    return (
        told.name, figure.label or "-", str(figure.trips), _counted(around.operations), str(figure.count("add")),
        str(told.adders), str(figure.count("multiply")), str(told.multipliers), _counted(others), str(figure.path),
        ", ".join(arrays) or "-", ", ".join(figure.variable_banks) or "none", str(told.cycles), str(told.fill),
    )


def rows(design: Design, tools: Tools) -> Iterator[tuple[str, ...]]:
    """Of every loop of every layer; a layer of one iteration has none."""
    with tempfile.TemporaryDirectory() as folder:
        project = Project(tools, design, Path(folder))
        for layer, told in zip(design.layers, estimate(design).layers, strict=True):
            for figure in project.layer(layer.id):
                yield row(figure, told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", help="default: " + ", ".join(_named(sizes) for sizes, _ in NETWORKS))
    parser.add_argument("--reuse", type=int, help="of synapses; default: 1, 16, 784 and 64, of other networks 16")
    parser.add_argument("--io", choices=("parallel", "stream"), default="parallel")
    parser.add_argument("--part", default="xc7z020clg400-1")
    chosen = parser.parse_args()
    known = dict(NETWORKS)
    asked = [tuple(map(int, text.split("-"))) for text in chosen.sizes] or [*known]
    try:
        tools = Tools.found()
    except MissingError as missing:
        raise SystemExit(f"error: {missing}") from None
    for sizes in asked:
        reuse = chosen.reuse or known.get(sizes, 16)
        design = designed(sizes, reuse, chosen.io)
        found = estimate(design)
        print(f"\n{_named(sizes)}, reuse factor {reuse}, io {chosen.io}: a {design.structure}; "
              f"latency {found.latency}, interval {found.interval}; {verdict(fitting(found.to_json(), chosen.part))}")
        table = [HEADER, *rows(design, tools)]
        widths = [max(len(line[column]) for line in table) for column in range(len(HEADER))]
        for line in table:
            print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _counted(operations: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(operations.items())) or "none"


def _named(sizes: tuple[int, ...]) -> str:
    return "-".join(map(str, sizes))


if __name__ == "__main__":
    main()
