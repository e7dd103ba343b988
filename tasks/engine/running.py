"""A step, run: from the shared cache where it holds the result, else by the step's own function.

In comes a `Step`; out goes what the record keeps of its success, or the one line that says why there is none.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

from doit.exceptions import TaskFailed

from hlspike.generators.errors import ConfigError, HlspikeError, ToolError
from hlspike.tasks.cache.entry import Damaged, discard
from hlspike.tasks.cache.shared import Cache
from hlspike.tasks.engine import notes, record, states
from hlspike.tasks.engine.step import Step
from hlspike.tasks.layout import BUILD, HEADERS, PACKAGE
from hlspike.tasks.system import files, locks
from hlspike.tasks.terminal import console

T = TypeVar("T")
Found = Mapping[str, states.State]
"""Inputs that a step has found, name → state."""
_SCHEMA = 2
"""Of the keys of the cache."""


def run(step: Step) -> dict[str, Any] | TaskFailed:
    """What doit keeps as the values of the task, or why there are none."""
    log = step.notes.parent / f"{step.label}-traceback.log"
    done = _told(step.label, lambda: _run(step), log)
    if not isinstance(done, TaskFailed):
        log.unlink(missing_ok=True)
    return done


def answer(
    function: str, words: list[str], arguments: Sequence[Any], options: Mapping[str, str]
) -> TaskFailed | None:
    """Print what `function`, a `module:function`, says to `words`; None if it had an answer.

    Args:
        options: as given before the words; after them they are still among these.
    """

    def told() -> None:
        given = dict(options)
        for word in words:
            if word.startswith("-"):
                name, _, value = word.removeprefix("--").partition("=")
                if name not in options:
                    known = ", ".join(f"--{option}=…" for option in options) or "none"
                    raise ConfigError(f"{word}: there is no such option; options are {known}")
                given[name] = value
        console.tell(_function(function)([word for word in words if not word.startswith("-")], *arguments, **given))

    return _told(function, told)


def _told(label: str, action: Callable[[], T], log: Path | None = None) -> T | TaskFailed:
    """What `action` returns; its errors as one line.

    Args:
        log: for the trace of an error in the user's code.
    """
    try:
        return action()
    except Exception as error:
        if console.interrupted.is_set():
            raise KeyboardInterrupt from None
        failed = TaskFailed(_line(label, error, log))
        # for who builds from Python, see `console.KINDS`
        failed.kind = type(error).__name__
        return failed


def _line(label: str, error: Exception, trace: Path | None) -> str:
    if isinstance(error, HlspikeError):
        if trace is None or not error.trace:
            return str(error)
        with contextlib.suppress(OSError):
            files.write(trace, error.trace.encode(errors="backslashreplace"))
        return f"{error}; traceback in {trace}"
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}; {label} needs it"
    log = BUILD / "internal-error.log"
    with contextlib.suppress(OSError):
        files.write(log, "".join(traceback.format_exception(error)))
    return f"{label}: internal error, {type(error).__name__}: {error}; please report it with {log}"


def _run(step: Step) -> dict[str, Any]:
    with _alone(step):
        for output in step.outputs:
            files.sweep(output)
        notes.begin(step.notes, step.label, step.outputs)
        # before anything looks at what they hold
        before = {path: files.signature(path) for path in step.inputs}
        found, taken, reused = (
            _made(step, before) if step.cache is None else _shared(step, before, Cache.of(step.cache))
        )
        read = {str(path): files.state(path) for path in step.inputs}
        _check_unchanged(step, before)
        record.agreement.check({**found, **read})
        record.Checker.read.update(read)
        made = {str(path): files.state(path) for path in step.outputs}
        digests = {name: state[-1] for name, state in made.items()}
        contents = {name: states.content(state) for name, state in found.items()}
        notes.note(step.notes, step.label, taken, reused, digests, contents)
    return {"files": {**made, **found}, "rests": step.rests.to_json(), "seconds": taken, "reused": reused}


def _alone(step: Step) -> AbstractContextManager[None]:
    """Held while what the jobs of a sweep share is made; a variant is built by one job alone."""
    if not step.root.is_relative_to(HEADERS):
        return contextlib.nullcontext()
    return locks.locked(step.root / ".lock", lambda: _say(f"waiting for another build that makes {step.label}"))


def _made(step: Step, before: Mapping[Path, files.Signature]) -> tuple[Found, float, bool]:
    start = time.perf_counter()
    returned = _function(step.function)(**step.arguments) or ()
    if not isinstance(returned, Mapping):
        returned = {path: files.state(path) for path in dict.fromkeys(map(os.path.normpath, returned))}
    declared = {os.path.normpath(path) for path in step.inputs}
    _check_unchanged(step, before)
    found = {name: state for name, state in returned.items() if name not in declared}
    return found, time.perf_counter() - start, False


def _check_unchanged(step: Step, before: Mapping[Path, files.Signature]) -> None:
    for path, known in before.items():
        if files.signature(path) != known:
            raise ToolError(f"{path}: it changed while {step.label} ran; run the build again")


def _shared(step: Step, before: Mapping[Path, files.Signature], cache: Cache) -> tuple[Found, float, bool]:
    key = key_of(step)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(cache.lock(key, lambda: _tell_waiting(step, key)))
        except OSError as error:
            _without_cache(error)
            return _made(step, before)
        _making.add(key)
        reused = _reused(step, cache, key)
        if reused is not None:
            return *reused, True
        found, taken, _ = _made(step, before)
        try:
            outputs = {_name(step, str(path)): path for path in step.outputs}
            cache.put(key, outputs, {_name(step, name): states.content(state) for name, state in found.items()},
                      {"step": step.label, "seconds": taken})
        except OSError as error:
            _without_cache(error)
        return found, taken, False


def _reused(step: Step, cache: Cache, key: str) -> tuple[Found, float] | None:
    entry = cache.get(key, lambda name, known: states.current(_path(step, name), known))
    if entry is None:
        return None
    try:
        entry.restore({_name(step, str(path)): path for path in step.outputs})
    except Damaged as error:
        _say(f"cache: {entry.folder}: {error}; {step.label} is made again")
        discard(entry.folder)
        return None
    found = {}
    for name, known in entry.found.items():
        path = _path(step, name)
        found[path] = states.seen(path, known.partition(" ")[0])
        if states.content(found[path]) != known:
            raise ToolError(f"{path}: it changed while {step.label} was taken from the cache; run the build again")
    return found, float(entry.meta["seconds"])


def key_of(step: Step) -> str:
    """Of the content that the result follows from."""
    inputs = sorted((_name(step, str(path)), files.file_digest(path)) for path in step.inputs)
    outputs = sorted(_name(step, str(path)) for path in step.outputs)
    rests = step.rests
    content = step.function, rests.config, rests.order, rests.code, rests.versions, rests.environment, inputs, outputs
    return files.digest(json.dumps([_SCHEMA, *content], sort_keys=True).encode())


def _name(step: Step, name: str) -> str:
    """The name of a file, or of an input that was found, for the cache: the same in every clone, for every variant."""
    kind, path = states.parted(name)
    if kind == states.PACKAGE:
        return name
    whole = Path.cwd() / path
    for start, folder in _places(step):
        if whole.is_relative_to(folder):
            return f"{kind}{start}{whole.relative_to(folder)}"
    return f"{kind}{whole}"


def _path(step: Step, name: str) -> str:
    """The inverse of `_name`."""
    kind, path = states.parted(name)
    for start, folder in _places(step):
        if start and path.startswith(start):
            return f"{kind}{_shortest(folder / path.removeprefix(start))}"
    return name if kind == states.PACKAGE else f"{kind}{_shortest(Path.cwd() / path)}"


def _places(step: Step) -> tuple[tuple[str, Path], ...]:
    here = Path.cwd()
    return (
        ("{variant}/", here / step.root), ("{headers}/", here / HEADERS), ("{hlspike}/", PACKAGE), ("", here),
        ("{home}/", Path(os.path.expanduser("~"))),
    )


def _function(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found


def _shortest(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


_making: set[str] = set()
"""Keys that this process has made, or is making."""
_said: set[str] = set()


def _tell_waiting(step: Step, key: str) -> None:
    if key not in _making:
        _say(f"waiting for another build that makes {step.label}")


def _without_cache(error: OSError) -> None:
    message = f"cache: {error.filename}: {error.strerror}; going on without it"
    if message not in _said:
        _said.add(message)
        _say(message)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
