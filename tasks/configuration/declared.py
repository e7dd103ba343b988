"""Inputs that a configuration names by hand, in model.inputs and data.inputs, because nothing can see them read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hlspike.generators.errors import ConfigError


@cache
def matching(pattern: str) -> list[Path]:
    """The files that a pattern names, those below the folders that it names included."""
    from glob import glob

    found = [Path(path) for path in sorted(glob(os.path.expanduser(pattern), recursive=True, include_hidden=True))]
    inner = [path for folder in found if folder.is_dir() for path in sorted(folder.rglob("*"))]
    return [path for path in dict.fromkeys((*found, *inner)) if path.is_file()]


def check(config: Mapping[str, Any]) -> None:
    """Raises ConfigError if a pattern names nothing: misspelt, it would never run a step again."""
    for key in ("model", "data"):
        for pattern in config[key]["inputs"]:
            if not matching(pattern):
                raise ConfigError(
                    f"{key}.inputs: there is no file {pattern!r}; paths are relative to {Path.cwd()}"
                )
