"""Notes on the steps of a variant: how long each takes, what it made, which inputs it discovered.

No step depends on them: times differ from run to run. The report tells the times, the manifest the inputs, and `clean`
removes what was made, also for a configuration that is asked for no more. The file has a line per run, appended: a
build that is killed leaves a line cut short at most, which is skipped like any other that says nothing.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hlspike.tasks.system import files

_lock = threading.Lock()
_opened: set[Path] = set()
"""Files that this process has added to."""


@dataclass(frozen=True, slots=True)
class Note:
    """The latest run of a step.

    Attributes:
        seconds: that it took; of a reused result, what it took where it was made.
        reused: it was taken from the cache.
        made: outputs of all its runs that have not been removed, path → digest; None for one that a run has begun to
            make and not finished.
        found: discovered inputs, path → digest.
    """

    seconds: float
    reused: bool
    made: Mapping[str, str | None]
    found: Mapping[str, str]


def begin(path: Path, label: str, outputs: Sequence[Path]) -> None:
    """From now on `outputs` may be anything: the step `label` writes them."""
    _add(path, {"step": label, "making": list(map(str, outputs))})


def note(
    path: Path, label: str, taken: float, reused: bool, made: Mapping[str, str], found: Mapping[str, str]
) -> None:
    """Keep what is known of the latest run of a step; see `Note`."""
    _add(path, {"step": label, "seconds": round(taken, 3), "reused": reused, "made": dict(made), "found": dict(found)})


def forget(path: Path, gone: Callable[[str], bool]) -> dict[str, str | None]:
    """Drop the notes on the steps whose label is `gone`; returns what these have made."""
    with _lock:
        known = read(path)
        dropped = [known.pop(label) for label in list(known) if gone(label)]
        if dropped:
            _rewrite(path, known)
    return {name: digest for note in dropped for name, digest in note.made.items()}


def read(path: Path, labels: Collection[str] | None = None) -> dict[str, Note]:
    """Label → note, of the steps `labels`, or of all; nothing if there are none."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    known: dict[str, Note] = {}
    for line in lines:
        try:
            _take(known, json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
    return {label: note for label, note in known.items() if labels is None or label in labels}


def seconds(notes: Mapping[str, Note]) -> dict[str, float]:
    """Stage → seconds that its steps take to run; of a reused result, what they took where it was made."""
    found: dict[str, float] = {}
    for label, known in notes.items():
        stage = label.partition(":")[0]
        found[stage] = found.get(stage, 0.0) + known.seconds
    return found


def _take(known: dict[str, Note], line: Mapping[str, Any]) -> None:
    label = str(line["step"])
    before = known.get(label, Note(0.0, False, {}, {}))
    if "making" in line:
        begun: dict[str, str | None] = {str(name): None for name in line["making"]}
        known[label] = Note(before.seconds, before.reused, {**before.made, **begun}, before.found)
        return
    made, found = ({str(name): digest for name, digest in line[key].items()} for key in ("made", "found"))
    known[label] = Note(float(line["seconds"]), bool(line["reused"]), made, found)


def _add(path: Path, line: Mapping[str, Any]) -> None:
    with _lock:
        if path not in _opened:
            # lines of builds before, and one that may have been cut short
            _rewrite(path, read(path))
            _opened.add(path)
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def _rewrite(path: Path, known: Mapping[str, Note]) -> None:
    lines = (
        {"step": label, "seconds": note.seconds, "reused": note.reused, "made": note.made, "found": note.found}
        for label, note in known.items()
    )
    files.write(path, "".join(json.dumps(line) + "\n" for line in lines))
