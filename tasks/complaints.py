"""What Hydra and OmegaConf complain of, in one line of our own: where, rule, value found, remedy.

In come their exceptions, known by their attributes where they have any and by their text where not; this module
imports neither package.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


def one_line(error: Exception, keys: Iterable[str]) -> str:
    """The message of a ConfigError.

    Args:
        keys: groups and dotted keys that an override may name, for suggestions.
    """
    text = " ".join(line.strip() for line in str(error).splitlines() if line.strip())
    text = text.partition(" See https://hydra.cc")[0]
    override = getattr(error, "override", None)
    if override is not None:
        own = override.removeprefix("++")
        return f"{own}: cannot be parsed; close its brackets, and quote what has special characters"
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f"{mark.name}:{mark.line + 1}: is no YAML: {getattr(error, 'problem', None) or text}"
    missing = getattr(error, "missing_cfg_file", None)
    if missing is not None:
        return _no_choice(missing, getattr(error, "options", None) or ())
    for pattern, told in _TOLD:
        found = re.search(pattern, text)
        if found:
            message: str = told(found, tuple(keys))
            return message
    return f"configuration: {text}"


def _no_choice(missing: str, options: Iterable[str]) -> str:
    group, _, name = missing.rpartition("/")
    known = sorted(options)
    if not known:
        return f"{missing}: there is no such file in the configuration; correct the defaults list that names it"
    return f"{group}: there is no '{name}'{_meant(name, known)}; choices are {', '.join(known)}"


def _no_key(found: re.Match[str], keys: tuple[str, ...]) -> str:
    key = found[1]
    return f"{key}: there is no such key or group{_meant(key, keys)}; see conf/config.yaml"


def _unfit(found: re.Match[str], keys: tuple[str, ...]) -> str:
    key, _, value = found[1].lstrip("+").partition("=")
    return f"{key}: must be a map, found {value}; override one key below it, or write {key}={{name: value}}"


def _unset(found: re.Match[str], keys: tuple[str, ...]) -> str:
    name = found[1]
    return f"{found[2]}: the environment variable {name} is not set; set it, or write ${{oc.env:{name},default}}"


def _dangling(found: re.Match[str], keys: tuple[str, ...]) -> str:
    return f"{found[2]}: ${{{found[1]}}} names no key{_meant(found[1], keys)}; correct the reference"


def _unnamed(found: re.Match[str], keys: tuple[str, ...]) -> str:
    return f"{found[1]}: a value is missing; set it"


_TOLD: tuple[tuple[str, Any], ...] = (
    (r"Could not override '([^']+)'", _no_key),
    (r"Error merging override (\S+)", _unfit),
    (r"Environment variable '([^']+)' not found\" full_key: (\S+)", _unset),
    (r"Interpolation key '([^']+)' not found full_key: (\S+)", _dangling),
    (r"Missing mandatory value: \S+(?: full_key: )?(\S+)", _unnamed),
)


def _meant(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), 1)
    return f", did you mean '{close[0]}'" if close else ""
