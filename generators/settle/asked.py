"""What a readout is asked to be: the values that the configuration gives, over the attributes of the marker."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hlspike.generators.errors import ConfigError, HlspikeError, UnsupportedModel

KEYS = (
    "output_mode",
    "decision_rule",
    "window_size",
    "class_threshold",
    "beta",
    "n_classes",
    "reset_policy",
    "emit",
)
ALIASES = {"stream_length": "window_size", "state_reset_policy": "reset_policy"}
_LARGEST = 2**31 - 1
"""Windows and thresholds are an `int` of the hardware."""
_FOREIGN = "shown"


@dataclass(frozen=True, slots=True)
class Foreign:
    """A value that no key takes, such as a tensor of several elements: no more of it than how it is shown."""

    shown: str

    def __repr__(self) -> str:
        return self.shown


@dataclass(frozen=True, slots=True)
class Marker:
    """The marker in a model, and its public attributes: None, bool, int, float, str or `Foreign`."""

    name: str
    attributes: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        attributes = {
            key: {_FOREIGN: value.shown} if isinstance(value, Foreign) else value
            for key, value in self.attributes.items()
        }
        return {"name": self.name, "attributes": attributes}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Marker:
        return Marker(data["name"], {
            key: Foreign(value[_FOREIGN]) if isinstance(value, Mapping) else value
            for key, value in data["attributes"].items()
        })


@dataclass(frozen=True, slots=True)
class Setting:
    """A given value and where it was given."""

    value: Any
    where: str
    error: type[HlspikeError]

    def refusal(self, problem: str) -> HlspikeError:
        return self.error(f"{self.where} is {self.value!r}; {problem}")

    def choice(self, options: tuple[str, ...]) -> str:
        if self.value not in options:
            raise self.refusal(f"known are {', '.join(options)}")
        return str(self.value)

    def positive(self) -> int:
        try:
            number = operator.index(self.value)
        except TypeError:
            number = 0
        if isinstance(self.value, bool) or number < 1:
            raise self.refusal("give an integer of at least 1")
        if number > _LARGEST:
            raise self.refusal(f"give at most {_LARGEST}")
        return number

    def fraction(self) -> float:
        number = self.value
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0.0 <= number <= 1.0:
            raise self.refusal("give a number in 0..1")
        return float(number)


def given(configured: Mapping[str, Any], marker: Marker | None, notes: list[str]) -> dict[str, Setting]:
    """The values given, by key; `notes` are told what has no effect, and what overrules the marker.

    Raises:
        ConfigError: an unknown key, or two values for the same thing.
        UnsupportedModel: the latter, of the marker.
    """
    unknown = [key for key in configured if key not in KEYS and key not in ALIASES]
    if unknown:
        raise ConfigError(f"readout.{unknown[0]}: unknown key; known are {', '.join((*KEYS, *ALIASES))}")
    config = {key: Setting(value, f"readout.{key}", ConfigError) for key, value in configured.items()}
    settings = _canonical(config)
    if marker is None:
        return settings
    name, attributes = marker.name, marker.attributes
    notes.extend(
        f"readout '{name}': attribute {key} is unknown and has no effect"
        for key in attributes
        if key not in KEYS and key not in ALIASES
    )
    marked = _canonical(
        {
            key: Setting(value, f"readout '{name}': {key}", UnsupportedModel)
            for key, value in attributes.items()
            if key in KEYS or key in ALIASES
        }
    )
    for key, setting in marked.items():
        if key in settings and settings[key].value != setting.value:
            notes.append(f"readout.{key} {settings[key].value} overrules the marker's {setting.value}")
    return {**marked, **settings}


def _canonical(settings: dict[str, Setting]) -> dict[str, Setting]:
    found = {key: setting for key, setting in settings.items() if setting.value is not None}
    for alias, key in ALIASES.items():
        if alias in found and key in found and found[alias].value != found[key].value:
            raise found[alias].refusal(f"but {key}, the same thing, is {found[key].value!r}; give one of them")
        if alias in found:
            found.setdefault(key, found[alias])
            del found[alias]
    return found
