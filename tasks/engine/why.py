"""`doit why TASK…`: what has changed since a step last succeeded, one line per reason."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from hlspike.generators.errors import ConfigError
from hlspike.tasks.engine import states
from hlspike.tasks.engine.record import Standing, differences
from hlspike.tasks.system import files

_LONGEST = 60
"""Characters of a value."""
_KINDS = {"versions": "version of ", "local": "place of the ", "environment": "environment variable "}


def explain(words: list[str]) -> str:
    """The reasons of the tasks named, `build` if none is; what follows from another step with the reasons of that.

    Raises:
        ConfigError: there is no such task.
    """
    view = _View()
    lines: list[str] = []
    steps = 0
    for word in words or ["build"]:
        names = _steps(word)
        steps += len(names)
        for name in names:
            lines += [f"{name}: {reason}" for reason in view.own(name)]
        if names == [word]:
            roots = [root for root in view.roots(word) if root != word]
            lines += [f"{word} follows {root}: {reason}" for root in roots for reason in view.own(root)]
        elif following := sum(1 for name in names if not view.own(name) and view.roots(name)):
            lines.append(f"{word}: {following} steps that follow may run, as far as their inputs change")
    return "\n".join(lines) or f"{steps} {'step is' if steps == 1 else 'steps are'} up to date"


def _steps(name: str) -> list[str]:
    """The steps that `name` stands for, each after those it depends on."""
    tasks = Standing.tasks
    if name not in tasks:
        close = get_close_matches(name, tasks, 1)
        raise ConfigError(
            f"why: there is no step '{name}'" + (f", did you mean '{close[0]}'" if close else "")
            + "; doit list --all names them, once the network has been extracted those of its layers too"
        )
    if tasks[name].targets:
        return [name]
    found: dict[str, None] = {}
    visited: set[str] = set()

    def visit(current: str) -> None:
        if current not in visited and current in tasks:
            visited.add(current)
            for before in tasks[current].task_dep:
                visit(before)
            if tasks[current].targets:
                found[current] = None

    visit(name)
    return list(found)


class _View:
    """What is known of each step, worked out once."""

    def __init__(self) -> None:
        self._maker = {target: name for name, task in Standing.tasks.items() for target in task.targets}
        self._own: dict[str, list[str]] = {}
        self._roots: dict[str, list[str]] = {}

    def own(self, name: str) -> list[str]:
        """Reasons of the step itself, not of those that make its inputs."""
        if name not in self._own:
            self._own[name] = list(self._found(name))
        return self._own[name]

    def roots(self, name: str) -> list[str]:
        """The steps with reasons of their own that `name` is or follows."""
        if name not in self._roots:
            makers = (self._maker.get(path) for path in sorted(Standing.tasks[name].file_dep))
            before = [root for maker in dict.fromkeys(makers) if maker is not None for root in self.roots(maker)]
            self._roots[name] = list(dict.fromkeys([*before, *([name] if self.own(name) else [])]))
        return self._roots[name]

    def _found(self, name: str) -> Iterator[str]:
        task, store = Standing.tasks[name], Standing.store
        values = store.get_values(name)
        if "rests" not in values:
            yield "it has not succeeded yet"
            return
        rests = next(check.rests for check, *_ in task.uptodate if isinstance(check, Standing))
        yield from _changed_rests(values["rests"], rests)
        for path, known in values["files"].items():
            if not states.unchanged(path, known):
                yield _told(path, known, path in task.targets)
        before = set(store._get(name, "deps:") or ())
        for path in sorted(before - task.file_dep):
            yield f"{path} is no input any more"
        for path in sorted(task.file_dep - before):
            yield f"{path} is a new input"
        for path in sorted(task.file_dep & before):
            if path not in self._maker and not files.unchanged(path, store._get(name, path)):
                yield f"{path} {_state(path)}"


def _told(name: str, known: states.State, made: bool) -> str:
    """What has become of an output or of an input that was found."""
    path = states.parted(name)[1]
    match known[0]:
        case "missing":
            return f"{path}, which it looked for, is there now"
        case "there":
            return f"{path}, which it looked for, {_state(path)}"
        case "access":
            return f"{path}, which it looked for, may be read, written or run by others than before"
        case "order":
            return "other files are older than others, of those that it asked about"
        case "link":
            return f"{path}, a link that it follows, {_state(path)}"
        case "listing":
            return f"{path}, a folder that it lists, {'holds other names' if Path(path).is_dir() else 'is missing'}"
        case "module":
            now = states.seen(name, "module")[1]
            return f"import of {os.path.basename(name)}: {known[1] or 'none'} → {now or 'none'}"
        case "package":
            package = name.removeprefix(states.PACKAGE)
            return f"version of {package}: {known[1]} → {states.version(package)}"
        case _:
            return f"{path}, which it {'made' if made else 'reads'}, {_state(path)}"


def _state(path: str) -> str:
    return "has changed" if Path(path).exists() else "is missing"


def _changed_rests(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for kind in ("config", "code", "versions", "local", "environment"):
        for key, before, after in differences(old.get(kind) or {}, new.get(kind) or {}):
            if kind == "code":
                yield f"{key}, our own source, has changed"
            else:
                yield f"{_KINDS.get(kind, '')}{key}: {_shown(before)} → {_shown(after)}"
    for key, before, after in differences(old.get("order") or {}, new.get("order") or {}):
        # keys that came or went are told above
        if before and after and set(before) == set(after):
            yield f"order of {key}: {_shown(', '.join(before))} → {_shown(', '.join(after))}"


def _shown(value: Any) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
