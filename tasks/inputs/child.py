"""The child that a call runs in: in the project's folder, recorded, apart from everything else.

It leaves `outcome.json` in the folder of the call: {} if all went well, or the kind of the refusal and its message.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import importlib
import json
import os
import pickle
import random
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import numpy as np
import torch

from hlspike.generators import errors
from hlspike.tasks.inputs import failures, listening, packages, recording
from hlspike.tasks.inputs.finder import Finder
from hlspike.tasks.inputs.imports import Imports
from hlspike.tasks.inputs.journal import signature
from hlspike.tasks.inputs.loading import Loader

REQUEST, OUTCOME, DOING, LOG = "request.pickle", "outcome.json", "doing", "log"
"""Files in the folder of a call."""
BROKEN = 117
"""Exit code of a child in which not even its outcome can be told any more."""
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
loaded: list[tuple[str, str]] = []
"""Files of the modules that were loaded before the first call, and what told them apart from later ones."""
_PATIENCE = 2.0
"""Seconds that what the user's code has registered for the end may take."""
library = ctypes.CDLL(None, use_errno=True)


def prepared() -> None:
    """All modules that calls begin with are loaded."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and os.path.isfile(file):
            loaded.append((file, signature(file)))
    for place in sys.path:
        packages.brought(place)


def run(folder: Path) -> NoReturn:
    """The call of which `folder` holds the request; the process ends with it."""
    # as they are now: the user's code may replace them
    itself, pid, end = os.getpid(), os.getpid, os._exit
    try:
        library.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        library.prctl(_PR_SET_CHILD_SUBREAPER, 1)
        _first_to_go()
        outcome = _outcome(folder)
        if pid() != itself:  # the user's code has forked, and did not end this one
            end(0)
        with quiet():
            temporary = folder / f"{OUTCOME}.new"
            temporary.write_text(json.dumps(outcome), encoding="utf-8")
            temporary.rename(folder / OUTCOME)
        _end()
    finally:
        end(BROKEN if pid() == itself else 0)


def _first_to_go() -> None:
    """Where memory ends, the user's code ends, and not the build or what else runs there."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _outcome(folder: Path) -> dict[str, str]:
    doing = folder / DOING

    def tell(what: str) -> None:
        with quiet():
            doing.write_text(what, encoding="utf-8")

    counts: Callable[[str], bool] = bool
    try:
        request = pickle.loads((folder / REQUEST).read_bytes())
        counts = _counting(request["rules"])
        _settle(request["folder"], request["environment"])
        record(folder / LOG, request["rules"])
        imports = Imports(Finder(request["folder"], counts, _noted, hush))
        imports.install()
        for path, at in loaded:
            if imports.finder.is_users(path):
                note("q", path, at)
        module, _, name = request["function"].partition(":")
        function = getattr(importlib.import_module(module), name)
        before = set(sys.modules)
        function(Loader(imports, tell), **request["arguments"])
        with quiet():
            _note_packages({*imports.named, *(set(sys.modules) - before)})
        if has_recorder():
            library.hlspike_loaded()
    except errors.HlspikeError as error:
        return {"kind": _kind(error), "message": str(error), **_raised(error.__cause__, counts, error)}
    except BaseException as error:
        raised = _raised(error, counts)
        if raised["place"] or not isinstance(error, Exception):
            message = f"{doing.read_text(encoding='utf-8')} {failures.told(error)}"
            return {"kind": "ConfigError", "message": message, **raised}
        return {"kind": "", "message": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}
    return {}


def _raised(
    error: BaseException | None, counts: Callable[[str], bool], refusal: BaseException | None = None
) -> dict[str, str]:
    """Where in the user's code `error` was raised, if it was, and its trace."""
    if error is None:
        return {}
    with quiet():
        place = failures.place(error, counts, getattr(refusal, "called", None))
        return {"place": place or "", "trace": _trace(error)}


def _trace(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))
    except Exception:  # of what the error says of itself
        return "".join([*traceback.format_tb(error.__traceback__), f"{failures.told(error)}\n"])


def _note_packages(modules: set[str]) -> None:
    for package, version in packages.used(modules).items():
        note("v", package, version)
    for path in packages.unversioned(modules):
        with contextlib.suppress(OSError):
            note("q", path, signature(path))


def _kind(error: errors.HlspikeError) -> str:
    """The name of a class in generators.errors: the user's code may have made one of its own from it."""
    return next(str(kind.__name__) for kind in type(error).__mro__ if getattr(errors, kind.__name__, None) is kind)


def _settle(folder: str, environment: dict[str, str]) -> None:
    """What every call finds the same."""
    os.chdir(folder)
    preloaded = os.environ.get("LD_PRELOAD")
    os.environ.clear()
    os.environ.update(environment)
    os.environ["PWD"] = folder
    if preloaded is not None:
        os.environ["LD_PRELOAD"] = preloaded
    # what starts Python anew would run the module that this process began with
    sys.modules["__main__"] = ModuleType("__main__")
    sys.argv[:] = [""]
    torch.set_num_threads(1)  # of more, a child of fork waits for threads that only its parent had
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    seed(0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    # what they were made for was another file
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        stream = open(descriptor, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def seed(number: int) -> None:
    """Of Python, NumPy and torch."""
    random.seed(number)
    np.random.seed(number % 2**32)
    torch.manual_seed(number)


# ---------------------------------------------------------------- recording


def has_recorder() -> bool:
    return hasattr(library, "hlspike_record")


def record(log: Path, rules: str) -> None:
    """From now on what this process and its children look at is in `log`."""
    if has_recorder():
        library.hlspike_record(os.fsencode(log), os.fsencode(rules))
        os.environ["HLSPIKE_RECORD"], os.environ["HLSPIKE_RULES"] = str(log), rules
    else:
        listening.listen(log, rules)


def note(what: str, path: str, more: str) -> None:
    """A record of our own."""
    if has_recorder():
        library.hlspike_note(ctypes.c_char(what.encode()), os.fsencode(path), os.fsencode(more))
    else:
        listening.note(what, path, more)


def hush(more: int) -> None:
    """This thread is not recorded from +1 to -1."""
    if has_recorder():
        library.hlspike_quiet(more)
    else:
        listening.hush(more)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Our own files are no input of the user's code."""
    hush(1)
    try:
        yield
    finally:
        hush(-1)


def _noted(place: str, file: str) -> None:
    note("i", place, file)


def _counting(rules: str) -> Callable[[str], bool]:
    known: dict[str, bool] = {}

    def counts(path: str) -> bool:
        if path not in known:
            known[path] = recording.counts(path, rules)
        return known[path]

    return counts


def _end() -> NoReturn:
    """As Python ends, without waiting for threads; first pools are told to end, which others would wait for."""
    threading.Timer(_PATIENCE, os._exit, (0,)).start()
    for end in (*reversed(getattr(threading, "_threading_atexits", [])), atexit._run_exitfuncs):
        with contextlib.suppress(BaseException):
            end()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
    os._exit(0)
