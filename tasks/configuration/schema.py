"""The JSON Schema of a configuration, for the completion and the checks of an editor.

Made from `tasks.settings`; what a key means is told by its comment in the shipped config.yaml or target/default.yaml.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from hlspike.generators.errors import ConfigError
from hlspike.tasks.configuration import variants
from hlspike.tasks.configuration.settings import Settings
from hlspike.tasks.layout import CONF
from hlspike.tasks.system import files

_WRITTEN = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z_]\w*):(?: +[^#\s][^#]*?)?(?: +# (?P<comment>.*))?$")
_RESOLVED_LATER: dict[str, Any] = {"type": "string", "pattern": r"\$\{|^\?\?\?$"}
"""An interpolation, or `???` for a value that another file has to give."""


def write(words: list[str]) -> str:
    """Write schema.json beside the config.yaml in use.

    Raises:
        ConfigError: there are words, which it takes none of.
    """
    if words:
        raise ConfigError(f"schema: {words[0]!r} is not understood; it takes no words")
    place = variants.folder() / "schema.json"
    files.write(place, schema_text())
    return f"{place}: name it on the first line of config.yaml: # yaml-language-server: $schema=schema.json"


def schema_text() -> str:
    """The schema of config.yaml, of experiments, and of any file with `# @package _global_`."""
    told = comments((CONF / "config.yaml").read_text(encoding="utf-8"))
    target = comments((CONF / "target" / "default.yaml").read_text(encoding="utf-8"))
    told |= {f"target.{key}": comment for key, comment in target.items()}
    schema = Settings.model_json_schema()
    parts = schema.pop("$defs")
    every = {"": schema, **parts}
    for part in every.values():
        _loosen(part)
    _describe(schema, parts, told)
    schema["properties"] |= {"defaults": {"type": "array", "description": "Files to compose, a later one over those "
                                          "before it."}, "hydra": {"type": "object"}}
    made = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "$defs": parts}
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def comments(config: str) -> dict[str, str]:
    """Dotted key → comment behind it."""
    found: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in config.splitlines():
        match = _WRITTEN.match(line)
        if match is None:
            continue
        indent = len(match["indent"])
        above = [(depth, key) for depth, key in above if depth < indent] + [(indent, match["key"])]
        if match["comment"]:
            found[".".join(key for _, key in above)] = match["comment"]
    return found


def _loosen(part: dict[str, Any]) -> None:
    """A file need not hold every key, and any value may be an interpolation."""
    part.pop("required", None)
    for key, kind in part.get("properties", {}).items():
        plain = {name: value for name, value in kind.items() if name not in ("default", "title")}
        part["properties"][key] = {"anyOf": [plain, _RESOLVED_LATER]}
        if kind.get("default") is not None and not isinstance(kind["default"], dict):
            part["properties"][key]["default"] = kind["default"]


def _describe(part: Mapping[str, Any], parts: Mapping[str, Any], told: Mapping[str, str], path: str = "") -> None:
    for key, kind in part["properties"].items():
        where = f"{path}{key}"
        if where in told:
            kind["description"] = told[where]
        reference = kind["anyOf"][0].get("$ref", "")
        if reference:
            _describe(parts[reference.rpartition("/")[2]], parts, told, f"{where}.")
