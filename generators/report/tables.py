"""Results: the reports of many variants as one table, selected, sorted, and with the best trade-offs marked.

In come reports as in report.json, one per variant; out come rows, plain dictionaries of column → number, text or None,
and their texts: CSV with every digit, and a table for the terminal.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from hlspike.generators.errors import ConfigError

Value = str | int | float | None
Row = dict[str, Value]

FRACTIONS = ("accuracy_float", "accuracy_reference", "accuracy_csim", "decisions_equal", "logits_equal",
             "spikes_equal")
"""Columns between 0 and 1, of which more is better; of every other number, less is."""
_COSTS = ("weight_bits", "state_bits", "multipliers")
_CONDITION = re.compile(r"\s*([^\s<>=!:]+)\s*(>=|<=|!=|==|=|:|>|<)\s*(.*?)\s*")
_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    ">=": lambda a, b: a >= b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, "<": lambda a, b: a < b,
}


def rows(reports: Iterable[tuple[Sequence[str], Mapping[str, Any] | str | None]]) -> list[Row]:
    """One row per variant.

    Args:
        reports: the overrides that tell a variant from the others, and its report. In place of a report its status,
            or None if it failed. A report may carry `reused`, the number of steps that were taken from the cache.
    Returns:
        All rows with the same columns in the same order: the name, a column per override, `status` (ok, differs,
        failed), what agrees, what it costs, and Vitis's figures if one of them has some. None where there is nothing.
    """
    pairs = [(_overridden(overrides), _measured(report)) for overrides, report in reports]
    found = [overridden | measured for overridden, measured in pairs]
    keys = list(dict.fromkeys(key for overridden, _ in pairs for key in overridden))
    rest = list(dict.fromkeys(key for row in found for key in row if key not in ("name", *keys, "seconds", "reused")))
    columns = ["name", *keys, *rest, "seconds", "reused"]
    return [{column: row.get(column) for column in columns} for row in found]


def _overridden(overrides: Sequence[str]) -> Row:
    pairs = (override.lstrip("+").partition("=") for override in overrides)
    return {key: value.strip("'\"") for key, _, value in pairs}


def _measured(report: Mapping[str, Any] | str | None) -> Row:
    status = report if isinstance(report, str) else "failed"
    if not isinstance(report, Mapping):
        report = {}
    else:
        status = "differs" if report["agreement"]["mismatches_reference_csim"] else "ok"
    accuracy, agreed = report.get("accuracy", {}), report.get("agreement", {})
    estimate = report.get("estimate") or {}
    seconds = report.get("seconds")
    logits = agreed.get("logits_float_reference")
    row: Row = {
        "name": report["name"].partition(" ")[0] if report else None,
        "status": status,
        **{f"accuracy_{stage}": accuracy.get(stage) for stage in ("float", "reference", "csim")},
        "decisions_equal": agreed.get("decisions_float_reference"),
        **({} if logits is None else {"logits_equal": logits}),
        "spikes_equal": agreed.get("spikes_float_reference"),
        "timesteps": report.get("timesteps"),
        **{cost: estimate.get(cost) for cost in _COSTS},
        "cycles": estimate.get("latency"),
        "interval": estimate.get("interval"),
        "fits": {True: "yes", False: "no"}.get(estimate.get("fits", "")),
    }
    row |= _synthesised(report.get("vitis") or {})
    return row | {
        "seconds": round(sum(seconds.values()), 3) if seconds is not None else None, "reused": report.get("reused")
    }


def _synthesised(vitis: Mapping[str, Any]) -> Row:
    figures = {key: vitis.get(key) for key in ("latency_cycles", "interval", "clock_ns") if key in vitis}
    figures |= {key.lower(): resource["used"] for key, resource in (vitis.get("resources") or {}).items()}
    return {f"vitis_{key}": value for key, value in figures.items()}


def csv_text(found: Sequence[Row]) -> str:
    """CSV with a header, numbers in full; an empty field for None. No rows give no text."""
    if not found:
        return ""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(found[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    return buffer.getvalue()


def selected(found: Sequence[Row], conditions: Iterable[str]) -> list[Row]:
    """The rows that meet all conditions: `accuracy_csim>0.9`, `weight_bits<=4000`, `precision=w4`, `status!=failed`.

    A row without the value meets only `!=`. `:` is another spelling of `=`.

    Raises:
        ConfigError: no condition, no such column, or an order asked of what is no number.
    """
    kept = list(found)
    for condition in conditions:
        match = _CONDITION.fullmatch(condition)
        if match is None:
            raise ConfigError(f"results: {condition!r} is no condition; write column>value, with one of < > <= >= = !=")
        column, sign, text = match.groups()
        known(found, column)
        kept = [row for row in kept if _meets(row[column], sign, text, condition)]
    return kept


def _meets(value: Value, sign: str, text: str, condition: str) -> bool:
    wanted = _number(text)
    if sign in _ORDERED:
        if wanted is None:
            raise ConfigError(f"results: {condition!r} compares with {text!r}, which is no number; use = or !=")
        number = _number(value)
        return number is not None and _ORDERED[sign](number, wanted)
    number = _number(value)
    equal = number == wanted if number is not None and wanted is not None else str(value) == text
    return equal != (sign == "!=")


def ordered(found: Sequence[Row], by: str) -> list[Row]:
    """The rows sorted by a column, downwards if it is written `-column`; rows without the value come last.

    Raises:
        ConfigError: no such column.
    """
    column = by.removeprefix("-")
    known(found, column)
    present = [row for row in found if row[column] is not None]
    numbers = all(_number(row[column]) is not None for row in present)

    def rank(row: Row) -> Any:
        return _number(row[column]) if numbers else str(row[column])

    present.sort(key=rank, reverse=by.startswith("-"))
    return present + [row for row in found if row[column] is None]


def known(found: Sequence[Row], column: str) -> None:
    """Refuse a column that the table has not got.

    Raises:
        ConfigError: names the nearest columns.
    """
    if found and column not in found[0]:
        close = get_close_matches(column, found[0], 1)
        hint = f"did you mean '{close[0]}'" if close else f"columns are {', '.join(found[0])}"
        raise ConfigError(f"results: there is no column '{column}'; {hint}")


def countable(found: Sequence[Row], column: str) -> None:
    """Refuse a column that the table has not got, or that holds no numbers.

    Raises:
        ConfigError
    """
    known(found, column)
    text = next((row[column] for row in found if row[column] is not None and _number(row[column]) is None), None)
    if text is not None:
        raise ConfigError(f"results: column '{column}' holds no numbers, found {text!r}; name one that does")


def pareto(found: Sequence[Row], x: str, y: str) -> set[int]:
    """Places of the rows that no other row beats: as good in both columns, and better in one.

    More is better in `FRACTIONS`, less in any other column. Rows without one of the values take no part; equal rows
    stand together.

    Raises:
        ConfigError: no such column.
    """
    known(found, x)
    known(found, y)
    points = {}
    for place, row in enumerate(found):
        across, up = _number(row[x]), _number(row[y])
        if across is not None and up is not None:
            points[place] = (-across if x in FRACTIONS else across, -up if y in FRACTIONS else up)
    return {
        place
        for place, (a, b) in points.items()
        if not any((c <= a and d <= b) and (c, d) != (a, b) for c, d in points.values())
    }


def table(found: Sequence[Row], columns: Sequence[str] | None = None, marked: Collection[int] = ()) -> str:
    """A table for the terminal; rows whose place is in `marked` carry a star.

    Args:
        columns: which, in this order; None for all that hold something, the name only if rows differ in it.
    Raises:
        ConfigError: no such column.
    """
    if not found:
        return "no results"
    for column in columns or ():
        known(found, column)
    if columns is None:
        columns = [column for column in found[0] if any(row[column] is not None for row in found)]
        if len({row["name"] for row in found if row["name"] is not None}) < 2:
            columns = [column for column in columns if column != "name"]
    cells = [list(columns), *([_shown(column, row[column]) for column in columns] for row in found)]
    widths = [max(len(line[k]) for line in cells) for k in range(len(columns))]
    right = [any(isinstance(row[column], int | float) for row in found) for column in columns]
    lines = []
    for place, line in enumerate(cells, -1):
        padded = (
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        )
        star = ("* " if place in marked else "  ") if marked else ""
        lines.append((star + "  ".join(padded)).rstrip())
    return "\n".join(lines)


def _shown(column: str, value: Value) -> str:
    if value is None:
        return "-"
    if column in FRACTIONS and isinstance(value, int | float):
        return f"{100 * value:.2f} %"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _number(value: Value) -> float | None:
    if value is None:
        return None
    try:
        return float(value)
    except ValueError:
        return None
