"""The report: what a build has found, as JSON, as Markdown and as a table for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Report = dict[str, Any]
STAGES = ("float", "reference", "csim")
_SHOWN = 24
"""Most lines of warnings and notes on the terminal."""
_LEGEND = (
    "What fixed point takes from each parameter. RMS: root mean square of the errors over that of the values. Largest: "
    "the largest error of a value over that value.",
    "Leak: of decays, the largest error over 1 − value. Saturated, to zero: how many values.",
)


def assemble(
    name: str,
    labels: NDArray[np.int64] | None,
    lengths: NDArray[np.int64],
    traces: Mapping[str, Mapping[str, NDArray[Any]]],
    agreement: Mapping[str, Any],
    layers: Sequence[Mapping[str, Any]],
    warnings: Sequence[str],
    notes: Sequence[str],
    versions: Mapping[str, str],
    seconds: Mapping[str, float],
) -> Report:
    """The content of report.json.

    Args:
        labels: (N,) classes, or None.
        lengths: (N,) timesteps used of each sequence.
        traces: stage → arrays of its trace.npz.
        agreement: see interface; of float, reference and csim.
        layers: name, type, reuse_factor, precision, parameters, multipliers and warnings of each; `automatic`, the
            reasons for types taken from values; `parameters_error`, what rounding took from each parameter.
        warnings: of the network as a whole; those of its layers follow them.
        notes: remarks on the network as a whole.
    """
    of_layers = [f"{layer['name']}: {text}" for layer in layers for text in layer["warnings"]]
    return {
        "name": name,
        "sequences": len(lengths),
        "timesteps": int(lengths.sum()),
        "empty": int(np.count_nonzero(lengths == 0)),
        "accuracy": {stage: _accuracy(traces[stage].get("decision"), labels, lengths > 0) for stage in STAGES},
        "agreement": dict(agreement),
        "layers": [dict(layer) for layer in layers],
        "warnings": [*warnings, *of_layers],
        "notes": list(notes),
        "versions": dict(versions),
        "seconds": {stage: round(value, 3) for stage, value in seconds.items()},
    }


def _accuracy(
    decision: NDArray[Any] | None, labels: NDArray[np.int64] | None, decided: NDArray[np.bool_]
) -> float | None:
    """Of the sequences of which there is a decision."""
    if decision is None or labels is None:
        return None
    # a logit is the second class's lead over the first
    classes = decision > 0 if decision.dtype.kind == "f" else decision
    return float(np.mean((classes == labels)[decided]))


def terminal_table(report: Report) -> str:
    """A page for the terminal: accuracy, agreement, one line per layer, warnings, seconds."""
    accuracy, agreed = report["accuracy"], report["agreement"]
    lines = [
        f"{report['name']}: {_played(report)}",
        "  accuracy   " + "   ".join(f"{stage} {_percent(accuracy[stage])}" for stage in STAGES),
        f"  agreement  decisions {_percent(agreed['decisions_float_reference'])}{_logits(agreed)}, spikes "
        f"{_percent(agreed['spikes_float_reference'])} (float = reference); "
        f"{agreed['mismatches_reference_csim']} values differ (reference = csim)",
    ]
    if agreed["first_divergence"]:
        lines.append(f"  first part {_divergence(agreed['first_divergence'])}")
    lines += ["", *("  " + line for line in _columns(_layer_rows(report)))]
    told = [f"warning: {text}" for text in report["warnings"]] + [f"note: {text}" for text in report["notes"]]
    if told:
        rest = [f"{len(told) - _SHOWN} more in report.md"] if len(told) > _SHOWN else []
        lines += ["", *(f"  {text}" for text in told[:_SHOWN] + rest)]
    lines += ["", "  seconds    " + ", ".join(f"{stage} {value:g}" for stage, value in report["seconds"].items())]
    return "\n".join(lines)


def _played(report: Report) -> str:
    empty = f", {report['empty']} of them empty, without decision" if report["empty"] else ""
    return f"{report['sequences']} sequences{empty}, {report['timesteps']} timesteps"


def markdown(report: Report, pictures: Mapping[str, str] | None = None) -> str:
    """The same as a document.

    Args:
        pictures: title → file, relative to the document.
    """
    accuracy, agreed = report["accuracy"], report["agreement"]
    header, *rows = _layer_rows(report)
    lines = [
        f"# {report['name']}",
        "",
        f"{_played(report)}.",
        "",
        "| | float | reference | csim |",
        "|---|---|---|---|",
        "| accuracy | " + " | ".join(_percent(accuracy[stage]) for stage in STAGES) + " |",
        "",
        f"- Decisions equal, float and reference: {_percent(agreed['decisions_float_reference'])}{_logits(agreed)}",
        f"- Spikes equal, float and reference: {_percent(agreed['spikes_float_reference'])}",
        f"- Values that differ, reference and csim: {agreed['mismatches_reference_csim']}",
    ]
    if agreed["first_divergence"]:
        lines.append(f"- First divergence of float and reference: {_divergence(agreed['first_divergence'])}")
    lines += ["", "## Layers", "", _row(header), "|" + "---|" * len(header), *(_row(row) for row in rows)]
    if report["warnings"]:
        lines += ["", "## Warnings", "", *(f"- {text}" for text in report["warnings"])]
    if report["notes"]:
        lines += ["", "## Notes", "", *(f"- {text}" for text in report["notes"])]
    header, *rows = _parameter_rows(report)
    if rows:
        lines += ["", "## Parameters", "", *_LEGEND, "", _row(header), "|" + "---|" * len(header), *map(_row, rows)]
    reasons = [
        f"- {layer['name']}: {key} is {layer['precision'][key]}: {text}"
        for layer in report["layers"] for key, text in layer["automatic"].items()
    ]
    if reasons:
        lines += ["", "## Types taken from values", "", *reasons]
    for title, file in (pictures or {}).items():
        lines += ["", f"## {title}", "", f"![{title}]({file})"]
    lines += ["", "## Seconds", "", "| stage | s |", "|---|---|"]
    lines += [f"| {stage} | {value:g} |" for stage, value in report["seconds"].items()]
    lines += ["", "## Versions", "", *(f"- {package} {version}" for package, version in report["versions"].items())]
    return "\n".join(lines) + "\n"


def _layer_rows(report: Report) -> list[list[str]]:
    rows = [["layer", "type", "RF", "parameters", "multipliers", "precision"]]
    for layer in report["layers"]:
        precision = ", ".join(f"{key} {kind}" for key, kind in layer["precision"].items())
        reuse = "-" if layer["reuse_factor"] is None else str(layer["reuse_factor"])
        rows.append(
            [layer["name"], layer["type"], reuse, str(layer["parameters"]), str(layer["multipliers"]), precision]
        )
    return rows


def _parameter_rows(report: Report) -> list[list[str]]:
    rows = [["layer", "parameter", "type", "values", "RMS", "largest", "leak", "saturated", "to zero"]]
    for layer in report["layers"]:
        for key, error in layer["parameters_error"].items():
            shares = (_error(error[kind]) for kind in ("rms", "value", "leak"))
            counts = (str(error[kind]) for kind in ("saturated", "vanished"))
            rows.append([layer["name"], key, layer["precision"][key], str(error["values"]), *shares, *counts])
    return rows


def _error(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.3g} %"


def _columns(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _logits(agreed: Mapping[str, Any]) -> str:
    if agreed["logits_float_reference"] is None:
        return ""
    return (
        f" by class, the sign of the logit, and {_percent(agreed['logits_float_reference'])} by value, which differs "
        f"by at most {agreed['largest_logit_error']:g}"
    )


def _divergence(place: Mapping[str, Any]) -> str:
    return (
        f"layer {place['layer']}, sequence {place['sequence']}, timestep {place['timestep']}, "
        f"neuron {place['neuron']}: {place['cause']}"
    )


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f} %"
