"""The results of builds on disk: reports read from their folders, tables written beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tasks import files


def write_csv(path: Path, rows: Sequence[dict[str, str | int | float | None]]) -> bool:
    """Write rows of `generators.results` unless the file holds them; returns whether it was written."""
    from generators.results import csv_text

    return files.write(path, csv_text(rows))
