"""The record of successes: what doit's own lacks. Outputs and discovered inputs are known by their bytes, what a step
rests on is kept in the open so that a change can be told by name, and each success is on disk before the next begins.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any, ClassVar

from doit.dependency import Dependency, DependencyStatus, FileChangedChecker, UptodateCalculator

from hlspike.generators.errors import ToolError
from hlspike.tasks.engine import states
from hlspike.tasks.engine.store import Store, whole_id
from hlspike.tasks.layout import BUILD, DATABASE
from hlspike.tasks.system import files


class Checker(FileChangedChecker):  # type: ignore[misc]
    """Files are the same if their signature is, or else if their bytes are."""

    def check_modified(self, file_path: str, file_stat: os.stat_result, state: files.State) -> bool:
        return files.signature_of(file_stat) != state[:-1] and files.file_digest(file_path) != state[-1]

    read: ClassVar[dict[str, files.State]] = {}
    """Path → state, of inputs at the time when the step that has just run read them."""

    def get_state(self, dep: str, current_state: files.State | None) -> files.State | None:
        if dep in self.read:
            return None if current_state == self.read[dep] else self.read[dep]
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
            states.unchanged(path, known) for path, known in values["files"].items()
        )


class View(UptodateCalculator):  # type: ignore[misc]
    """For a task that looks at the record, and is never up to date itself."""

    setup = Standing.setup

    def __call__(self) -> bool:
        return False


class Record(Dependency):  # type: ignore[misc]
    """What doit asks whether a task is up to date, and tells of a success: only steps are recorded, each at once.

    A task that only names others is not: it has the name of a step where there is a single variant.
    """

    def __init__(self, db_class: Any, backend_name: str, checker_cls: Any = Checker, **_: Any) -> None:
        self._closed = False
        self.checker = checker_cls()
        self.db_class = Store
        self.backend = _store(backend_name)
        self._set, self._get, self._in = self.backend.set, self.backend.get, self.backend.in_
        self.remove, self.remove_all, self.name = self.backend.remove, self.backend.remove_all, backend_name

    def save_success(self, task: Any, result_hash: Any = None) -> None:
        if "rests" not in task.values:
            return
        before, row = self.backend.row(task.name), {"_values_:": task.values, "deps:": sorted(task.file_dep)}
        for dep in row["deps:"]:
            row[dep] = self.checker.get_state(dep, before.get(dep)) or before[dep]
        self.backend.put(task.name, row)
        self.backend.commit()

    def get_status(self, task: Any, tasks_dict: Any, get_log: bool = False) -> Any:
        Standing.store, Standing.tasks = self, tasks_dict
        if get_log or not task.targets:
            return super().get_status(task, tasks_dict, get_log)
        status = DependencyStatus(get_log)
        task.dep_changed = []
        row = self.backend.row(task.name)
        try:
            stands = all(check(task, row.get("_values_:", {})) for check, *_ in task.uptodate)
            if not stands or set(row["deps:"]) != task.file_dep:
                status.status = "run"
                return status
            for dep in task.file_dep:
                if self.checker.check_modified(dep, os.stat(dep), row[dep]):
                    status.status = "run"
                    task.dep_changed.append(dep)
        except FileNotFoundError as error:
            status.status, status.error_reason = "error", f"{error.filename} is missing"
        except (ValueError, KeyError, TypeError, IndexError):
            # a row that says nothing
            status.status = "run"
        return status


def belongs(label: str, name: str, root: Path) -> None:
    """The task `label` is a step of builds of that name, and recorded with those; `root` is the variant's folder."""
    Store.names[label], Store.wholes[label] = name, str(root)


def whole_of(label: str) -> str | None:
    """The folder of the variant that the task `label` is a step of."""
    return Store.wholes.get(label)


def whole(root: str) -> Mapping[str, Any]:
    """What is kept of all steps of the variant in `root` together, as long as none of them is recorded anew."""
    return _store(str(DATABASE)).row(whole_id(root))


def keep_wholes(found: Mapping[str, dict[str, Any]]) -> None:
    """Keep what `whole` is to say, folder → plain JSON."""
    store = _store(str(DATABASE))
    for root, kept in found.items():
        store.put(whole_id(root), kept)
    store.commit()


def row(label: str) -> Mapping[str, Any]:
    """What is recorded of the latest success of a step, also before doit has been asked; nothing if there is none."""
    return _store(str(DATABASE)).row(label)


def recorded(label: str) -> Mapping[str, Any]:
    """The values of it."""
    values: Mapping[str, Any] = row(label).get("_values_:", {})
    return values


@cache
def _store(path: str) -> Store:
    return Store(path)


class Agreement:
    """All steps of a build read the same: what one has read, or stands on, no other finds changed."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._standing: list[Callable[[], Iterable[tuple[str, str]]]] = []
        self._lock = threading.Lock()

    def stands(self, inputs: Callable[[], Iterable[tuple[str, str]]]) -> None:
        """What has these inputs, name → content, is up to date."""
        self._standing.append(inputs)

    def step_stands(self, label: str) -> None:
        """The step is up to date."""
        self.stands(partial(self._inputs, label))

    def check(self, found: Mapping[str, states.State]) -> None:
        """Raises ToolError if an input of a step that has run is not what another step had."""
        with self._lock:
            while self._standing:
                for name, content in self._standing.pop()():
                    self._known.setdefault(name, content)
            for name, state in found.items():
                # what the steps make for each other is made anew as the build goes on
                if Path(name).is_relative_to(BUILD):
                    continue
                content = states.content(state)
                if not states.agree(self._known.setdefault(name, content), content):
                    raise ToolError(f"{name}: it changed while the build ran; run the build again")

    @staticmethod
    def _inputs(label: str) -> Iterator[tuple[str, str]]:
        """Of a step that stands, those that no step makes."""
        task, store = Standing.tasks[label], Standing.store
        for name, state in store.get_values(label).get("files", {}).items():
            if name not in task.targets:
                yield name, states.content(state)
        for path in task.file_dep:
            state = store._get(label, path)
            if state and not Path(path).is_relative_to(BUILD):
                yield path, states.content(state)


agreement = Agreement()


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
