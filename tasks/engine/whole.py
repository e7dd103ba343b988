"""Variants that stand as a whole: no step of them would run, so that none of their tasks need be made to find that out.

Making the tasks of a variant takes several times what looking at its files does. So what a build has found of all its
steps is kept as one: their tasks follow from the configuration, our own sources and little else, which has to be the
same; and every file and other input that a step has made, read or found has to be as it was.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any

from hlspike.tasks.configuration import declared
from hlspike.tasks.configuration.variants import Variant
from hlspike.tasks.engine import record, sources, states
from hlspike.tasks.layout import PACKAGE
from hlspike.tasks.system import files

_FOLDERS = ("generators", "tasks", "hls_src")
_found: dict[str, Mapping[str, Any]] = {}
"""Those that stand in this build, folder → what is kept of them."""
_seen: dict[str, states.State] = {}
"""What this build has found as it was, while it looked; variants share inputs."""


def pending(variants: Sequence[Variant]) -> list[Variant]:
    """Those that do not stand as a whole."""
    for variant in variants:
        kept = record.whole(_name(variant))
        if _is(kept, variant):
            _found[_name(variant)] = kept
            record.agreement.stands(partial(_contents, kept))
    return [variant for variant in variants if _name(variant) not in _found]


def steps() -> dict[str, float]:
    """Label → seconds that it took, of every step of what stands."""
    return {label: seconds for kept in _found.values() for label, seconds in kept["steps"].items()}


def keep(variants: Sequence[Variant], done: Collection[str]) -> None:
    """Keep what a build has found that is complete.

    Args:
        done: labels of the steps that it needed; each has succeeded, or stands.
    """
    made = {}
    for variant in variants:
        if _name(variant) in _found:
            continue
        shared = f"headers:{variant.tool.identity}"
        own = [label for label in done if label == shared or record.whole_of(label) == _name(variant)]
        rows = {label: record.row(label) for label in own}
        known = _states(rows.values()) if all(rows.values()) else None
        if known is not None:
            seconds = {label: row["_values_:"]["seconds"] for label, row in rows.items()}
            made[_name(variant)] = {"key": _key(variant), "steps": seconds, "states": known}
    record.keep_wholes(made)


def _name(variant: Variant) -> str:
    return str(variant.layout.root)


def _is(kept: Mapping[str, Any], variant: Variant) -> bool:
    """Whether `kept` is what a build of `variant` would find now."""
    try:
        if kept["key"] != _key(variant):
            return False
        for name, state in kept["states"]:
            if _seen.get(name) == state:
                continue
            if not states.unchanged(name, state):
                return False
            _seen[name] = state
        return bool(kept["steps"]) and all(isinstance(seconds, int | float) for seconds in kept["steps"].values())
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        # a row that says nothing
        return False


def _key(variant: Variant) -> str:
    """Of all that the tasks of `variant` follow from, but for the files that are their inputs and outputs."""
    said = [variant.config[key] for key in ("model", "data")]
    rests = (
        _ours(), variant.label, variant.overrides, variant.swept, variant.config, variant.versions, variant.notes,
        variant.tool.compiler, variant.tool.content, variant.tool.local, variant.tool.identity,
        [[name, os.environ.get(name)] for part in said for name in part["env"]],
        [str(path) for part in said for pattern in part["inputs"] for path in declared.matching(pattern)],
    )
    return files.digest(json.dumps(rests).encode())


@cache
def _ours() -> str:
    """Tells our own sources from any others."""
    found = [
        (path, files.signature(path))
        for name in _FOLDERS for folder, _, names in os.walk(PACKAGE / name)
        for path in (os.path.join(folder, name) for name in names if name.endswith(sources.SUFFIXES))
    ]
    return files.digest(json.dumps(sorted(found)).encode())


def _states(rows: Collection[Mapping[str, Any]]) -> list[tuple[str, states.State]] | None:
    """All that steps have made, read and found; None if something of it is no more as a step had it."""
    known: dict[tuple[str, str], states.State] = {}
    for row in rows:
        for name, state in (*row["_values_:"]["files"].items(), *((dep, row[dep]) for dep in row["deps:"])):
            content = states.content(state)
            if (name, content) in known:
                continue
            # where only its signature has moved, it is not to be read again by every build
            now = states.now(name, state)
            if now is None:
                return None
            known[name, content] = now
    return [(name, state) for (name, _), state in known.items()]


def _contents(kept: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    return ((name, states.content(state)) for name, state in kept["states"])
