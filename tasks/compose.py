"""Overrides become variants. The only module that imports Hydra; `tasks.variants` keeps what it finds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from generators.errors import ConfigError
from tasks.settings import validated

_FREE = ("hls.model.precision.", "hls.types.", "hls.layers.", "model.kwargs.", "model.train_kwargs.", "data.kwargs.")
"""Maps in which an override may name a key that no file has."""
_TYPE = re.compile(r"""(?<!["'\w])((?:ap_)?u?(?:fixed|int)\s*<[^<>"']*>)""")
"""A fixed-point type as it is written everywhere but on Hydra's command line, whose lexer knows no angle brackets."""


def composed(overrides: Sequence[str], folder: Path) -> tuple[list[dict[str, Any]], list[Path]]:
    """The variants that `overrides` ask for.

    Args:
        overrides: Hydra's, sweeps included: `precision=w4,w6` or `seed=range(3)`.
        folder: holds config.yaml and the groups.
    Returns:
        For each variant its `job` (all its overrides), its `overrides` (those that are swept) and its validated
        `config`; and the folders searched.
    Raises:
        ConfigError: one line, for any fault of an override or of a file.
    """
    prepared = [_prepared(override) for override in overrides]
    try:
        with initialize_config_dir(version_base="1.3", config_dir=str(folder)):
            parsed = OverridesParser.create().parse_overrides(prepared)
            swept = [override for override in parsed if override.is_sweep_override()]
            batches = BasicSweeper.split_arguments(parsed, max_batch_size=None)
            found = [_variant(job, swept) for batch in batches for job in batch]
            return found, _searched(prepared, folder)
    except HydraException as error:
        raise ConfigError(_one_line(error, folder)) from None
    except OmegaConfBaseException as error:
        raise ConfigError(_one_line(error, folder)) from None
    except YAMLError as error:
        raise ConfigError(f"configuration: a file is no YAML: {' '.join(str(error).split())}") from None


def _prepared(override: str) -> str:
    key, _, value = override.partition("=")
    if key.startswith(_FREE):
        key = f"++{key}"
    return f"{key}={_TYPE.sub(lambda match: chr(34) + match[1] + chr(34), value)}"


def _variant(job: Sequence[str], swept: Iterable[Override]) -> dict[str, Any]:
    config = OmegaConf.to_container(compose("config", overrides=list(job)), resolve=True)
    assert isinstance(config, dict)
    keys = {override.get_key_element() for override in swept}
    own = [text for text in job if text.partition("=")[0] in keys]
    return {"job": list(job), "overrides": own, "config": validated({str(key): value for key, value in config.items()})}


def _searched(overrides: Sequence[str], folder: Path) -> list[Path]:
    """The folders whose files took part, so that a change in any of them is seen."""
    folders = [folder]
    for override in overrides:
        if override.lstrip("+").startswith("hydra.searchpath="):
            folders += [Path(found) for found in re.findall(r"file://([^,\]\s\"']+)", override)]
    return folders


def _one_line(error: Exception, folder: Path) -> str:
    text = " ".join(line.strip() for line in str(error).splitlines() if line.strip())
    missing = re.search(r"(?:In '[^']*': )?Could not find '([^']+)'", text)
    if missing:
        group, _, name = missing[1].rpartition("/")
        known = sorted(path.stem for path in (folder / group).glob("*.yaml"))
        if known:
            close = get_close_matches(name, known, 1)
            hint = f", did you mean '{close[0]}'" if close else ""
            return f"{group}: there is no '{name}'{hint}; choices are {', '.join(known)}"
        groups = sorted(path.name for path in folder.iterdir() if path.is_dir())
        return f"{missing[1]}: there is no such group; groups are {', '.join(groups)}"
    unknown = re.search(r"Could not override '([^']+)'", text)
    if unknown:
        return f"{unknown[1]}: there is no such key or group; see conf/config.yaml, or write ++{unknown[1]}=… to add it"
    return f"configuration: {text}"


