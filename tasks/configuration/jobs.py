"""Overrides with several values → the overrides of each job, counted before they are written out."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    IntervalSweep,
    Override,
    Quote,
    QuotedString,
    RangeSweep,
    Sweep,
)

from hlspike.generators.errors import ConfigError

MOST = 2_000
"""Variants of one command."""
_WORD = re.compile(r"(?!(?:null|true|false|nan|inf)$)[a-z_][\w./-]*", re.IGNORECASE | re.ASCII)
"""A text that Hydra reads as a text without quotes."""


def jobs(overrides: Sequence[Override]) -> list[list[str]]:
    """The overrides of each variant, the last of them changing fastest.

    Raises:
        ConfigError: an override has no value, endlessly many, or there are too many variants in all.
    """
    # of two overrides of one key the later one counts, as everywhere in Hydra
    last = {override.get_key_element(): override for override in overrides}
    counts = {key: count(override) for key, override in last.items() if override.is_sweep_override()}
    asked = math.prod(counts.values())
    if asked > MOST:
        each = ", ".join(f"{key.lstrip('+')} {number}" for key, number in counts.items())
        raise ConfigError(f"sweep: asks for {asked} variants ({each}), at most {MOST} are built at once; split it")
    return [list(job) for job in itertools.product(*map(_written, last.values()))]


def count(override: Override) -> int:
    """How many values a sweep has.

    Raises:
        ConfigError: none, or endlessly many.
    """
    key, sweep = override.key_or_group, override.value()
    found: float
    match sweep:
        case RangeSweep(start=start, stop=stop, step=step):
            if not all(math.isfinite(number or 0) for number in (start, stop, step)) or step == 0:
                raise ConfigError(f"{key}: {_given(override)} never ends; give a finite start, stop and step")
            limits = [Decimal(str(number)) for number in (start, stop, step)]
            found = max(0, math.ceil((limits[1] - limits[0]) / limits[2]))
        case IntervalSweep():
            raise ConfigError(f"{key}: {_given(override)} has no single values; write range(…) or choice(…)")
        case Glob():
            found = len(_matching(override, sweep))
        case ChoiceSweep(list=values):
            if any(isinstance(value, Sweep) for value in values):
                raise ConfigError(f"{key}: {_given(override)} is a sweep of sweeps; write one range or choice")
            found = len(values)
        case _:
            found = 1
    if not found:
        raise ConfigError(f"{key}: {_given(override)} holds no value; give at least one")
    return int(found)


def _matching(override: Override, glob: Glob) -> list[str]:
    key, loader = override.key_or_group, override.config_loader
    assert loader is not None
    known = loader.get_group_options(key)
    if not known:
        raise ConfigError(f"{key}: {_given(override)} is of the choices of a group; write choice('…','…')")
    found = glob.filter(known)
    if not found:
        raise ConfigError(f"{key}: {_given(override)} is none of its choices; choices are {', '.join(known)}")
    return found


def _given(override: Override) -> str:
    return (override.input_line or "").partition("=")[2]


def _written(override: Override) -> Iterator[str]:
    if not override.is_sweep_override():
        assert override.input_line is not None
        yield override.input_line  # Hydra's own writing of it loses quotes within ${…}
        return
    for text in override.sweep_iterator(_quoted):
        yield f"{override.get_key_element()}={text}"


def _quoted(value: Any) -> Any:
    """An element as Hydra's grammar takes it; the functions of the grammar drop quotes that it needs."""
    if isinstance(value, str) and not _WORD.fullmatch(value):
        value = QuotedString(value, Quote.double)
    return Override._get_value_element_as_str(value)
