"""The results of builds on disk: reports read from their folders, tables written beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks import files

if TYPE_CHECKING:
    from tasks.console import Tally
    from tasks.variants import Variant


def write_csv(path: Path, rows: Sequence[dict[str, str | int | float | None]]) -> bool:
    """Write rows of `generators.results` unless the file holds them; returns whether it was written."""
    from generators.results import csv_text

    return files.write(path, csv_text(rows))


def swept(variants: Sequence[Variant], tally: Tally) -> str:
    """The table of a sweep that has just been built, which is also kept as sweep.csv in the folder of its variants."""
    from generators import results

    found = results.rows((variant.swept, _report(variant, tally)) for variant in variants)
    write_csv(variants[0].layout.root.parent / "sweep.csv", found)
    return results.table(found)


def _report(variant: Variant, tally: Tally) -> dict[str, Any] | None:
    """The report of a variant that was built, or whose executors differ; None if it failed before that."""
    name = f"report:{variant.label}"
    if name not in tally.good | tally.bad or not variant.layout.report.is_file():
        return None
    report: dict[str, Any] = files.read_json(variant.layout.report)
    reused = sum(1 for step in tally.cached if variant.label in step.split(":"))
    return {**report, "reused": reused}
