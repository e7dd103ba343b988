"""The results of builds on disk: reports read from their folders, tables of them written and shown."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hlspike.generators.errors import ConfigError
from hlspike.tasks.layout import BUILD, Layout
from hlspike.tasks.system import files

if TYPE_CHECKING:
    from hlspike.tasks.configuration.variants import Variant

Rows = Sequence[dict[str, str | int | float | None]]
_AXES = "weight_bits", "accuracy_csim"
"""What the front is of, if nothing else is asked for."""

_NO_MATTER = "report", "cache"
"""Keys that change no result."""


def write_csv(path: Path, rows: Rows) -> bool:
    """Write rows of `generators.results` unless the file holds them; returns whether it was written."""
    from hlspike.generators.report.tables import csv_text

    return files.write(path, csv_text(rows))


def swept(variants: Sequence[Variant], failed: Collection[str]) -> str:
    """The table of a sweep that has just been built, which is also kept as build/<name>/sweep.csv.

    Args:
        failed: labels of the variants whose report, if there is one, is not of this build.
    """
    from hlspike.generators.report import tables

    reports = [(variant, None if variant.label in failed else report(variant.layout)) for variant in variants]
    for name in dict.fromkeys(variant.config["name"] for variant in variants):
        own = [(variant.swept, found) for variant, found in reports if variant.config["name"] == name]
        write_csv(BUILD / name / "sweep.csv", tables.rows(own))
    rows = tables.rows((variant.swept, found) for variant, found in reports)
    return tables.table(rows, marked=_front(rows, *_AXES))


def report(layout: Layout) -> dict[str, Any] | None:
    """report.json; None if there is none."""
    try:
        found: dict[str, Any] = files.read_json(layout.report)
    except (OSError, ValueError):
        return None
    return found


def _front(rows: Rows, x: str, y: str) -> set[int]:
    from hlspike.generators.report.tables import pareto

    return pareto(rows, x, y) if len(rows) > 1 else set()


def shown(
    words: list[str], variants: Sequence[Variant] | None, sort: str, columns: str, pareto: str, picture: str
) -> str:
    """The answer to `doit results`: a table, with the front marked, and drawn if it was asked for.

    Args:
        words: conditions, as in `generators.results.selected`.
        variants: whose results; None for all below build/.
        sort, columns, pareto, picture: as on the command line, "" if not given.
    Raises:
        ConfigError: no such column, or no condition.
    """
    from hlspike.generators.report import tables
    from hlspike.generators.report.scatter import scatter

    rows = tables.rows(_everywhere() if variants is None else map(_current, variants))
    rows = tables.selected(rows, words)
    rows = tables.ordered(rows, sort) if sort else rows
    x, y = _axes(pareto)
    for column in (x, y):
        tables.countable(rows, column)
    front = _front(rows, x, y)
    text = tables.table(rows, columns.split(",") if columns else None, front)
    if pareto:
        places = [place for place, row in enumerate(rows) if row[x] is not None and row[y] is not None]
        points = [(float(rows[place][x] or 0), float(rows[place][y] or 0)) for place in places]
        text += f"\n\n{scatter(points, {n for n, place in enumerate(places) if place in front}, x, y)}"
    if picture:
        from hlspike.tasks.results import pictures

        pictures.front(rows, front, x, y, Path(picture))
        text += f"\n\n{picture}"
    return text


def _axes(pareto: str) -> tuple[str, str]:
    if not pareto:
        return _AXES
    names = [name.strip() for name in pareto.split(",")]
    if len(names) != 2:
        raise ConfigError(f"results: --pareto={pareto} names {len(names)} columns; give two, separated by a comma")
    return names[0], names[1]


def _everywhere() -> list[tuple[list[str], dict[str, Any]]]:
    """(swept overrides, report) of all variants that were ever built here, by name."""
    places = sorted([*BUILD.glob("*/report.json"), *BUILD.glob("*/*/report.json")])
    found = [report(Layout(place.parent)) for place in places]
    return [(item["swept"], item) for item in found if item is not None]


def _current(variant: Variant) -> tuple[list[str], dict[str, Any] | str]:
    """The report of a variant, unless it is of another configuration that had the same name."""
    found = report(variant.layout)
    if found is None:
        return variant.swept, "not built"
    try:
        built = files.read_json(variant.layout.manifest)["config"]
        same = all(built[key] == value for key, value in variant.config.items() if key not in _NO_MATTER)
    except (OSError, ValueError, KeyError, TypeError):
        same = False
    return variant.swept, found if same else "outdated"
