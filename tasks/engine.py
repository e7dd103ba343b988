"""Tasks that cost what changed: a step runs when something that its result rests on has changed, and not even then if
the shared cache holds the result.

Every task of a build is made by `task`. A step is a function that writes its outputs, each left alone if it is already
what would be written, and returns the inputs that it discovered on the way. Nothing here runs one, so that a build with
nothing to do need not load what does: see `tasks.running`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from doit.exceptions import TaskFailed

from tasks.layout import BUILD, DATABASE
from tasks.record import Checker, Standing, View

if TYPE_CHECKING:
    from tasks.variants import Variant


@dataclass(frozen=True, slots=True)
class Rests:
    """What a result rests on beside its input files, in plain JSON.

    Attributes:
        config: a slice of the configuration.
        code: our own sources, path → digest.
        versions: of packages and tools.
        local: what matters to this working directory, but is no part of the content, such as where the compiler is.
        environment: variables that the user's code reads, name → value; None for one that is not set.
    """

    config: Any = None
    code: Mapping[str, str] | None = None
    versions: Mapping[str, str] | None = None
    local: Mapping[str, str] | None = None
    environment: Mapping[str, str | None] | None = None

    def to_json(self) -> dict[str, Any]:
        every = {
            "config": self.config, "code": self.code, "versions": self.versions, "local": self.local,
            "environment": self.environment,
        }
        return {kind: value for kind, value in every.items() if value}


@dataclass(frozen=True, slots=True)
class Step:
    """A step with everything it is given.

    Attributes:
        label: name of the task.
        function: `module:function` of what to call; it returns the inputs it discovered, or None.
        root: folder of the variant; names in the cache are relative to it.
        cache: the configuration of that name; None if running costs no more than copying.
        notes: file of `tasks.notes`.
    """

    label: str
    function: str
    arguments: Mapping[str, Any]
    inputs: tuple[Path, ...]
    outputs: tuple[Path, ...]
    rests: Rests
    root: Path
    cache: Mapping[str, Any] | None
    notes: Path


def task(
    basename: str,
    name: str | None,
    function: str,
    arguments: Mapping[str, Any],
    *,
    inputs: Iterable[Path],
    outputs: Iterable[Path],
    rests: Rests,
    root: Path,
    notes: Path,
    after: Iterable[str] = (),
    cache: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A doit task that runs `function(**arguments)`.

    Args:
        name: of the subtask, None if `basename` is a task by itself.
        inputs: files; the step runs again when the bytes of one change.
        outputs: files the step writes, unless they are already what it would write.
        after: tasks that have to be done before.
        root, notes, cache: as in `Step`.
    """
    label = basename if name is None else f"{basename}:{name}"
    step = Step(
        label, function, dict(arguments), tuple(inputs), tuple(outputs), rests, root, cache, notes
    )
    targets = [str(path) for path in step.outputs]
    made: dict[str, Any] = {
        "basename": basename,
        "actions": [(_run, [step])],
        "file_dep": [str(path) for path in step.inputs],
        "targets": targets,
        "uptodate": [Standing(rests.to_json())],
        "task_dep": list(after),
        "clean": [(_remove, [targets])],
        "io": {"capture": False},
    }
    if name is not None:
        made["name"] = name
    return made


def inquiry(basename: str, function: str, *arguments: Any, options: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A doit task that answers `doit <basename> WORD…` with the text that `function(words, *arguments)` returns.

    Args:
        options: name → help of what can be given as --name=value; `function` gets each as a keyword, "" if it is not.
    """
    params = [{"name": name, "long": name, "default": "", "help": told} for name, told in (options or {}).items()]
    return {
        "basename": basename,
        "actions": [(_answer, [function, arguments])],
        "params": params,
        "pos_arg": "words",
        "uptodate": [View()],
        "io": {"capture": False},
    }


def _answer(function: str, arguments: Sequence[Any], words: list[str] | None, **options: str) -> TaskFailed | None:
    from tasks import running

    return running.answer(function, words or [], arguments, options)


def _run(step: Step) -> dict[str, Any] | TaskFailed:
    from tasks import running

    return running.run(step)


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


def remove_noted(notes: Path) -> None:
    """Remove all that the steps with these notes ever made, what is kept of their runs, and their logs."""
    from tasks import notes as kept

    made = [path for known in kept.read(notes).values() for path in known["made"]]
    _remove([*made, *map(str, notes.parent.glob("*.log")), str(notes), str(notes.parent / ".lock")])


def options(variants: Sequence[Variant]) -> dict[str, Any]:
    """DOIT_CONFIG. One variant that fails does not keep the others of a sweep from being built."""
    from tasks.console import Console

    return {
        "continue": len(variants) > 1,
        "default_tasks": ["build"],
        "dep_file": str(DATABASE),
        "backend": "sqlite3",
        "check_file_uptodate": Checker,
        "reporter": type("Console", (Console,), {"variants": variants}),
        "par_type": "thread",
        "verbosity": 2,
    }
