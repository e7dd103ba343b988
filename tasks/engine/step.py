"""A step of a build: what is called, with what, and what its result rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_GIVEN = ("kwargs", "train_kwargs")
"""Keys of the configuration whose values are the arguments of the user's code."""


@dataclass(frozen=True, slots=True)
class Rests:
    """What a result rests on beside its input files, in plain JSON.

    Attributes:
        config: a slice of the configuration.
        code: our own sources, path → digest.
        versions: of packages and tools.
        local: what matters to this working directory, but is no part of the content, such as where the compiler is.
        environment: variables that the user's code reads, name → value; None for one that is not set.
    """

    config: Any = None
    code: Mapping[str, str] | None = None
    versions: Mapping[str, str] | None = None
    local: Mapping[str, str] | None = None
    environment: Mapping[str, str | None] | None = None

    @property
    def order(self) -> dict[str, list[str]]:
        """Dotted key → its keys as they are written, of each map that the user's code gets: there the order counts."""
        return dict(_orders(self.config, "", False))

    def to_json(self) -> dict[str, Any]:
        every = {
            "config": self.config, "code": self.code, "versions": self.versions, "local": self.local,
            "environment": self.environment, "order": self.order,
        }
        return {kind: value for kind, value in every.items() if value}


@dataclass(frozen=True, slots=True)
class Step:
    """A step with everything it is given.

    Attributes:
        label: name of the task.
        function: `module:function` of what to call; it returns the inputs it discovered, or None.
        root: folder of the variant; names in the cache are relative to it.
        cache: the configuration of that name; None if running costs no more than copying.
        notes: file of `tasks.notes`.
    """

    label: str
    function: str
    arguments: Mapping[str, Any]
    inputs: tuple[Path, ...]
    outputs: tuple[Path, ...]
    rests: Rests
    root: Path
    cache: Mapping[str, Any] | None
    notes: Path


def _orders(config: Any, path: str, given: bool) -> Iterator[tuple[str, list[str]]]:
    """Of the maps in `config`, as far as they are `given` to the user's code."""
    items = config.items() if isinstance(config, Mapping) else enumerate(config) if isinstance(config, list) else ()
    if given and isinstance(config, Mapping) and len(config) > 1:
        yield path, list(config)
    for key, value in items:
        if isinstance(value, Mapping | list):
            yield from _orders(value, f"{path}.{key}" if path else str(key), given or key in _GIVEN)
