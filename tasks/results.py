"""The results of builds on disk: reports read from their folders, tables of them written and shown."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks import files, notes
from tasks.layout import BUILD, Layout

if TYPE_CHECKING:
    from tasks.variants import Variant

Rows = Sequence[dict[str, str | int | float | None]]
_AXES = "weight_bits", "accuracy_csim"
"""What the front is of, if nothing else is asked for."""


def write_csv(path: Path, rows: Rows) -> bool:
    """Write rows of `generators.results` unless the file holds them; returns whether it was written."""
    from generators.results import csv_text

    return files.write(path, csv_text(rows))


def swept(variants: Sequence[Variant], failed: Collection[str]) -> str:
    """The table of a sweep that has just been built, which is also kept as build/<name>/sweep.csv.

    Args:
        failed: labels of the variants whose report, if there is one, is not of this build.
    """
    from generators import results

    reports = [(variant, None if variant.label in failed else report(variant.layout)) for variant in variants]
    for name in dict.fromkeys(variant.config["name"] for variant in variants):
        own = [(variant.swept, found) for variant, found in reports if variant.config["name"] == name]
        write_csv(BUILD / name / "sweep.csv", results.rows(own))
    rows = results.rows((variant.swept, found) for variant, found in reports)
    return results.table(rows, marked=_front(rows, *_AXES))


def report(layout: Layout) -> dict[str, Any] | None:
    """report.json, and how many of the steps behind it were taken from the cache; None if there is none."""
    try:
        found: dict[str, Any] = files.read_json(layout.report)
    except (OSError, ValueError):
        return None
    return {**found, "reused": sum(known["reused"] for known in notes.read(layout.notes).values())}


def _front(rows: Rows, x: str, y: str) -> set[int]:
    from generators.results import pareto

    return pareto(rows, x, y) if len(rows) > 1 else set()
