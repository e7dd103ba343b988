"""The files that a composed configuration is made of, in order: a later one wins over those before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.global_hydra import GlobalHydra
from hydra.plugins.config_source import ConfigResult
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from hlspike.tasks.layout import CONF

_HYDRA = "hydra/"


@dataclass(frozen=True)
class Part:
    """One file.

    Attributes:
        path: below its folder, without suffix: `precision/w8`.
        package: where its keys go, dotted; empty for the top.
        above: paths of the files whose defaults lists led to it, the nearest first.
        folder: of the configuration it belongs to.
    """

    path: str
    package: str
    above: tuple[str, ...]
    loaded: ConfigResult
    folder: Path

    @property
    def shipped(self) -> bool:
        return self.folder == CONF

    def leaves(self) -> Iterator[tuple[str, Any]]:
        """(dotted key, value as written) of every leaf, and of every empty map; missing values left out."""
        yield from leaves(self.loaded.config, f"{self.package}." if self.package else "")


def parts(job: Sequence[str]) -> list[Part]:
    """Of the overrides `job`, Hydra being initialised; Hydra's own files are left out."""
    _, repository = _loader()._parse_overrides_and_create_caching_repo("config", list(job))
    defaults = _loader().compute_defaults_list("config", list(job), RunMode.RUN).defaults
    parents = {default.config_path: default.parent for default in defaults}
    found = []
    for default in defaults:
        path = default.config_path
        if path is None or path.startswith(_HYDRA):
            continue
        loaded = repository.load_config(path)
        assert loaded is not None
        folder = Path(loaded.path.removeprefix("file://"))
        found.append(Part(path, default.package or "", tuple(_above(path, parents)), loaded, folder))
    return found


def _above(path: str, parents: Mapping[str | None, str | None]) -> Iterator[str]:
    parent = parents.get(path)
    while parent is not None and parent in parents:
        yield parent
        parent = parents[parent]


def _loader() -> ConfigLoaderImpl:
    loader = GlobalHydra.instance().config_loader()
    # only this one knows of a hydra.searchpath among the overrides
    assert isinstance(loader, ConfigLoaderImpl)
    return loader


def leaves(config: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Those of `config`, with `prefix` before each key."""
    raw = OmegaConf.to_container(config)
    assert isinstance(raw, dict)
    for key in config:
        path = f"{prefix}{key}"
        if OmegaConf.is_missing(config, key):
            continue
        value = None if OmegaConf.is_interpolation(config, key) else config[key]
        if isinstance(value, DictConfig) and len(value):
            yield from leaves(value, f"{path}.")
        else:
            yield path, raw[key]
