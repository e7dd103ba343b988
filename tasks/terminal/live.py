"""The live line of a terminal: how far the build is, and what runs for how long."""

from __future__ import annotations

import shutil
import threading
import time
from typing import TextIO

from hlspike.tasks.terminal.tally import Tally

_REFRESH = 0.2
"""Seconds between two looks."""


class Live:
    """The last line of a terminal: how far the build is, and what runs for how long."""

    def __init__(self, stream: TextIO, tally: Tally) -> None:
        self._stream, self._tally = stream, tally
        self._shown = False
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def show(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._refresh, daemon=True)
            self._thread.start()

    def clear(self) -> None:
        with self._lock:
            self._erase()

    def above(self, text: str, to: TextIO) -> None:
        """A line of its own, on which nothing is drawn."""
        with self._lock:
            self._erase()
            to.write(f"{text}\n")
            to.flush()

    def stop(self) -> None:
        self._ended.set()
        self.clear()

    def _refresh(self) -> None:
        while not self._ended.wait(_REFRESH):
            running = dict(self._tally.running)
            if not running:
                continue
            now = time.perf_counter()
            done, steps = self._tally.progress()
            named = ", ".join(f"{name} {now - began:.0f} s" for name, began in running.items())
            line = f"[{done}/{steps}] {named}"[: shutil.get_terminal_size().columns - 1]
            with self._lock:
                if not self._ended.is_set():
                    self._erase()
                    self._stream.write(line)
                    self._stream.flush()
                    self._shown = True

    def _erase(self) -> None:
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._shown = False
