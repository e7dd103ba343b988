"""Overrides become variants, by Hydra; `tasks.variants` keeps what it finds."""

from __future__ import annotations

import contextlib
import json
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from hydra import compose, initialize_config_dir
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, QuotedString
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from hlspike.generators.errors import ConfigError, HlspikeError
from hlspike.generators.precision.resolve import OTHER_NAMES
from hlspike.tasks.configuration import borrowed, jobs, unheeded
from hlspike.tasks.configuration.complaints import one_line, ungrouped
from hlspike.tasks.configuration.reading import keys, source
from hlspike.tasks.configuration.reading.parts import parts
from hlspike.tasks.configuration.settings import Settings, is_key, validated
from hlspike.tasks.layout import CONF

_FREE = ("hls.model.precision.", "hls.types.", "hls.layers.", "model.kwargs.", "model.train_kwargs.", "data.kwargs.")
"""Maps in which an override may name a key that neither a file nor the schema has."""
_LONGEST = 200
"""Characters of a key: Hydra asks for a file of its name."""
_KNOWN = re.compile(r"runtime\.(cwd|choices\..+)|job\.(name|num|override_dirname|config_name)")
"""What a configuration may take from Hydra."""
_TYPE = re.compile(r"""(?<!["'\w])([A-Za-z]\w*\s*<[^<>"']*>)""")
"""A type, or what its author takes for one, as it is written everywhere but on Hydra's command line, whose lexer knows
no angle brackets."""


class Shipped(SearchPathPlugin):
    """A configuration of one's own may choose from the groups that are shipped; its own files come first."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        search_path.append(provider="hlspike", path=f"file://{CONF}")


Plugins.instance().register(Shipped)
source.install()


def composed(overrides: Sequence[str], folder: Path) -> tuple[list[dict[str, Any]], list[Path]]:
    """The variants that `overrides` ask for.

    Args:
        overrides: Hydra's, sweeps included: `precision=w4,w6` or `seed=range(3)`.
        folder: holds config.yaml and the groups.
    Returns:
        For each variant its `job` (all its overrides), its `overrides` (those that are swept), its validated `config`
        and its `notes`; and the folders searched.
    Raises:
        ConfigError: one line, for any fault of an override or of a file.
    """
    ready = [prepared(override) for override in overrides]
    with (
        initialize_config_dir(version_base="1.3", config_dir=str(folder)),
        warnings.catch_warnings(record=True) as said,
    ):
        warnings.simplefilter("always")
        OmegaConf.register_new_resolver("hydra", _of_hydra, replace=True)
        try:
            jobs = list(_jobs([*_from_files(ready), *ready]))
        except HlspikeError:
            raise
        except Exception as error:
            # Hydra and OmegaConf have classes for some faults, and let Python's pass for others
            given = {prepared(override): override for override in overrides}.get(getattr(error, "override", ""))
            raise ConfigError(one_line(error, _keys(), given)) from None
    _check_available(str(warning.message) for warning in said)
    variants = [
        {"job": job.overrides, "overrides": job.swept, "config": validated(job.config), "notes": job.notes}
        for job in jobs
    ]
    return variants, list(dict.fromkeys(path for job in jobs for path in job.searched))


def from_files(overrides: Sequence[str], folder: Path) -> list[str]:
    """What `hydra.sweeper.params` in a file adds to valid `overrides`, which win over it."""
    with initialize_config_dir(version_base="1.3", config_dir=str(folder)), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _from_files([prepared(override) for override in overrides])


def _from_files(ready: Sequence[str]) -> list[str]:
    first = jobs.jobs(_parsed(ready))[0]
    hydra = compose("config", overrides=first, return_hydra_config=True).hydra
    given = {override.partition("=")[0].lstrip("+~") for override in ready}
    added = OmegaConf.to_container(hydra.sweeper.get("params") or OmegaConf.create({}), resolve=True)
    assert isinstance(added, dict)
    texts = {str(key): _text(value) for key, value in added.items()}
    return [prepared(f"{key}={text}") for key, text in texts.items() if key.lstrip("+~") not in given]


def _text(value: Any) -> str:
    """A value of YAML as an override has it; a text is a sweep as it stands."""
    return value if isinstance(value, str) else json.dumps(value)


def _jobs(ready: Sequence[str]) -> Iterator[_Job]:
    parsed = _parsed(ready)
    swept = {override.get_key_element() for override in parsed if override.is_sweep_override()}
    asked = {override.key_or_group for override in parsed}
    noted: dict[str, list[str]] = {}
    for number, job in enumerate(jobs.jobs(parsed)):
        made = _Job.composed(job, swept, number)
        borrowed.check(made.overrides, made.config, made.choices, made.searched)
        # which files take part follows from what was chosen, and reading them costs as much as composing
        files = str((sorted(made.choices.items()), [key for key in job if key.startswith("hydra.searchpath")]))
        if files not in noted:
            of_job = parts(job)
            noted[files] = [*unheeded.lost(of_job, asked), *unheeded.idle(of_job, made.choices)]
        yield replace(made, notes=noted[files])


def _parsed(ready: Sequence[str]) -> list[Override]:
    parsed = OverridesParser.create(GlobalHydra.instance().config_loader()).parse_overrides(list(ready))
    _check_choices(parsed)
    return parsed


def check_hydra(settings: Sequence[str], folder: Path) -> None:
    """Refuse settings of Hydra that it would fail on once a sweep has begun.

    Raises:
        ConfigError: one line.
    """
    with initialize_config_dir(version_base="1.3", config_dir=str(folder)), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parsed = OverridesParser.create().parse_overrides(list(settings))
            for override in parsed:
                if override.is_sweep_override():
                    raise ConfigError(f"{override.key_or_group}: has several values; a sweep has one launcher, set one")
            _check_choices(parsed)
            compose("config", overrides=list(settings), return_hydra_config=True)
        except HlspikeError:
            raise
        except Exception as error:
            raise ConfigError(one_line(error, ())) from None


def prepared(override: str) -> str:
    """`override` as Hydra takes it: a key that may be new is added, a type is quoted."""
    key, equals, value = override.partition("=")
    if not key.strip("+~ "):
        raise ConfigError(f"{override or repr('')}: the key is missing; an override reads key=value")
    if len(key) > _LONGEST:
        raise ConfigError(f"{key[:40]}…: a key of {len(key)} characters is too long; it has at most {_LONGEST}")
    if key.startswith("~") and not value:
        return key
    if not equals:
        raise ConfigError(f"{override}: the value is missing; an override reads key=value")
    if key == "hydra.searchpath":
        _check_searched(value)
    elif re.match(r"\+*hydra\b(?!\.job\.)", key):
        raise ConfigError(
            f"{key}: has no effect, a build is not run by Hydra; leave it out, or sweep with "
            "python -m hlspike.tasks.sweep -m"
        )
    # files use one name of a type, and an override by its other name has to reach the same entry
    key = re.sub(r"^(\+*hls\.types\.)(\w+)", lambda match: match[1] + OTHER_NAMES.get(match[2], match[2]), key)
    if _may_be_new(key):
        key = f"++{key}"
    return f"{key}={_TYPE.sub(lambda match: chr(34) + match[1] + chr(34), value)}"


def _of_hydra(path: str) -> Any:
    """What `${hydra:path}` stands for; Hydra's own resolver gives null, or a time, for what only a run of it has."""
    found = OmegaConf.select(cast(DictConfig, HydraConfig.get()), path) if _KNOWN.fullmatch(path) else None
    if found is None:
        raise LookupError(f"hydra:{path}")
    return found


def _may_be_new(key: str) -> bool:
    return key.startswith(_FREE) or is_key(key)


def _as_given(override: str) -> str:
    """Without the prefix of `_prepared`."""
    text = override.removeprefix("++")
    return text if _may_be_new(text.partition("=")[0]) else override


def _check_searched(value: str) -> None:
    for place in re.findall(r"file://([^,\]\s\"']+)", value):
        if not Path(place).is_dir():
            raise ConfigError(f"hydra.searchpath: there is no folder {place}; correct its path, which is absolute")


def _check_available(warned: Iterable[str]) -> None:
    """Hydra goes on without a place of its search path that is not there. Of the rest that it warns of, a defaults list
    without _self_, which then comes last, is no fault.
    """
    for text in warned:
        missing = re.search(r"path=(.+) is not available", text)
        if missing:
            raise ConfigError(
                f"hydra.searchpath: there is no folder {missing[1]}; write file:// and its path, which is absolute"
            )


def _check_choices(overrides: Sequence[Override]) -> None:
    """Hydra takes a number or null for the choice of a group with a traceback."""
    loader = GlobalHydra.instance().config_loader()
    for override in overrides:
        key, value = override.key_or_group, override.value()
        if override.is_sweep_override() or isinstance(value, str | list | QuotedString):
            continue
        choices = ", ".join(loader.get_group_options(key))
        if choices and not override.is_delete():
            found = override.input_line.partition("=")[2] if override.input_line else value
            raise ConfigError(f"{key}: must be the name of a choice, found {found}; choices are {choices}")


@dataclass(frozen=True)
class _Job:
    """One composed configuration, its overrides, those that set it apart, the folders searched, choices of groups,
    and notes."""

    overrides: list[str]
    config: dict[str, Any]
    swept: list[str]
    searched: list[Path]
    choices: dict[str, str]
    notes: list[str]

    @staticmethod
    def composed(job: Sequence[str], swept: Set[str], number: int) -> _Job:
        config = compose("config", overrides=list(job), return_hydra_config=True)
        sources, choices = config.hydra.runtime.config_sources, dict(config.hydra.runtime.choices)
        searched = [Path(source.path) for source in sources if source.schema == "file"]
        known = {"runtime.cwd": str(Path.cwd()), "job.name": "build", "job.num": number, "job.config_name": "config",
                 "job.override_dirname": ",".join(map(_as_given, job))}
        with read_write(config), open_dict(config):
            for key, value in known.items():
                part, _, name = key.partition(".")
                if OmegaConf.is_missing(config.hydra[part], name):
                    config.hydra[part][name] = value
            HydraConfig.instance().set_config(config)
            del config["hydra"]
        try:
            plain = keys.plain(OmegaConf.to_container(config, resolve=True, throw_on_missing=True))
        finally:
            HydraConfig.instance().cfg = None
        for key in plain:
            if key in choices and key not in Settings.model_fields:
                raise ConfigError(ungrouped(key, choices[key]))
        own = [_as_given(text) for text in job if text.partition("=")[0] in swept]
        return _Job([*map(_as_given, job)], plain, own, searched, choices, [])


def _keys() -> list[str]:
    """What an override may name, as long as the configuration composes without any."""
    found: list[str] = []
    with contextlib.suppress(Exception):
        found += GlobalHydra.instance().config_loader().list_groups("")
        found += _dotted(compose("config"))
    return found


def _dotted(config: DictConfig, prefix: str = "") -> Iterator[str]:
    for name in config:
        key = f"{prefix}{name!s}"
        yield key
        if OmegaConf.is_dict(config._get_node(name)):
            yield from _dotted(config[name], f"{key}.")
