"""What a build says: a live line where there is a terminal, one line per step that ran, one for what went wrong, and at
the end what ran, what was reused, what was up to date, and the time that saved.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from doit.exceptions import InvalidCommand, UnmetDependency
from doit.reporter import ConsoleReporter

from hlspike.tasks.engine import marks, record, whole
from hlspike.tasks.layout import ONLY
from hlspike.tasks.terminal.tally import Tally

if TYPE_CHECKING:
    from hlspike.tasks.configuration.variants import Variant
    from hlspike.tasks.terminal.live import Live

KINDS = "HLSPIKE_KINDS"
"""Environment variable: if it is set, each error is told with the name of its class."""
_INTERRUPTED = 130


class Console(ConsoleReporter):  # type: ignore[misc]
    """doit's reporter."""

    desc = "one line per step"
    variants: Sequence[Variant] = ()
    """Those of the command line."""
    live: Live | None = None
    """The live line of the run, if there is one."""

    def __init__(self, outstream: TextIO, options: dict[str, Any]) -> None:
        super().__init__(outstream, options)
        self._start = time.perf_counter()
        self._tally = Tally()
        self._live = _live(outstream, self._tally)
        Console.live = self._live

    def initialize(self, tasks: Mapping[str, Any], selected_tasks: list[str]) -> None:
        self._tally.tasks, self._tally.selected = tasks, selected_tasks
        made = {name for name, task in tasks.items() if task.actions}
        self._tally.stand({label: taken for label, taken in whole.steps().items() if label not in made})

    def execute_task(self, task: Any) -> None:
        if task.actions:
            self._tally.running[task.name] = time.perf_counter()
        if self._live is not None:
            self._live.show()

    def add_success(self, task: Any) -> None:
        began = self._tally.running.pop(task.name, None)
        if task.name == "build" and self._tally.good >= self._tally.needed():
            whole.keep(self.variants, self._tally.needed())
        if began is None or "rests" not in task.values:
            return
        taken = time.perf_counter() - began
        reused = bool(task.values["reused"])
        self._tally.done(task, reused, taken)
        self._line(f"{taken:7.2f} s  {task.name}{'  (from the cache)' if reused else ''}")

    def skip_uptodate(self, task: Any) -> None:
        if task.actions:
            self._tally.same += 1
            self._tally.good.add(task.name)
            record.agreement.step_stands(task.name)
            self._tally.saved += record.Standing.store.get_values(task.name).get("seconds", 0.0)

    def add_failure(self, task: Any, fail: Any) -> None:
        self._tally.running.pop(task.name, None)
        self._tally.bad.add(task.name)
        if isinstance(fail, UnmetDependency):
            self._tally.unmet.add(task.name)
        # what did not run because something before it failed is no error of its own
        if fail.report and not isinstance(fail, UnmetDependency):
            self._error(getattr(fail, "kind", ""), fail.get_msg())

    def runtime_error(self, msg: str) -> None:
        self._tally.bad.add("")
        self._error("", msg)

    def complete_run(self) -> None:
        if self._live is not None:
            self._live.stop()
        # all is done and written: a signal that comes while Python unloads has nothing left to stop
        atexit.register(_ignore_signals)
        if sys.exc_info()[0] is not None:
            return
        if not self._tally.silent:
            self._conclude()
        self._check_selected()
        if ONLY not in os.environ:
            marks.ended()

    def _check_selected(self) -> None:
        """doit takes any name for the step of a layer, as long as it does not know which layers there are."""
        for name in self._tally.selected:
            task = self._tally.tasks.get(name)
            if ":" in name and task is not None and task.loader is False and not task.actions and not task.task_dep:
                raise InvalidCommand(not_found=name)

    def _conclude(self) -> None:
        if len(self.variants) > 1 and "build" in self._tally.selected:
            from hlspike.tasks.results import tables

            # a report that tells of a difference is of this build, one that was not come to is of an earlier one
            reported = self._tally.good | self._tally.bad - self._tally.unmet
            failed = {variant.label for variant in self.variants if f"report:{variant.label}" not in reported}
            self._line(f"\n{tables.swept(self.variants, failed)}\n")
        if not self._tally.bad:
            self._line(self._tally.summary(time.perf_counter() - self._start))
        if self._tally.ran:
            from hlspike.tasks.cache.shared import Cache

            for config in {str(variant.config["cache"]): variant.config["cache"] for variant in self.variants}.values():
                Cache.of(config).prune()

    def _error(self, kind: str, message: str) -> None:
        named = f"{kind}: " if KINDS in os.environ else ""
        self._line(f"error: {named}{' '.join(message.split())}", sys.stderr)

    def _line(self, text: str, to: TextIO | None = None) -> None:
        tell(text, self.outstream if to is None else to)


def tell(text: str, to: TextIO | None = None) -> None:
    """A line on the terminal, above the live one; what its encoding has no letter for is escaped.

    Args:
        to: standard output if it is None.
    """
    stream = sys.stdout if to is None else to
    encoding = stream.encoding or "utf-8"
    shown = text.encode(encoding, "backslashreplace").decode(encoding)
    try:
        if Console.live is not None:
            Console.live.above(shown, stream)
        else:
            stream.write(f"{shown}\n")
            stream.flush()
    except BrokenPipeError:
        leave(stream)


def leave(stream: TextIO) -> None:
    """Nobody reads `stream` any more, as behind `| head`: what is written from now on goes nowhere."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _live(stream: TextIO, tally: Tally) -> Live | None:
    if not stream.isatty():
        return None
    from hlspike.tasks.terminal.live import Live

    return Live(stream, tally)


def prepare() -> None:
    """From now on Ctrl-C and SIGTERM end the build with one line and no child left behind."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _interrupt)
    for stream in (sys.stdout, sys.stderr):
        # names of layers and files may hold letters that a terminal has not; a build does not fail for that
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.excepthook = _told


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


interrupted = threading.Event()
"""Set by the first signal: an import that it cuts short may raise anything else."""


def _interrupt(number: int, frame: FrameType | None) -> None:
    interrupted.set()
    raise KeyboardInterrupt


def _told(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    # a second signal must not cut this short
    _ignore_signals()
    if "hlspike.tasks.system.processes" in sys.modules:
        sys.modules["hlspike.tasks.system.processes"].stop_all()
    sys.stdout.flush()
    sys.stderr.write("interrupted; what was done is kept\n")
    sys.stderr.flush()
    os._exit(_INTERRUPTED)
