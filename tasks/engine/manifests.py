"""The manifest of a build: everything that has to be the same for the same result, and what the result was."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hlspike.generators.errors import ToolError
from hlspike.tasks.engine import notes, states
from hlspike.tasks.layout import Layout
from hlspike.tasks.system import files, processes


def described(
    layout: Layout,
    config: Mapping[str, Any],
    overrides: Sequence[str],
    versions: Mapping[str, str],
    outputs: Sequence[Path],
    steps: Sequence[str],
) -> dict[str, Any]:
    """The content of manifest.json.

    Args:
        config: resolved.
        outputs: files of the build; their names are told relative to its folder.
        steps: labels of those of this build: what others have read, of another configuration, is no input of it.
    """
    noted = notes.read(layout.notes, steps)
    # its own note is of the manifest before
    read = {
        name: known for label, note in noted.items() if label.partition(":")[0] != "manifest"
        for name, known in note.found.items()
    }
    inputs, packages = {}, {}
    for name, known in sorted(read.items()):
        kind, path = states.parted(name)
        if kind == states.PACKAGE:
            packages[path] = known.partition(" ")[2]
        elif kind not in (states.MODULE, states.ACCESS, states.ORDER) and not Path(path).is_relative_to(layout.root):
            inputs[name] = known
    named = set(map(states.normalised, versions))
    if config["model"]["checkpoint"] is not None:
        inputs[config["model"]["checkpoint"]] = files.file_digest(config["model"]["checkpoint"])
    return {
        "name": config["name"],
        "overrides": list(overrides),
        "config": dict(config),
        "seeds": {"seed": config["seed"]},
        "inputs": inputs,
        "outputs": {str(path.relative_to(layout.root)): files.file_digest(path) for path in outputs},
        "versions": {**versions, **{name: known for name, known in packages.items() if name not in named}},
        "platform": {"system": platform.system(), "machine": platform.machine(), "libc": " ".join(platform.libc_ver())},
        "git": _git(),
    }


def _git() -> dict[str, Any] | None:
    """The revision of the working directory, and whether a tracked file differs from it; None outside of git."""
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        code, revision = processes.output(["git", "rev-parse", "HEAD"], environment)
        if code != 0:
            return None
        _, status = processes.output(["git", "status", "--porcelain", "--untracked-files=no"], environment)
    except ToolError:
        return None
    return {"revision": revision.strip(), "dirty": bool(status.strip())}
