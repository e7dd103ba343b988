"""The variants a command line asks for, from a cache as long as nothing they were composed from has changed.

A build with nothing to do never imports Hydra: the key of the cache is the overrides, and an entry holds the state of
every file on the search path, of the environment variables that were read, and of the installed packages and
compilers whose versions it records.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hlspike.generators.errors import ConfigError
from hlspike.tasks.compilation import machine
from hlspike.tasks.layout import BUILD, COMPOSED, CONF, PACKAGE, Layout
from hlspike.tasks.system import files

_COMPOSITION = (
    "tasks/configuration/**/*.py", "tasks/compilation/*.py", "generators/hardware/limits.py",
)
"""Our own sources that an entry of the cache rests on."""
_PACKAGES = ("torch", "snntorch", "numpy", "jinja2", "hydra-core", "omegaconf", "pydantic", "doit", "hls4ml", "hlspike",
             "da4ml")
_ENVIRONMENT = ("PATH", "XILINX_HLS")
_LONGEST = 120
"""Letters of a folder's name that tell a variant from the others."""


@dataclass(frozen=True)
class Tool:
    """A compiler as far as a build with nothing to do has to know it; see `tasks.toolchain.Toolchain`."""

    compiler: dict[str, str]
    content: dict[str, str]
    local: dict[str, str]
    identity: str


@dataclass(frozen=True)
class Variant:
    """One configuration to build.

    Attributes:
        label: tells it from the other variants of a sweep; empty if it is the only one.
        overrides: of the whole command line, but of those that are swept this variant's.
        swept: those of them that tell it from the other variants.
        config: validated, plain values.
        versions: of Python, the packages and the compiler.
        tool: the compiler.
        notes: what stands in its files, and decides nothing.
    """

    label: str
    overrides: list[str]
    swept: list[str]
    config: dict[str, Any]
    versions: dict[str, str]
    tool: Tool
    notes: tuple[str, ...] = ()

    @property
    def layout(self) -> Layout:
        root = BUILD / self.config["name"]
        return Layout(root / self.label if self.label else root)

    def __str__(self) -> str:
        return f"{self.config['name']} {self.label}".strip()


def load(overrides: Sequence[str]) -> list[Variant]:
    """The variants of a command line.

    Raises:
        ConfigError, ToolError: one line.
    """
    place = folder(overrides)
    # machines that share a folder may be unlike each other, with a compiler that is the same file on all of them
    asked = [_code(), list(overrides), str(place), os.getcwd(), sys.version, _installed(), machine.kind()]
    key = files.digest(json.dumps(asked).encode())
    path = COMPOSED / f"{key[:32]}.json"
    entry = _cached(path)
    if entry is None:
        entry = _composed(overrides, place)
        files.write_json(path, entry)
    found = entry["variants"]
    labels = _labels([variant["overrides"] for variant in found]) if len(found) > 1 else [""]
    tools = {name: Tool(**tool) for name, tool in entry["tools"].items()}
    return [
        Variant(
            label, job["job"], job["overrides"], job["config"], entry["versions"],
            tools[job["config"]["csim"]["compiler"]], tuple(job["notes"]),
        )
        for label, job in zip(labels, found, strict=True)
    ]


def folder(overrides: Sequence[str] = ()) -> Path:
    """The configuration: that of HLSPIKE_CONF, or of the working directory; the shipped one if its experiment is asked
    for.

    Raises:
        ConfigError: there is none.
    """
    named = os.environ.get("HLSPIKE_CONF")
    if named:
        if not Path(named, "config.yaml").is_file():
            raise ConfigError(f"HLSPIKE_CONF: there is no config.yaml in {named}; name a folder that has one")
        return Path(named).resolve()
    own = Path.cwd() / "conf"
    if (own / "config.yaml").is_file():
        return own
    pairs = (override.lstrip("+").partition("=") for override in overrides)
    if any(key == "experiment" and value.strip() not in ("", "null") for key, _, value in pairs):
        return CONF
    found = next((f", only {other.name}" for other in sorted(own.glob("config.y*ml"))), "") if own.is_dir() else ""
    shipped = ", ".join(sorted(path.stem for path in (CONF / "experiment").glob("*.yaml")))
    raise ConfigError(
        f"conf: there is no config.yaml in {own}{found}, and HLSPIKE_CONF names no other folder; write one, work where "
        f"one is, or ask for a shipped example by experiment=, which is one of {shipped}"
    )


def _composed(overrides: Sequence[str], folder: Path) -> dict[str, Any]:
    from hlspike.tasks.compilation.toolchain import Toolchain
    from hlspike.tasks.configuration import environment
    from hlspike.tasks.configuration.compose import composed

    with environment.watched() as used:
        variants, searched = composed(overrides, folder)
    tools: dict[str, Tool] = {}
    for name in {variant["config"]["csim"]["compiler"] for variant in variants}:
        found = Toolchain.found(name)
        tools[name] = Tool(asdict(found), found.content, found.local, found.identity)
    states = {str(path): files.signature(path) for path in _yaml_files(searched)}
    states |= {tool.local["compiler"]: files.signature(tool.local["compiler"]) for tool in tools.values()}
    return {
        "folders": [str(path) for path in searched],
        "files": states,
        "environment": {name: os.environ.get(name) for name in sorted({*used, *_ENVIRONMENT})},
        "tools": {name: asdict(tool) for name, tool in tools.items()},
        "versions": _versions() | {name: tool.compiler["version"] for name, tool in tools.items()},
        "variants": variants,
    }


def _cached(path: Path) -> dict[str, Any] | None:
    try:
        entry: dict[str, Any] = files.read_json(path)
        same = (
            all(files.signature(file) == known for file, known in entry["files"].items())
            and {str(file) for file in _yaml_files(map(Path, entry["folders"]))}
            == {file for file in entry["files"] if file.endswith(".yaml")}
            and all(os.environ.get(name) == value for name, value in entry["environment"].items())
            and all(shutil.which(name) == tool["local"]["compiler"] for name, tool in entry["tools"].items())
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return entry if same else None


def _yaml_files(folders: Any) -> list[Path]:
    return [
        Path(place, name)
        for folder in folders
        for place, _, names in os.walk(folder)
        for name in names
        if name.endswith(".yaml")
    ]


def _code() -> list[str]:
    return [files.file_digest(path) for name in _COMPOSITION for path in sorted(PACKAGE.glob(name))]


def _installed() -> list[Any]:
    """What changes when a package is installed, upgraded or removed."""
    places = [place for place in sys.path if place.endswith("site-packages") and os.path.isdir(place)]
    return [[place, os.stat(place).st_mtime_ns] for place in places]


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": sys.version.partition(" ")[0]}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _labels(overrides: Sequence[Sequence[str]]) -> list[str]:
    """A readable folder name for each variant of a sweep."""
    labels = [",".join(map(_readable, swept)) for swept in overrides]
    folded = [label.lower() for label in labels]
    for place, (label, swept) in enumerate(zip(labels, overrides, strict=True)):
        if folded.count(label.lower()) > 1 or len(label) > _LONGEST:
            labels[place] = f"{label[:_LONGEST]}-{files.digest(' '.join(swept).encode())[:8]}"
    if len(set(labels)) < len(labels):
        raise ConfigError("sweep: the same variant is asked for twice; remove the repeated value")
    return labels


def _readable(override: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.+-]+", "-", override.lstrip("+")).strip("-")
