"""Where Hydra gets the files of a configuration from: `documents` reads them in its stead."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins import file_config_source
from hydra._internal.sources_registry import SourcesRegistry
from hydra.plugins.config_source import ConfigLoadError, ConfigResult
from omegaconf import OmegaConf

from hlspike.generators.errors import ConfigError
from hlspike.tasks.configuration.reading import documents


class FileConfigSource(file_config_source.FileConfigSource):
    """A folder of YAML files, by the name of Hydra's own class: its registry takes no other in the jobs of a sweep."""

    def load_config(self, config_path: str) -> ConfigResult:
        path = Path(os.path.realpath(os.path.join(self.path, self._normalize_file_name(config_path))))
        if not path.exists():
            raise ConfigLoadError(f"Config not found : {path}")
        content = documents.text(path)
        try:
            header = self._get_header_dict(content)
        except ValueError as error:
            raise ConfigError(
                f"{documents.shown(path)}:1: {error}; a header reads '# @package hls'"
            ) from None
        package = header["package"]
        if package is not None and not re.fullmatch(r"[\w-]+(\.[\w-]+)*", package):
            raise ConfigError(
                f"{documents.shown(path)}: {package} is no place in a configuration; a header reads '# @package hls'"
            )
        found = documents.read(path, content)
        if not found and path.name == "config.yaml":
            raise ConfigError(f"{documents.shown(path)}: holds no key; write name, model, data and target at least")
        _check_defaults(documents.shown(path), found.get("defaults", []))
        return ConfigResult(
            config=OmegaConf.create(found), path=f"{self.scheme()}://{self.path}",
            provider=self.provider, header=header,
        )


def _check_defaults(where: str, defaults: Any) -> None:
    """Hydra tells what is wrong with a list of defaults by its own types, if at all."""
    if not isinstance(defaults, list):
        raise ConfigError(f"{where}: defaults must be a list such as [precision: w8, _self_], found {_told(defaults)}")
    for item in defaults:
        if item and (isinstance(item, str) or (isinstance(item, dict) and all(map(_is_choice, item.values())))):
            continue
        raise ConfigError(
            f"{where}: defaults has the item {_told(item)}; an item is a file, _self_, or group: choice, and a choice "
            "is a text, in quotes if it looks like another value"
        )


def _is_choice(value: Any) -> bool:
    return value is None or isinstance(value, str) or (
        isinstance(value, list) and all(isinstance(item, str) for item in value)
    )


def _told(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def install() -> None:
    """Hydra's registry never replaces a source by itself."""
    SourcesRegistry.instance().types[FileConfigSource.scheme()] = FileConfigSource
