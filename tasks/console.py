"""What a build says: one line per step that ran, one line for what went wrong, one line at the end."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from types import FrameType, TracebackType
from typing import Any, TextIO

from doit.reporter import ConsoleReporter

from tasks import engine
from tasks.layout import BUILD

_INTERRUPTED = 130


class Console(ConsoleReporter):  # type: ignore[misc]
    """doit's reporter; also the place that sees every success, and so records it."""

    desc = "one line per step"

    def __init__(self, outstream: TextIO, options: dict[str, Any]) -> None:
        super().__init__(outstream, options)
        self._began: dict[str, float] = {}
        self._start = time.perf_counter()
        self._ran = self._same = 0
        self._failed = False

    def initialize(self, tasks: Any, selected_tasks: Any) -> None:
        _lock()
        signal.signal(signal.SIGTERM, _interrupt)
        sys.excepthook = _told

    def execute_task(self, task: Any) -> None:
        self._began[task.name] = time.perf_counter()

    def add_success(self, task: Any) -> None:
        engine.commit()
        if task.actions:
            self._ran += 1
            self.write(f"{time.perf_counter() - self._began[task.name]:7.2f} s  {task.name}\n")

    def skip_uptodate(self, task: Any) -> None:
        self._same += 1

    def add_failure(self, task: Any, fail: Any) -> None:
        if fail.report:
            self._failed = True
            sys.stderr.write(f"error: {' '.join(fail.get_msg().split())}\n")

    def runtime_error(self, msg: str) -> None:
        self._failed = True
        sys.stderr.write(f"error: {' '.join(msg.split())}\n")

    def complete_run(self) -> None:
        taken = time.perf_counter() - self._start
        if not self._failed:
            self.write(f"{self._ran} steps ran, {self._same} were up to date, {taken:.1f} s\n")


def _lock() -> None:
    """One build at a time in a working directory; the lock goes with the process."""
    handle = os.open(BUILD / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.stderr.write("waiting for another build in this folder\n")
        fcntl.flock(handle, fcntl.LOCK_EX)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _told(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    sys.stdout.flush()
    sys.stderr.write("interrupted; what was done is kept\n")
    sys.stderr.flush()
    os._exit(_INTERRUPTED)
