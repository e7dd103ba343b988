"""What doit lacks: outputs known by their bytes, inputs found while a step runs, success recorded step by step.

Every task of a build is made by `task`. Beyond doit's own rules a step runs again if one of its outputs is no longer
what it wrote, or an input that it discovered (a header, an imported module) has changed.
"""

from __future__ import annotations

import contextlib
import os
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from doit.dependency import FileChangedChecker, UptodateCalculator
from doit.exceptions import TaskFailed
from doit.tools import config_changed

from generators.errors import HlspikeError
from tasks import files
from tasks.layout import BUILD, DATABASE

Found = Iterable[str | Path] | None
"""What a step returns: inputs beyond the declared ones."""


class Checker(FileChangedChecker):  # type: ignore[misc]
    """Files are the same if neither time, size nor inode moved, or else if their bytes are the same."""

    def check_modified(self, file_path: str, file_stat: os.stat_result, state: files.State) -> bool:
        known = [file_stat.st_mtime_ns, file_stat.st_size, file_stat.st_ino]
        return known != state[:3] and files.file_digest(file_path) != state[3]

    def get_state(self, dep: str, current_state: files.State | None) -> files.State | None:
        if current_state and current_state[:3] == files.signature(dep):
            return None
        return files.state(dep)


class Intact(UptodateCalculator):  # type: ignore[misc]
    """Outputs are the bytes of the recorded success, and so are the inputs that were discovered then."""

    store: Any = None
    """doit's record of successes, of which it would write nothing before the very end."""

    def setup(self, dep_manager: Any, tasks_dict: Any) -> None:
        Intact.store = dep_manager

    def __call__(self, task: Any, values: Mapping[str, Any]) -> bool:
        return all(files.unchanged(path, known) for path, known in values.get("files", {}).items())


def commit() -> None:
    """Write what doit has recorded so far, so that a killed build does nothing twice."""
    backend = Intact.store.backend
    for name in backend._dirty:
        data = backend.codec.encode(backend._cache[name])
        backend._conn.execute("insert or replace into doit values (?,?)", (name, data))
    backend._conn.commit()
    backend._dirty = set()


def task(
    basename: str,
    name: str | None,
    step: Callable[..., Found],
    arguments: Mapping[str, Any],
    *,
    inputs: Iterable[Path],
    outputs: Iterable[Path],
    config: Any,
    seconds: Path,
    after: Iterable[str] = (),
) -> dict[str, Any]:
    """A doit task that runs `step(**arguments)`.

    Args:
        name: of the subtask, None if `basename` is a task by itself.
        inputs: files; the step runs again when the bytes of one change.
        outputs: files the step writes, unless they are already what it would write.
        config: plain JSON; the step runs again when it changes.
        seconds: file in which the time each step took is kept.
        after: tasks that have to be done before.
    """
    targets = [str(path) for path in outputs]
    label = basename if name is None else f"{basename}:{name}"
    made: dict[str, Any] = {
        "basename": basename,
        "actions": [(_run, [label, step, dict(arguments), targets, seconds])],
        "file_dep": [str(path) for path in inputs],
        "targets": targets,
        "uptodate": [config_changed(config), Intact()],
        "task_dep": list(after),
        "clean": [(_remove, [targets])],
        "io": {"capture": False},
        "doc": (step.__doc__ or "").partition("\n")[0],
    }
    if name is not None:
        made["name"] = name
    return made


def _run(
    label: str, step: Callable[..., Found], arguments: Mapping[str, Any], outputs: list[str], seconds: Path
) -> dict[str, Any] | TaskFailed:
    start = time.perf_counter()
    try:
        found = [str(path) for path in step(**arguments) or ()]
        states = {path: files.state(path) for path in (*outputs, *found)}
    except HlspikeError as error:
        return TaskFailed(" ".join(str(error).split("\n")))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return TaskFailed(f"{where}{error.strerror or error}; {label} needs it")
    except Exception as error:
        log = BUILD / "internal-error.log"
        with contextlib.suppress(OSError):
            files.write(log, traceback.format_exc())
        return TaskFailed(f"{label}: internal error, {type(error).__name__}: {error}; please report it with {log}")
    _note(seconds, label.partition(":")[0], label, time.perf_counter() - start)
    return {"files": states}


def _note(path: Path, stage: str, label: str, taken: float) -> None:
    """Keep the time of a step. No step depends on the file: times differ from run to run."""
    known = _seconds(path)
    known.setdefault(stage, {})[label] = taken
    files.write_json(path, known)


def _seconds(path: Path) -> dict[str, dict[str, float]]:
    try:
        known: dict[str, dict[str, float]] = files.read_json(path)
    except (OSError, ValueError):
        known = {}
    return known


def seconds(path: Path) -> dict[str, float]:
    """Stage → seconds of the latest run of each of its steps."""
    return {stage: sum(steps.values()) for stage, steps in _seconds(path).items()}


def _remove(outputs: Iterable[str]) -> None:
    """Remove outputs, and the folders that they leave empty."""
    for output in outputs:
        path = Path(output)
        path.unlink(missing_ok=True)
        for folder in path.parents:
            if folder in (BUILD, Path()):
                break
            try:
                folder.rmdir()
            except OSError:
                break


def options() -> dict[str, Any]:
    """DOIT_CONFIG."""
    from tasks.console import Console

    return {
        "default_tasks": ["build"],
        "dep_file": str(DATABASE),
        "backend": "sqlite3",
        "check_file_uptodate": Checker,
        "reporter": Console,
        "par_type": "thread",
        "verbosity": 2,
    }
