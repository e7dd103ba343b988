"""The keys of a composed configuration: texts, everywhere."""

from __future__ import annotations

import re
from typing import Any

from hlspike.generators.errors import ConfigError
from hlspike.tasks.configuration.reading.loader import Key

_USERS = (("model", "kwargs"), ("model", "train_kwargs"), ("data", "kwargs"))
"""Maps that a user's code gets: there a key that is read as another value than it seems must not pass."""
_UNWRITABLE = re.compile("[\0\ud800-\udfff]")
"""No path and no file of text can hold them."""


def plain(config: Any, path: tuple[str, ...] = ()) -> Any:
    """`config` with its keys as they were written.

    Raises:
        ConfigError: a key is no text, or, where the user's code gets it, would be one only here.
    """
    if isinstance(config, str):
        bad = _UNWRITABLE.search(config)
        if bad:
            raise ConfigError(f"{'.'.join(path)}: holds the character U+{ord(bad[0]):04X}; remove it")
        return config
    if isinstance(config, list):
        return [plain(item, (*path, str(place))) for place, item in enumerate(config)]
    if not isinstance(config, dict):
        return config
    found = {}
    for key, value in config.items():
        text = _text(key, path)
        found[text] = plain(value, (*path, text))
    return found


def _text(key: Any, path: tuple[str, ...]) -> str:
    if isinstance(key, Key) and path[:2] in _USERS:
        kind = _kind(key.meaning)
        raise ConfigError(f"{'.'.join(path)}: the key {key or repr('')} is {kind} in YAML, not a text; write '{key}'")
    if isinstance(key, str):
        return str(key)
    if isinstance(key, int) and not isinstance(key, bool) and path[:2] not in _USERS:
        return str(key)
    raise ConfigError(f"{'.'.join(path)}: the key {_shown(key)} is {_kind(key)}, not a text; write it in quotes")


def _kind(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return f"the truth value {_shown(value)}"
        case int() | float():
            return "a number"
        case _:
            return f"a {type(value).__name__}"


def _shown(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
