"""Where every value of a configuration came from: a file, the command line, the schema, or the marker in the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra import initialize_config_dir
from hydra.core.default_element import GroupDefault
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

from hlspike.generators.errors import ConfigError
from hlspike.tasks.configuration import compose  # noqa: F401 - the shipped groups are found by its plug-in
from hlspike.tasks.configuration.reading.parts import leaves, parts
from hlspike.tasks.configuration.variants import Variant, folder

_COMMAND_LINE = "command line"
_SCHEMA = "default"
_FOLDED = ("defaults", "hydra")
Sources = dict[str, tuple[str, str | None]]
"""Dotted key → where its value was written last, and the interpolation that was written there."""


def pages(words: list[str], variants: Sequence[Variant]) -> str:
    """`page` of each variant; `words` are top keys to show alone.

    Raises:
        ConfigError: there is no such key.
    """
    return "\n\n".join(page(variant, folder(variant.overrides), words) for variant in variants)


def page(variant: Variant, folder: Path, only: Sequence[str] = ()) -> str:
    """The resolved configuration of `variant` as YAML, each value with its source as a comment.

    Args:
        folder: holds config.yaml and the groups.
        only: the top keys to show; all for none.
    """
    for key in only:
        if key not in variant.config:
            raise ConfigError(f"config: there is no key '{key}'; keys are {', '.join(variant.config)}")
    with initialize_config_dir(version_base="1.3", config_dir=str(folder)):
        job = variant.overrides
        parsed = OverridesParser.create().parse_overrides(job)
        sources = dict(_choices(job, parsed)) | _from_files(job, folder) | _from_command_line(parsed)
    network = _network(variant)
    shown = {key: value for key, value in variant.config.items() if key in (only or variant.config)}
    lines = [*_tree(shown, sources, _settled(network))]
    width = min(max(len(line) for line, _ in lines), 72)
    heading = [f"# {text}" for text, _ in (sources[key] for key in sources if key.startswith("@"))]
    tree = [f"{line.ljust(width)}  # {source}" if source else line for line, source in lines]
    return "\n".join([f"# {variant}", *heading, *tree])


def _choices(job: Sequence[str], parsed: Sequence[Override]) -> Iterator[tuple[str, tuple[str, None]]]:
    """A line per group: what was chosen, and by whom."""
    groups = GlobalHydra.instance().config_loader().list_groups("")
    given = {override.key_or_group for override in parsed} & set(groups)
    overruled = {
        entry.group.lstrip("/"): f"{part.path}.yaml"
        for part in parts(job)
        for entry in part.loaded.defaults_list or ()
        if isinstance(entry, GroupDefault) and entry.group is not None and entry.override
    }
    for part in parts(job):
        group, _, choice = part.path.rpartition("/")
        if group:
            by = _COMMAND_LINE if group in given else overruled.get(group, "config.yaml")
            yield f"@{group}", (f"{group}={choice}, {by}", None)


def _from_files(job: Sequence[str], folder: Path) -> Sources:
    found: Sources = {}
    for part in parts(job):
        place = part.folder / f"{part.path}.yaml"
        shown = str(place.relative_to(folder.parent)) if place.is_relative_to(folder.parent) else str(place)
        for key, value in part.leaves():
            if key.partition(".")[0] not in _FOLDED:
                found[key] = shown, _reference(value)
    return found


def _from_command_line(parsed: Sequence[Override]) -> Sources:
    groups = GlobalHydra.instance().config_loader().list_groups("")
    given = OmegaConf.create({})
    for override in parsed:
        if override.key_or_group not in groups and not override.is_delete():
            OmegaConf.update(given, override.key_or_group, override.value(), force_add=True)
    return {key: (_COMMAND_LINE, _reference(value)) for key, value in leaves(given, "")}


def _reference(value: Any) -> str | None:
    """What was written, where it stands for something else."""
    return str(value) if "${" in str(value) else None


def _network(variant: Variant) -> Mapping[str, Any] | None:
    """network.json, if it is of this configuration."""
    from hlspike.tasks.engine import graph
    from hlspike.tasks.system import files

    if not graph.known(variant):
        return None
    network: dict[str, Any] = files.read_json(variant.layout.network)
    return network


def _settled(network: Mapping[str, Any] | None) -> dict[str, tuple[Any, str]]:
    """Dotted key of `readout` → the value the network has settled on, and whether it is the marker's."""
    if network is None:
        return {}
    first, last = network["layers"][0], network["layers"][-1]
    values = {key: first[key] for key in ("reset_policy", "window_size")}
    if last["type"] == "Readout":
        values |= {key: value for key, value in last.items() if key not in ("type", "inputs", "name")}
    marked = network["marked"]
    return {
        f"readout.{key}": (value, "marker in the model" if key in marked else _SCHEMA) for key, value in values.items()
    }


def _tree(
    value: Any, sources: Sources, settled: Mapping[str, tuple[Any, str]], path: str = "", indent: str = ""
) -> Iterator[tuple[str, str | None]]:
    """(line of YAML, source) of a map; what is null because nobody has written it is left out."""
    for key, item in value.items():
        where = f"{path}.{key}" if path else str(key)
        if isinstance(item, Mapping) and item:
            yield f"{indent}{_scalar(key)}:", None
            yield from _tree(item, sources, settled, where, f"{indent}  ")
            continue
        if where in settled and item is None:
            shown, source = settled[where]
            yield f"{indent}{_scalar(key)}: {_scalar(shown)}", source
            continue
        if item is None and where not in sources:
            continue
        source, written = sources.get(where, (_SCHEMA, None))
        yield f"{indent}{_scalar(key)}: {_scalar(item)}", f"{source}, {written}" if written else source


def _scalar(value: Any) -> str:
    import yaml

    dumped: str = yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True)
    return dumped.removesuffix("...\n").strip()
