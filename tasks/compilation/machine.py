"""The machine that compiles and simulates, as far as its objects would not run on every other of its kind."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

_FEATURES = Path("/proc/cpuinfo")
_WIDER = {"avx2": "-mavx2"}
"""Feature of a processor → flag of the compiler for vectors wider than those that every x86-64 has."""


@cache
def vectors(features: Path = _FEATURES) -> tuple[str, ...]:
    """Flags for the vectors of this machine; none where it does not tell its features as Linux does on x86-64."""
    try:
        with features.open() as lines:
            # of the first processor: all of a machine have the same, and Linux makes up the list as it is read
            told = next((line for line in lines if line.startswith("flags")), "")
    except OSError:
        return ()
    have = told.partition(":")[2].split()
    return tuple(flag for feature, flag in _WIDER.items() if feature in have)


def kind() -> str:
    """What tells machines apart that cannot run each other's objects."""
    return " ".join((os.uname().machine, *vectors()))
