"""Build again what a manifest describes, in an empty folder, and say whether it is the same.

    python -m hlspike.tasks.reproduce build/<name>/manifest.json [--keep FOLDER]

Runs in the working directory that the build was made in: sources and data are those of now. The cache is not used.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from hlspike.generators.errors import ConfigError, HlspikeError, ToolError
from hlspike.tasks.engine.record import differences
from hlspike.tasks.layout import PACKAGE
from hlspike.tasks.system import files, processes
from hlspike.tasks.terminal import console

_DIFFER = 1
_REFUSED = 2


class _Parser(argparse.ArgumentParser):
    """Refuses in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(_REFUSED, f"error: {message}; {self.format_usage().strip()}\n")


def main() -> int:
    """0 if every output has the same bytes, 1 if not, 2 if it could not be built."""
    parser = _Parser(prog="python -m hlspike.tasks.reproduce", description=__doc__.partition("\n")[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="an empty folder to build in, and to leave behind")
    given = parser.parse_args()
    console.prepare()
    try:
        manifest = _read(given.manifest)
        if given.keep is not None:
            if given.keep.exists() and any(given.keep.iterdir()):
                raise ConfigError(f"--keep: {given.keep} is not empty; name a folder that is")
            lines = reproduced(manifest, given.keep)
        else:
            with tempfile.TemporaryDirectory(prefix="hlspike-") as folder:
                lines = reproduced(manifest, Path(folder))
    except HlspikeError as error:
        sys.stderr.write(f"error: {error}\n")
        return _REFUSED
    print("\n".join(lines) or f"equal: {len(manifest['outputs'])} files have the same bytes")
    return _DIFFER if lines else 0


def _read(path: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = files.read_json(path)
        if not isinstance(manifest["outputs"], dict) or not isinstance(manifest["config"], dict):
            raise TypeError
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; name the manifest.json of a build") from None
    except (ValueError, KeyError, TypeError):
        raise ConfigError(f"{path}: this is no manifest; name the manifest.json of a build") from None
    return manifest


def reproduced(manifest: Mapping[str, Any], folder: Path) -> list[str]:
    """Build in `folder`; one line per difference in outputs, and then in what they could come from.

    Raises:
        ToolError: the build failed.
    """
    config = {**manifest["config"], "cache": {**manifest["config"]["cache"], "enabled": False}}
    files.write(folder / "conf" / "config.yaml", _yaml(config))
    environment = {**os.environ, "HLSPIKE_CONF": str(folder / "conf"), "HLSPIKE_BUILD": str(folder / "build")}
    code, output = processes.output(
        [sys.executable, "-m", "doit", "-f", str(PACKAGE / "tasks" / "dodo.py"), "-d", ".", "build"], environment
    )
    if code != 0:
        raise ToolError(f"reproduce: the build failed: {output.strip().splitlines()[-1] if output.strip() else code}")
    again = files.read_json(folder / "build" / config["name"] / "manifest.json")
    unequal = [
        f"{path}: {'differs' if before and after else 'is missing' if before else 'is new'}"
        for path, before, after in _leaves(manifest["outputs"], again["outputs"])
    ]
    return [*unequal, *_explained(manifest, again)] if unequal else []


def _yaml(config: Mapping[str, Any]) -> str:
    """JSON is YAML, save for two numbers; what is resolved already must not be resolved again."""
    text = json.dumps(config, indent=1, ensure_ascii=False).replace("${", "\\\\${")
    # of a number in a line by itself, which ends it; within a text there would be a quote behind it
    return re.sub(r"(?<=[\s:])(-?)(Infinity|NaN)(?=,?$)", lambda found: f"{found[1]}.{found[2][:3].lower()}", text,
                  flags=re.MULTILINE)


def _leaves(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[tuple[str, str | None, str | None]]:
    for path in (*old, *(path for path in new if path not in old)):
        if old.get(path) != new.get(path):
            yield path, old.get(path), new.get(path)


def _explained(manifest: Mapping[str, Any], again: Mapping[str, Any]) -> Iterator[str]:
    for path, _, _ in _leaves(manifest["inputs"], again["inputs"]):
        yield f"input {path}: not what it was"
    for part in ("versions", "platform", "git"):
        for key, old, new in differences(manifest[part], again[part]):
            yield f"{part} {key}: {old} → {new}"


if __name__ == "__main__":
    sys.exit(main())
