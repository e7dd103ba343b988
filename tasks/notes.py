"""Notes on the steps of a variant: how long each takes, what it made, which inputs it discovered.

No step depends on them: times differ from run to run. The report tells the times, the manifest the inputs, and `clean`
removes what was made, also for a configuration that is asked for no more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tasks import files

_noting = threading.Lock()


def note(
    path: Path, label: str, taken: float, reused: bool, made: Sequence[Path], found: Mapping[str, str]
) -> None:
    """Keep what is known of the latest run of a step.

    Args:
        taken: seconds.
        reused: it was taken from the cache.
        found: discovered inputs, path → digest.
    """
    with _noting:
        known = read(path)
        known[label] = {
            "seconds": round(taken, 3), "reused": reused, "made": list(map(str, made)), "found": dict(found)
        }
        files.write_json(path, known)


def forget(path: Path, gone: Callable[[str], bool]) -> None:
    """Drop the notes on the steps whose label is `gone`."""
    with _noting:
        files.write_json(path, {label: known for label, known in read(path).items() if not gone(label)})


def read(path: Path) -> dict[str, Any]:
    """Label → note; nothing if there are none."""
    try:
        known: dict[str, Any] = files.read_json(path)
    except (OSError, ValueError):
        known = {}
    return known


def seconds(path: Path) -> dict[str, float]:
    """Stage → seconds that its steps take to run; of a reused result, what they took where it was made."""
    found: dict[str, float] = {}
    for label, known in read(path).items():
        stage = label.partition(":")[0]
        found[stage] = found.get(stage, 0.0) + known["seconds"]
    return found
