"""Fields of a report: a text, a number, or unknown."""

from __future__ import annotations

import math
from xml.etree.ElementTree import Element

from hlspike.generators.errors import ToolError

UNKNOWN = {"", "-", "?", "na", "n/a", "none", "undef", "unknown", "inf", "-inf", "nan"}
AGAIN = "delete it and run the stage again"


def text_of(parent: Element | None, path: str) -> str | None:
    text = None if parent is None else parent.findtext(path)
    return None if text is None or text.strip().lower() in UNKNOWN else text.strip()


def number(text: str, name: str, place: str) -> int | float | None:
    if text.strip().lower() in UNKNOWN:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ToolError(f"{name}: {place} must be a number or undef, found {text.strip()!r}; {AGAIN}")
    return int(value) if value.is_integer() else value


def difference(left: float | None, right: float | None) -> float | None:
    """To the picosecond that reports are written in; binary fractions would make 10 − 2.7 − 7.3 negative."""
    return None if left is None or right is None else round(left - right, 3)


def item(root: Element, name: str) -> str | None:
    found = next((item for item in root.findall("GeneralInfo/item") if item.get("NAME") == name), None)
    return None if found is None else found.get("VALUE")
