"""The prepared process: everything large is imported, nothing of the user's; it forks a child for each call.

Started by `tasks.inputs.prepared` with a socket as standard input. A message names the folder of a call and brings two
descriptors for the child's output and one to report on: there the number of the child is told, and how it ended.
What keeps the process from being prepared is told on the socket itself. When that closes, all ends.
"""

from __future__ import annotations

import sys

# Only Python's own modules so far: where it was told to look, there may be files of the user's that have their names.
_TOLD = list(sys.path)
sys.path[:] = [place for place in sys.path if "site-packages" in place or "dist-packages" in place or place.startswith(
    (sys.base_prefix, sys.prefix)
)]

import contextlib  # noqa: E402
import gc  # noqa: E402
import importlib  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import selectors  # noqa: E402
import signal  # noqa: E402
import socket  # noqa: E402
from pathlib import Path  # noqa: E402

_ROOM = 1 << 16
_NEEDED = (
    "numpy.ma", "hlspike.generators.extract.executor", "hlspike.generators.extract.torch_module",
    "hlspike.generators.stimulus", "hlspike.tasks.sources.module", "hlspike.tasks.inputs.calls",
    "hlspike.tasks.inputs.child",
)
"""What the functions of `tasks.inputs.calls` import, and numpy on demand."""


def prepare() -> None:
    """Import what every call needs, found as if the user's folders were not there; they may hold what is missing."""
    package = _imported()
    sys.path.append(package)
    try:
        _import()
    except ImportError:
        sys.path[:] = _TOLD if package in _TOLD else [*_TOLD, package]
        _import()
    sys.path[:] = _TOLD if package in _TOLD else [*_TOLD, package]
    sys.modules["hlspike.tasks.inputs.child"].prepared()
    gc.collect()
    gc.freeze()


def _imported() -> str:
    """Where `hlspike` is found: beside the folders of a checkout, or where packages are installed."""
    above = Path(__file__).resolve().parent.parent.parent
    return str(above if (above / "hlspike").is_dir() else above.parent)


def _import() -> None:
    for name in _NEEDED:
        importlib.import_module(name)


class Forking:
    """Forks, waits, and clears away what children have left running."""

    def __init__(self, control: socket.socket) -> None:
        from hlspike.tasks.inputs import child

        self._control, self._child = control, child
        self._running: dict[int, socket.socket] = {}
        self._wakeup, told = socket.socketpair()
        for end in (self._wakeup, told):
            end.setblocking(False)
        self._told = told
        signal.set_wakeup_fd(told.fileno())
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        # whatever a child leaves behind becomes a child of this process
        child.library.prctl(36, 1)

    def serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(self._wakeup, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._wakeup:
                        self._reap()
                    elif not self._fork():
                        return

    def _fork(self) -> bool:
        """Whether there was a message."""
        data, descriptors, _, _ = socket.recv_fds(self._control, _ROOM, 3)
        if not data:
            return False
        out, err, report = descriptors
        number = os.fork()
        if number == 0:
            os.setsid()
            for end in (self._control, self._wakeup, self._told, *self._running.values()):
                end.close()
            nothing = os.open(os.devnull, os.O_RDWR)
            for descriptor, place in ((nothing, 0), (out, 1), (err, 2)):
                os.dup2(descriptor, place)
            # the child goes on when its number is known to whoever would have to end it
            os.read(report, 1)
            for descriptor in (nothing, out, err, report):
                os.close(descriptor)
            self._child.run(Path(json.loads(data)))
        for descriptor in (out, err):
            os.close(descriptor)
        self._running[number] = socket.socket(fileno=report)
        self._tell(number, {"child": number})
        return True

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wakeup.recv(_ROOM)
        while True:
            try:
                number, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if number == 0:
                return
            if number in self._running:
                self._clear(number)
                self._tell(number, {"ended": os.waitstatus_to_exitcode(status)})
                self._running.pop(number).close()

    def _clear(self, number: int) -> None:
        """End what a child that has ended left running: its group, and what moved out of that."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(number, signal.SIGKILL)
        while orphans := [child for child in _children() if child not in self._running]:
            for orphan in orphans:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(orphan, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(orphan, 0)

    def _tell(self, number: int, message: dict[str, int]) -> None:
        with contextlib.suppress(OSError):
            self._running[number].sendall(json.dumps(message).encode() + b"\n")


def _children() -> list[int]:
    return [int(word) for word in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as control:
        try:
            prepare()
        except Exception as error:
            control.send(" ".join(f"{type(error).__name__}: {error}".split()).encode())
            sys.exit(1)
        Forking(control).serve()
