"""Tasks that cost what changed: a step runs when something that its result rests on has changed, and not even then if
the shared cache holds the result.

Every task of a build is made by `task`. A step is a function that writes its outputs, each left alone if it is already
what would be written, and returns the inputs that it discovered on the way. Nothing here runs one, so that a build with
nothing to do need not load what does: see `running`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from doit import cmd_base
from doit.exceptions import TaskFailed
from doit.globals import Globals

from hlspike.tasks.engine.record import Checker, Record, Standing, View, belongs
from hlspike.tasks.engine.step import Rests, Step
from hlspike.tasks.layout import BUILD, DATABASE, HEADERS

if TYPE_CHECKING:
    from hlspike.tasks.configuration.variants import Variant

_LOGS = ("link.log", "csim.log", "predict.log", "build.log")
"""Of a variant, beside those of its compilations."""
_labels: dict[Path, list[str]] = {}


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
        "clean": [(_remove, [root, notes, label, targets])],
        "io": {"capture": False},
    }
    if name is not None:
        made["name"] = name
    _labels.setdefault(root, []).append(label)
    belongs(label, _name(root), root)
    return made


def _name(root: Path) -> str:
    """Of the builds in whose folder `root` is; what all share is of none."""
    return root.relative_to(BUILD).parts[0] if root.is_relative_to(BUILD) and root not in (BUILD, HEADERS) else ""


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
    from hlspike.tasks.engine import running

    return running.answer(function, words or [], arguments, options)


def _run(step: Step) -> dict[str, Any] | TaskFailed:
    from hlspike.tasks.engine import running

    return running.run(step)


def labels(root: Path) -> Sequence[str]:
    """Of the steps of the variant in `root`, as far as their tasks are made: it grows until a step runs."""
    return _labels.setdefault(root, [])


def steps() -> list[str]:
    """Labels of all steps whose tasks are made."""
    return [label for every in _labels.values() for label in every]


def _remove(root: Path, notes: Path, label: str, outputs: Iterable[str]) -> None:
    """Remove the outputs of a step, as far as they are known to be its own."""
    from hlspike.tasks.engine import notes as kept

    known = {name: state[-1] for name, state in _recorded(label).items()}
    for note in kept.read(notes).values():
        known |= note.made
    _remove_made(root, {name: known[name] for name in outputs if name in known})


def _recorded(label: str) -> Mapping[str, Any]:
    """Files of the step's latest success, path → state."""
    store = Globals.dep_manager
    files: Mapping[str, Any] = store.get_values(label).get("files", {}) if store is not None else {}
    return files


def _remove_made(root: Path, made: Mapping[str, str | None]) -> None:
    from hlspike.tasks.engine import marks

    if made and marks.carries(root):
        for path in marks.remove(made):
            print(f"{path}: is not what was made, and stays")


def remove_noted(root: Path, notes: Path) -> None:
    """Remove all that the steps with these notes ever made, what is kept of their runs, and their logs."""
    from hlspike.tasks.engine import marks
    from hlspike.tasks.engine import notes as kept

    if not marks.carries(root):
        return
    _remove_made(root, {name: digest for note in kept.read(notes).values() for name, digest in note.made.items()})
    logs = (path for path in notes.parent.glob("*.log") if path.name in _LOGS or path.name.startswith("compile-"))
    marks.remove({str(path): None for path in (*logs, notes, notes.parent / "job.json", notes.parent / ".lock")})
    for folder in (root, *root.parents):
        marks.release(folder)


def options(variants: Sequence[Variant]) -> dict[str, Any]:
    """DOIT_CONFIG. One variant that fails does not keep the others of a sweep from being built."""
    from hlspike.tasks.terminal import usage
    from hlspike.tasks.terminal.console import Console

    usage.install(steps)
    # doit has no setting for what it asks and tells, only for the table behind it
    cmd_base.Dependency = Record
    return {
        "continue": len(variants) > 1,
        "default_tasks": ["build"],
        "sort": "definition",
        "dep_file": str(DATABASE),
        "backend": "sqlite3",
        "check_file_uptodate": Checker,
        "reporter": type("Console", (Console,), {"variants": variants}),
        "par_type": "thread",
        "verbosity": 2,
    }
