"""Pictures: decisions, spikes, membranes and ranges of one build, and the front of many. Needs matplotlib.

Figures are made without pyplot, which keeps global state, and carry no time: the same build draws the same bytes.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.errors import ConfigError, ToolError
from hlspike.generators.reference.tally import Overflow
from hlspike.generators.report import overview
from hlspike.generators.stimulus import Stimulus
from hlspike.generators.typed import TypedNetwork
from hlspike.tasks.archives import arrays, columns
from hlspike.tasks.layout import Layout
from hlspike.tasks.system import files

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

_EXACT, _FLOAT, _MARK, _PALE = "#1f4e79", "#d98200", "#c00000", "#dbe7f3"
_DPI = 110
_COLUMNS = 4
_drawing = threading.Lock()


def draw(layout: Layout, sequence: int | None, sequences: int | None) -> None:
    """Draw the four pictures of a report.

    Args:
        sequence: whose spikes and membranes; None for the first in which float and csim part, else that has a timestep.
        sequences: how many the executors have run; None for all.
    Raises:
        ConfigError: there is no such sequence, or it is empty.
        ToolError: matplotlib is not installed.
    """
    played = Stimulus.from_arrays(columns.read(layout.stimulus)).head(sequences)
    if sequence is not None and sequence >= len(played):
        raise ConfigError(f"report.sequence: {sequence} is not there, sequences are 0..{len(played) - 1}")
    typed = TypedNetwork.from_json(files.read_json(layout.typed))
    integers, parameters = arrays.read_npz(layout.integers), arrays.read_npz(layout.weights)
    floating, csim = (columns.read(layout.trace(stage)) for stage in ("float", "csim"))
    overflows = tuple(Overflow.from_json(item) for item in files.read_json(layout.overflows))
    if sequence is not None and played.lengths[sequence] == 0:
        raise ConfigError(f"report.sequence: {sequence} has no timesteps to draw; choose another, or null")
    chosen = sequence if sequence is not None else _parting(files.read_json(layout.report), played)
    length = int(played.lengths[chosen])
    values = list(overview.tensors(typed, parameters, played, floating, csim, overflows))
    drawn: dict[str, Callable[[], Figure]] = {
        "confusion": lambda: _confusion(played, columns.held(csim).get("decision")),
        "spikes": lambda: _spikes(overview.rasters(typed, floating, csim, chosen, length), chosen, length),
        "membranes": lambda: _membranes(overview.membranes(typed, integers, played, floating, chosen), chosen),
        "values": lambda: _values(values),
    }
    for name, figure in drawn.items():
        _save(figure, layout.picture(name))


def front(rows: Sequence[Mapping[str, Any]], places: Collection[int], x: str, y: str, path: Path) -> None:
    """Draw rows of `generators.results` as points, those in `places` joined to a front."""

    def figure() -> Figure:
        made, axes = _figure(7, 4.5)
        points = [(row[x], row[y], place) for place, row in enumerate(rows) if None not in (row[x], row[y])]
        beside = [point for point in points if point[2] not in places]
        best = sorted(point for point in points if point[2] in places)
        axes.plot([point[0] for point in beside], [point[1] for point in beside], "o", color="#9aa7b4")
        axes.plot([point[0] for point in best], [point[1] for point in best], "o-", color=_EXACT, label="front")
        for across, up, place in points:
            axes.annotate(_named(rows[place]), (across, up), (5, 5), textcoords="offset points", fontsize=7)
        axes.set(xlabel=x, ylabel=y)
        axes.margins(0.15)
        if best:
            axes.legend()
        return made

    _save(figure, path)


def _named(row: Mapping[str, Any]) -> str:
    """What tells a row from the others: everything before its status."""
    columns = list(row)
    return " ".join(str(row[key]) for key in columns[1 : columns.index("status")] if row[key] is not None)


def _parting(report: Mapping[str, Any], played: Stimulus) -> int:
    divergence = report["agreement"]["first_divergence"]
    return int(divergence["sequence"] if divergence else np.flatnonzero(played.lengths)[0])


def _confusion(played: Stimulus, decision: NDArray[Any] | None) -> Figure:
    if played.labels is None or decision is None:
        return _said("no labels to compare decisions with" if played.labels is None else "the network has no readout")
    some = played.lengths > 0
    counts = overview.confusion(played.labels[some], decision[some])
    size = len(counts)
    figure, axes = _figure(2 + 0.45 * size, 1.6 + 0.45 * size)
    axes.imshow(counts, cmap="Blues")
    for row, column in np.argwhere(counts):
        dark = counts[row, column] > counts.max() / 2
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", color="white" if dark else "black")
    right, total = int(counts.trace()), int(counts.sum())
    axes.set(xlabel="decision of csim", ylabel="label", xticks=range(size), yticks=range(size))
    axes.set_title(f"{right} of {total} right, {100 * right / total:.2f} %", fontsize=10)
    return figure


def _spikes(rasters: Sequence[overview.Raster], sequence: int, length: int) -> Figure:
    if not rasters:
        return _said("no spikes were recorded: set sim.trace to spikes or states")
    heights = [min(max(0.06 * raster.neurons, 1.2), 5.0) for raster in rasters]
    figure, grid = _grid(9, sum(heights) + 1.1 * len(rasters), len(rasters), 1, heights)
    for raster, axes in zip(rasters, grid, strict=True):
        for points, colour, marker, label in (
            (raster.both, "#8d99a6", "|", "float and csim"),
            (raster.float_only, _FLOAT, "x", "float only"),
            (raster.csim_only, _MARK, "+", "csim only"),
        ):
            axes.plot(points[:, 0], points[:, 1], marker, color=colour, label=f"{label}: {len(points)}", markersize=6)
        axes.set(xlim=(-0.7, length - 0.3), ylim=(-0.7, raster.neurons - 0.3), ylabel="neuron")
        axes.set_title(f"{raster.layer}, sequence {sequence}", fontsize=10, loc="left")
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, fontsize=8, frameon=False, borderaxespad=0.2)
        _whole(axes.xaxis, axes.yaxis)
    grid[-1].set_xlabel("timestep")
    return figure


def _membranes(layers: Sequence[overview.Membranes], sequence: int) -> Figure:
    most = max((len(layer.neurons) for layer in layers), default=0)
    if not most:
        return _said("the network has no neurons")
    figure, grid = _grid(3.6 * most + 0.6, 2.4 * len(layers) + 0.4, len(layers), most)
    for row, layer in enumerate(layers):
        for column, axes in enumerate(grid[row * most : (row + 1) * most]):
            if column >= len(layer.neurons):
                axes.set_axis_off()
                continue
            theta = layer.threshold[column]
            times = np.arange(len(layer.exact))
            mem = layer.exact[:, column]
            axes.axhline(theta, color=_MARK, linewidth=0.8, linestyle=":", label=f"threshold {theta:g}")
            axes.plot(times, mem, "-o", color=_EXACT, markersize=2.5, linewidth=1, label="reference, csim")
            if layer.floating is not None:
                axes.plot(times, layer.floating[:, column], "--", color=_FLOAT, linewidth=1.2, label="float")
            fired = layer.fired[:, column]
            axes.plot(times[fired], mem[fired], "*", color=_MARK, markersize=7, label="fires")
            axes.set_title(f"{layer.layer}, neuron {layer.neurons[column]}, sequence {sequence}", fontsize=9)
            _whole(axes.xaxis)
            if column == 0:
                axes.set_ylabel("membrane")
            if row == column == 0:
                axes.legend(fontsize=7)
    for axes in grid[-most:]:
        axes.set_xlabel("timestep")
    return figure


def _values(tensors: Sequence[overview.Values]) -> Figure:
    from matplotlib.ticker import NullFormatter

    rows = -(-len(tensors) // _COLUMNS)
    figure, grid = _grid(3.1 * _COLUMNS, 2.3 * rows, rows, _COLUMNS)
    for axes in grid[len(tensors) :]:
        axes.set_axis_off()
    for tensor, axes in zip(tensors, grid, strict=False):
        low, high = (float(tensor.type.to_float(np.array(raw, object))) for raw in
                     (tensor.type.min_raw, tensor.type.max_raw))
        axes.axvspan(low, high, color=_PALE)
        edges = np.histogram_bin_edges(tensor.values, 40)
        axes.hist(tensor.values, list(edges), color=_EXACT, log=True)
        axes.yaxis.set_minor_formatter(NullFormatter())
        reach = max(edges[-1] - edges[0], 1e-9)
        # of a range much wider than the values only what is near them is worth the space
        axes.set_xlim(max(min(low, edges[0]), edges[0] - reach) - 0.05 * reach,
                      min(max(high, edges[-1]), edges[-1] + reach) + 0.05 * reach)
        bad = tensor.beyond > 0
        axes.set_title(f"{tensor.layer} {tensor.key}\n{tensor.type}\n{tensor.beyond} of {tensor.total} beyond",
                       fontsize=8, color=_MARK if bad else "black")
        axes.tick_params(labelsize=7)
    return figure


def _whole(*sides: Axis) -> None:
    """Ticks at integers alone."""
    from matplotlib.ticker import MaxNLocator

    for side in sides:
        side.set_major_locator(MaxNLocator(integer=True))


def _said(text: str) -> Figure:
    figure, axes = _figure(5, 1)
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, ha="center", va="center")
    return figure


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure, grid = _grid(width, height, 1, 1)
    return figure, grid[0]


def _grid(
    width: float, height: float, rows: int, columns: int, heights: Sequence[float] | None = None
) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure((width, height), dpi=_DPI, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, height_ratios=heights)
    return figure, list(axes.ravel())


def _save(figure: Callable[[], Figure], path: Path) -> None:
    buffer = io.BytesIO()
    with _drawing:  # tasks run in threads, fonts are shared
        try:
            from matplotlib.backends.backend_agg import FigureCanvasAgg
        except ImportError:
            raise ToolError("pictures: matplotlib is not installed; pip install 'hlspike[plots]'") from None
        made = figure()
        FigureCanvasAgg(made)
        made.savefig(buffer, format="png", metadata={"Software": None})
    files.write(path, buffer.getvalue())
