"""csim, kept running: a process that is asked again and again, as `hls_src/tb/serve.h` says."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import threading
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import IO, Literal

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.errors import ToolError
from hlspike.tasks.system import processes

_ITEM = 8
"""Bytes of a count, and of a value that is emitted."""


class Program:
    """A csim program that runs from the first call on until it is closed; calls of several threads take turns.

    Args:
        width: values of an emission.
        mode: "calls": each begins in the initial state; "steps": each goes on from the one before.
    """

    def __init__(self, path: Path, width: int, mode: Literal["calls", "steps"]) -> None:
        self._path, self._width, self._mode = path, width, mode
        self._turn = threading.Lock()
        self._open: tuple[int, socket.socket, IO[bytes], ExitStack] | None = None

    def run(self, timesteps: int, records: Iterable[NDArray[np.uint8]]) -> NDArray[np.int64]:
        """What the design emits in so many timesteps, (E, width).

        Args:
            records: (t, 1 + b) of each timestep whether it is the last of its sequence, and its packed mantissas.
        Raises:
            ToolError: the program cannot run, or has ended; the next call starts it anew.
        """
        with self._turn:
            try:
                wire, said = self._started()
                try:
                    request = iter(records)
                    # in one piece, so that the program is not woken twice for a short one
                    wire.sendall(timesteps.to_bytes(_ITEM, "little") + b"".join(map(bytes, islice(request, 1))))
                    for some in request:
                        wire.sendall(some.data)
                    emitted = int.from_bytes(_received(wire, _ITEM), "little")
                    values = np.frombuffer(_received(wire, _ITEM * self._width * emitted), "<i8")
                except OSError:
                    raise ToolError(f"csim: {self._last_words(said)}") from None
            except BaseException:
                # the rest of a request, or of an answer, would be taken for the next
                self._close()
                raise
            return values.reshape(-1, self._width)

    def close(self) -> None:
        """End the process, if there is one."""
        with self._turn:
            self._close()

    def _started(self) -> tuple[socket.socket, IO[bytes]]:
        if self._open is not None and self._open[0] != os.getpid():
            # this process is a copy of the one whose child it is
            self._open = None
        if self._open is None:
            self._open = self._start()
        return self._open[1], self._open[2]

    def _start(self) -> tuple[int, socket.socket, IO[bytes], ExitStack]:
        with ExitStack() as stack:
            said = stack.enter_context(tempfile.TemporaryFile())
            ours, theirs = socket.socketpair()
            with theirs:
                process = stack.enter_context(processes.started(
                    [str(self._path), f"--{self._mode}", str(theirs.fileno())], pass_fds=[theirs.fileno()],
                    stdout=said, stderr=said,
                ))
            stack.callback(process.wait)
            stack.callback(ours.close)
            return os.getpid(), ours, said, stack.pop_all()

    def _last_words(self, said: IO[bytes]) -> str:
        """What the process has said of its end, which it is at."""
        assert self._open is not None
        _, wire, _, _ = self._open
        with contextlib.suppress(OSError):
            wire.shutdown(socket.SHUT_RDWR)
        said.seek(0, os.SEEK_SET)
        lines = said.read().decode(errors="replace").split("\n")
        return "; ".join(filter(None, lines)) or "the program was ended"

    def _close(self) -> None:
        if self._open is not None:
            owner, _, _, stack = self._open
            self._open = None
            if owner == os.getpid():
                stack.close()


def _received(wire: socket.socket, size: int) -> bytearray:
    found = bytearray(size)
    view, got = memoryview(found), 0
    while got < size:
        count = wire.recv_into(view[got:])
        if not count:
            raise ConnectionResetError
        got += count
    return found

