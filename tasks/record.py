"""The record of successes: what doit's own lacks. Outputs and discovered inputs are known by their bytes, what a step
rests on is kept in the open so that a change can be told by name, and each success is on disk before the next begins.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from inspect import Parameter, Signature
from typing import Any

from doit.dependency import FileChangedChecker, UptodateCalculator
from doit.exceptions import InvalidTask

from tasks import files
from tasks.layout import DATABASE


class Checker(FileChangedChecker):  # type: ignore[misc]
    """Files are the same if their signature is, or else if their bytes are."""

    def check_modified(self, file_path: str, file_stat: os.stat_result, state: files.State) -> bool:
        return files.signature_of(file_stat) != state[:-1] and files.file_digest(file_path) != state[-1]

    def get_state(self, dep: str, current_state: files.State | None) -> files.State | None:
        if current_state and current_state[:-1] == files.signature(dep):
            return None
        return files.state(dep)


class Standing(UptodateCalculator):  # type: ignore[misc]
    """A success stands while the step rests on the same, and its outputs and discovered inputs are the same bytes.

    Args:
        rests: plain JSON, kind → what of that kind the result rests on beside files.
    """

    # doit asks for it once per task; working it out takes longer than most answers
    __signature__ = Signature([Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in ("task", "values")])
    store: Any = None
    """doit's record, once a task has been looked at."""
    tasks: Mapping[str, Any]
    """Every task there is, by name."""

    def __init__(self, rests: Mapping[str, Any]) -> None:
        super().__init__()
        self.rests = rests

    def setup(self, dep_manager: Any, tasks_dict: Any) -> None:
        Standing.store, Standing.tasks = dep_manager, tasks_dict

    def __call__(self, task: Any, values: Mapping[str, Any]) -> bool:
        return self.rests == values.get("rests") and all(
            files.unchanged(path, known) for path, known in values["files"].items()
        )


class View(UptodateCalculator):  # type: ignore[misc]
    """For a task that looks at the record, and is never up to date itself."""

    setup = Standing.setup

    def __call__(self) -> bool:
        return False


def commit() -> None:
    """Write what doit has recorded so far, which it would do only at the very end.

    Raises:
        InvalidTask: the record cannot be written.
    """
    backend = Standing.store.backend
    try:
        for name in backend._dirty:
            data = backend.codec.encode(backend._cache[name])
            backend._conn.execute("insert or replace into doit values (?,?)", (name, data))
        backend._conn.commit()
    except sqlite3.Error as error:
        backend._conn.rollback()
        raise InvalidTask(f"{DATABASE}: {error}; the build needs to write there") from None
    finally:
        backend._dirty = set()


def differences(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(dotted key, old, new) of every leaf that differs; None stands for a missing one."""
    if isinstance(old, Mapping) or isinstance(new, Mapping):
        old, new = _as_mapping(old), _as_mapping(new)
        for key in (*old, *(key for key in new if key not in old)):
            yield from differences(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
    elif old != new:
        yield path, old, new


def _as_mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {} if value is None else {"": value}
