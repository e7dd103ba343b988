"""Code of the user's must not get arguments that were written for an example: what is given with another source than a
shipped choice has is the user's, or is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hlspike.generators.errors import ConfigError
from hlspike.tasks.layout import CONF

_WITH_SOURCE = {"model": ("kwargs", "train", "checkpoint"), "data": ("kwargs",)}
"""Group → keys that were written for its source."""


def check(job: Sequence[str], config: Mapping[str, Any], choices: Mapping[str, str], searched: Sequence[Path]) -> None:
    """Refuse a source of the command line that a shipped choice of the same group would give its own arguments.

    Args:
        job: overrides.
        config: what they compose to.
        choices: group → choice.
        searched: folders of configurations, the user's first.
    Raises:
        ConfigError: one line with the keys and the remedy.
    """
    given = {override.partition("=")[0].lstrip("+~") for override in job}
    for group, keys in _WITH_SOURCE.items():
        choice = choices.get(group)
        if f"{group}.source" not in given or choice is None or not _is_shipped(group, choice, searched):
            continue
        found = [key for key in _dotted(group, config[group], keys) if not _is_given(key, given)]
        if found:
            raise ConfigError(
                f"{group}.source: is given, but {', '.join(found)} would be those of {group}={choice}; add "
                f"{group}=own, or give them, too"
            )


def _dotted(group: str, config: Mapping[str, Any], keys: Sequence[str]) -> Iterator[str]:
    for key in keys:
        value = config[key]
        if isinstance(value, Mapping):
            yield from (f"{group}.{key}.{name}" for name in value)
        elif value is not None:
            yield f"{group}.{key}"


def _is_given(key: str, given: set[str]) -> bool:
    parts = key.split(".")
    return any(".".join(parts[:count]) in given for count in range(2, len(parts) + 1))


def _is_shipped(group: str, choice: str, searched: Sequence[Path]) -> bool:
    """Whether the choice is one of ours, and not the user's file of that name."""
    first = next((folder for folder in searched if (folder / group / f"{choice}.yaml").is_file()), None)
    return first is not None and first.resolve() == CONF
