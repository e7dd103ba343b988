"""What stands in a file and still decides nothing: notes of a configuration that was composed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from hlspike.tasks.configuration.reading.parts import Part

_SHOWN = 6
"""Keys that one note names."""
_HEEDED = re.compile(r"hydra\.(searchpath|sweeper\.params\b.*|job\.name|job\.config\b.*)")
"""Settings of Hydra that a composition, or a build, has use for."""
_USUAL = {"hydra/launcher": "basic", "hydra/sweeper": "basic", "hydra/hydra_logging": "default",
          "hydra/job_logging": "default", "hydra/output": "default", "hydra/env": "default", "hydra/help": "default",
          "hydra/hydra_help": "default"}
_HARMLESS = {"hydra.run.dir": ".", "hydra.output_subdir": None}
"""As the shipped configuration has them, for those who copy it."""


def lost(parts: Sequence[Part], asked: Set[str]) -> Iterator[str]:
    """A note for each own file whose values lose to files that its own defaults list names after `_self_`.

    Args:
        asked: groups and keys that the command line names; an experiment that is asked for is meant to win, and so is
            a value.
    """
    written = [dict(part.leaves()) for part in parts]
    for place, part in enumerate(parts):
        if part.shipped:
            continue
        found = []
        for key, value in written[place].items():
            if any(f"{key}.".startswith(f"{one}.") for one in asked):
                continue
            for later in range(len(parts) - 1, place, -1):
                other = parts[later]
                if part.path in other.above and key in written[later]:
                    meant = not other.package and other.path.rpartition("/")[0] in asked
                    if not meant and not key.startswith("hydra.") and value not in (None, {}, written[later][key]):
                        found.append(f"{key} is {_told(written[later][key])} of {other.path} and not {_told(value)}")
                    break
        if found:
            more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            yield (
                f"{_name(part)}: its defaults have _self_ before what wins over it: {', '.join(found[:_SHOWN])}{more}; "
                "put _self_ last to let the file win"
            )


def idle(parts: Sequence[Part], chosen: Mapping[str, str]) -> Iterator[str]:
    """A note for the settings of Hydra in own files that no build heeds.

    Args:
        chosen: group → choice, Hydra's own among them.
    """
    for part in parts:
        settings = ((key, value) for key, value in part.leaves() if key.startswith("hydra."))
        keys = [key for key, value in settings if not _HEEDED.fullmatch(key) and value != _HARMLESS.get(key, ...)]
        if keys and not part.shipped:
            yield f"{_name(part)}: {', '.join(keys)}: {_REASON}"
    unusual = [f"{group} {chosen[group]}" for group, usual in _USUAL.items() if chosen.get(group, usual) != usual]
    if unusual:
        yield f"{', '.join(unusual)}, chosen in a file: {_REASON}"


_REASON = "no effect, a build is not run by Hydra; python -m hlspike.tasks.sweep -m is"


def _name(part: Part) -> str:
    path = part.folder / f"{part.path}.yaml"
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _told(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
