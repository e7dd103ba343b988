"""The command line: what it names, the variants it asks for, and the lock that a build of them holds."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from doit.cmdparse import CmdParseError
from doit.doit_cmd import _CMDLINE_VARS
from doit.exceptions import InvalidDodoFile

from hlspike.generators.errors import ConfigError, HlspikeError
from hlspike.tasks.configuration import declared
from hlspike.tasks.configuration import variants as configured
from hlspike.tasks.configuration.variants import Variant
from hlspike.tasks.engine import marks
from hlspike.tasks.layout import BUILD, ONLY
from hlspike.tasks.system import locks
from hlspike.tasks.terminal import console

_QUESTIONS = frozenset(
    ("list", "info", "help", "why", "results", "config", "schema", "dumpdb", "tabcompletion", "strace")
)
"""Commands that change nothing, and so need not wait for a build."""
_VALUED = frozenset((
    "-f", "--file", "-d", "--dir", "-n", "--process", "-P", "--parallel-type", "-v", "--verbosity", "-r", "--reporter",
    "-o", "--output-file", "--db-file", "--backend", "--check_file_uptodate", "--failure-verbosity",
))
"""Options of doit whose value is a word of its own."""
_HARMLESS = frozenset((
    "-f", "--file", "-d", "--dir", "-n", "--process", "-P", "--parallel-type", "-v", "--verbosity", "-c", "--continue",
))
"""Options that change neither which steps run nor who tells of them."""
_RESETS = frozenset(("cache", "clean", "forget", "ignore", "reset-dep"))
"""Commands that run no step."""


def variants() -> list[Variant]:
    """The variants of this command line; a fault of it is one line on the terminal."""
    console.prepare()
    if _first() in _QUESTIONS:
        # who asks may stop reading, as `| head` does
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        _check_options()
        BUILD.mkdir(parents=True, exist_ok=True)
        given = overrides()
        if _first() not in _QUESTIONS:
            _hold()
        if runs_steps():
            marks.began(alone=ONLY not in os.environ)
        found = configured.load(given)
        if runs_steps():
            for name in {variant.config["name"] for variant in found}:
                marks.claim(BUILD / name)
        every = _only(found)
        if runs_steps():
            for variant in every:
                declared.check(variant.config)
        return every
    except HlspikeError as error:
        raise InvalidDodoFile(" ".join(str(error).split())) from None
    except OSError as error:
        raise InvalidDodoFile(f"{error.filename or BUILD}: {error.strerror}; the build needs to write there") from None


def _check_options() -> None:
    if any(argument.startswith("-") for argument in sys.argv[1:]):
        from hlspike.tasks.terminal import usage

        try:
            usage.check(sys.argv[1:])
        except CmdParseError as error:
            raise InvalidDodoFile(str(error)) from None


def _hold() -> None:
    """One build at a time in a working directory, from before it reads what another may be changing to its end.

    The jobs of sweeps are one build together, but no two of them are of one variant at a time.
    """
    _acquire(BUILD / ".lock", shared=ONLY in os.environ)


def _acquire(path: Path, shared: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    locks.acquire(
        os.open(path, os.O_RDWR | os.O_CREAT, 0o666),
        lambda: print("waiting for another build in this folder", file=sys.stderr),
        shared=shared,
    )


def _only(every: list[Variant]) -> list[Variant]:
    """All of a sweep, or the variant that this process is the job of."""
    label = os.environ.get(ONLY)
    if label is None:
        return every
    chosen = [variant for variant in every if variant.label == label]
    if not chosen:
        raise ConfigError(f"{ONLY}: there is no variant '{label}' of this command line; unset it")
    for variant in chosen:
        _acquire(variant.layout.root / "log" / ".lock")
    return chosen


def words() -> list[str]:
    """What the command line names: a command, tasks and what they are asked; neither options nor overrides."""
    found: list[str] = []
    given = iter(sys.argv[1:])
    for word in given:
        if word in _VALUED:
            next(given, None)
        elif "=" not in word and not word.startswith("-"):
            found.append(word)
    return found


def builds() -> bool:
    """Whether a build of what is not up to date is all that is asked for."""
    options = (word.partition("=")[0] for word in sys.argv[1:] if word.startswith("-"))
    return words() in ([], ["build"]) and _HARMLESS.issuperset(options)


def runs_steps() -> bool:
    """Whether the command is one that may run steps of a build, and not only look at them or reset them."""
    return _first() not in _QUESTIONS | _RESETS


def _first() -> str | None:
    """None stands for a build."""
    return next(iter(words()), None)


def overrides() -> list[str]:
    """Those of the command line.

    Raises:
        ConfigError: a key is given twice.
    """
    given = [f"{key}={value}" for key, value in (_CMDLINE_VARS or {}).items()]
    keys = [argument.partition("=")[0] for argument in sys.argv[1:] if "=" in argument and not argument.startswith("-")]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise ConfigError(f"{twice}: given twice on the command line; keep one")
    return given
