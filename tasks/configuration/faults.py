"""What pydantic finds wrong with a configuration, in one line of our own."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

_LONGEST = 200
"""Characters of a value that are repeated."""


def told(error: ValidationError, keys: Callable[[list[str]], list[str]]) -> str:
    """The first fault: its key, the rule it breaks, what was found.

    Args:
        keys: a path of keys → the keys that the schema knows below it.
    """
    problem = error.errors(include_url=False)[0]
    parts = [str(part) for part in problem["loc"]]
    # pydantic names the member of a union it tried; that is no key of ours
    parts = [part for part in parts if not re.match(r"^(dict\[|str$|float$|int$)", part)]
    where, known = ".".join(part if part.strip() else repr(part) for part in parts), keys(parts[:-1])
    match problem["type"]:
        case "extra_forbidden":
            return f"{where}: there is no such key{_meant(parts[-1], known)}"
        case "missing":
            return f"{where}: a value is missing; set it"
    found, quotes = problem["input"], ""
    if problem["type"] == "string_type" and isinstance(found, bool | int | float) and "precision" not in parts[-2:]:
        quotes = "; write it in quotes"
    return f"{where}: {_rule(problem, parts, keys)}, found {_yaml(found)}{quotes}"


def _rule(problem: Any, parts: list[str], keys: Callable[[list[str]], list[str]]) -> str:
    if "precision" in parts[-2:] and problem["type"] in ("string_type", "dict_type"):
        return "must be a type such as ap_fixed<16,6>" + (", or a map of them" if parts[-1] == "precision" else "")
    context = problem.get("ctx", {})
    match problem["type"]:
        case "value_error":
            return str(context["error"])
        case "int_type" | "int_parsing" | "int_from_float":
            return "must be an integer"
        case "float_type" | "float_parsing":
            return "must be a number"
        case "string_type":
            return "must be a text"
        case "list_type":
            return "must be a list such as [64]"
        case "dict_type":
            return "must be a map, {} for an empty one"
        case "model_type":
            return f"must be a map with {_listed(keys(parts))}"
        case "literal_error":
            return f"must be {context['expected'].replace(chr(39), '')}"
        case "too_short":
            return f"must have at least {context['min_length']} value"
        case "greater_than":
            return f"must be greater than {context['gt']:g}"
        case "less_than":
            return f"must be less than {context['lt']}"
        case "greater_than_equal":
            return f"must be at least {context['ge']}"
        case "less_than_equal":
            return f"must be at most {context['le']:g}"
        case "finite_number":
            return "must be a finite number"
        case _:
            return str(problem["msg"][0].lower() + problem["msg"][1:])


def _meant(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, 1)
    return f", did you mean '{close[0]}'" if close else f"; keys are {', '.join(known)}"


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def _yaml(value: Any) -> str:
    """A value as its author wrote it."""
    match value:
        case None | True | False:
            return {None: "null", True: "true", False: "false"}[value]
        case _:
            shown = repr(value)
            return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST]}…"
