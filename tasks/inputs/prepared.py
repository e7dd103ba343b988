"""Calls of the user's code: each in a child of its own, forked from a process that is prepared once for a build."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import pickle
import selectors
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hlspike.generators import errors
from hlspike.generators.errors import ConfigError, HlspikeError, ToolError
from hlspike.tasks.engine import states
from hlspike.tasks.inputs import journal, recording, verdict
from hlspike.tasks.system import processes
from hlspike.tasks.terminal import console

_REQUEST, _OUTCOME, _DOING, _LOG, _BROKEN = "request.pickle", "outcome.json", "doing", "log", 117
"""As in `tasks.inputs.child`, which is not imported here: it imports torch."""
_NAMED = {"stimulus": "data"}
"""Where inputs of a step are named by hand, if not with the model's."""
_FORKING = Path(__file__).parent / "forking.py"
_starting = threading.Lock()
_process: _Process | None = None


class Gone(Exception):  # noqa: N818 - says what happened
    """The prepared process is no more."""


class Internal(Exception):  # noqa: N818 - says whose fault it is
    """An error of our own in a child; its trace is a note."""


def call(function: str, arguments: Mapping[str, Any], home: str | None = None) -> dict[str, states.State]:
    """Call `function(loader, **arguments)` in a child.

    Args:
        function: `module:function`, one of `tasks.inputs.calls`.
        arguments: plain values; paths are absolute.
        home: the working directory of the call; None for that of this process.
    Returns:
        The inputs that it has found: name → state, see `tasks.states`.
    Raises:
        HlspikeError: what it refused; the user's code failed or ended the child; an input changed meanwhile.
    """
    with tempfile.TemporaryDirectory(prefix="hlspike-") as name:
        folder = Path(name).resolve()
        process = _prepared()
        home = home or os.getcwd()
        rules = f"{recording.rules(home)}-{folder}\n-{process.library}\n"
        request = {
            "function": function, "arguments": dict(arguments), "folder": home,
            "environment": {**os.environ, **_fixed()}, "rules": rules,
        }
        (folder / _REQUEST).write_bytes(pickle.dumps(request))
        (folder / _LOG).touch()
        label = function.rpartition(":")[2].removeprefix("run_")
        began = time.time_ns()
        try:
            code = process.run(folder)
        except Gone:
            _forget(process)
            raise ToolError(process.failure()) from None
        _judge(folder, code, label)
        if (folder / f"{_LOG}.lost").exists():
            raise ToolError(f"{label}: {folder.parent} takes no more, and what was read is not known; set TMPDIR")
        read = journal.read(folder / _LOG)
        for program, why in read.unseen.items():
            console.tell(
                f"{label}: {verdict.name_of(os.path.normpath(program))} {why}: what it reads is not seen; name it in "
                f"{_NAMED.get(label, 'model')}.inputs", sys.stderr,
            )
        return verdict.inputs(read, began, label)


def _judge(folder: Path, code: int, label: str) -> None:
    """Raises what the outcome of a call says."""
    try:
        outcome = json.loads((folder / _OUTCOME).read_text(encoding="utf-8"))
    except OSError:
        doing = _text(folder / _DOING) or label
        if code < 0:
            name = _signal(-code)
            hint = "; is there enough memory?" if name == "SIGKILL" else ""
            raise ConfigError(f"{doing} was ended by {name}{hint}") from None
        if code == _BROKEN:
            raise ConfigError(
                f"{doing} changed its process so that nothing can be told of it any more; leave limits, the root "
                "folder, built-in names and modules of Python as they are"
            ) from None
        raise ConfigError(f"{doing} ended its process with exit code {code}; return instead") from None
    if not outcome:
        return
    kind: type[HlspikeError] | None = getattr(errors, outcome["kind"], None) if outcome["kind"] else None
    if kind is not None:
        at = f"; at {outcome['place']}" if outcome.get("place") else ""
        refusal = kind(f"{outcome['message']}{at}")
        refusal.trace = outcome.get("trace", "")
        raise refusal
    error = Internal(outcome["message"])
    error.add_note(outcome["trace"])
    raise error


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


@dataclass(frozen=True)
class _Process:
    """The prepared process: where it is asked for children, the recorder before it, and what is to be ended with it."""

    control: socket.socket
    library: Path | None
    ended: contextlib.ExitStack

    def run(self, folder: Path) -> int:
        """The exit code of a child that runs the request in `folder`; what it prints is printed here, line by line."""
        report, theirs = socket.socketpair()
        out, out_end = os.pipe()
        err, err_end = os.pipe()
        with theirs:
            # should the process be gone, the other end of `report` is closed too
            with contextlib.suppress(OSError):
                socket.send_fds(self.control, [json.dumps(str(folder)).encode()], [out_end, err_end, theirs.fileno()])
            os.close(out_end)
            os.close(err_end)
        with report, _Relay(report, out, err) as relay:
            child = relay.message("child")
            with processes.adopted(child):
                report.sendall(b"!")
                return relay.message("ended")

    def failure(self) -> str:
        """Why the process is gone."""
        told = ""
        # that it left our message unread is reported before what it said
        for _ in range(2):
            with contextlib.suppress(OSError):
                told = told or self.control.recv(1 << 16, socket.MSG_DONTWAIT).decode(errors="replace")
        return f"the process that runs the user's code cannot start: {told}" if told else (
            "the process that runs the user's code is gone; run the build again"
        )


class _Relay:
    """Passes on what a child prints, until it is told of the child."""

    def __init__(self, report: socket.socket, out: int, err: int) -> None:
        self._report = report
        self._left = {out: b"", err: b""}
        self._told = b""
        self._to: dict[int, Callable[[str], None]] = {out: lambda line: console.tell(line),
                                                      err: lambda line: console.tell(line, sys.stderr)}
        self._selector = selectors.DefaultSelector()
        for source in (report, out, err):
            self._selector.register(source, selectors.EVENT_READ)

    def __enter__(self) -> _Relay:
        return self

    def __exit__(self, *failure: object) -> None:
        self._selector.close()
        for source in self._left:
            os.close(source)

    def message(self, name: str) -> int:
        """The number that the prepared process tells under that name.

        Raises:
            Gone: it is gone.
        """
        while True:
            line, newline, rest = self._told.partition(b"\n")
            if newline:
                self._told = rest
                found: int = json.loads(line)[name]
                if name == "ended":
                    self._drain()
                return found
            for key, _ in self._selector.select():
                if key.fd in self._left:
                    self._read(key.fd)
                    continue
                data = self._report.recv(1 << 16)
                if not data:
                    raise Gone
                self._told += data

    def _read(self, source: int) -> bool:
        data = os.read(source, 1 << 16)
        if not data:
            if source in self._selector.get_map():
                self._selector.unregister(source)
            return False
        *lines, self._left[source] = (self._left[source] + data).split(b"\n")
        for line in lines:
            self._pass_on(source, line)
        return True

    def _pass_on(self, source: int, line: bytes) -> None:
        # a bar of progress draws itself anew in the same line
        self._to[source](line.rstrip(b"\r").rpartition(b"\r")[2].decode(errors="replace"))

    def _drain(self) -> None:
        for source, left in self._left.items():
            os.set_blocking(source, False)
            with contextlib.suppress(BlockingIOError):
                while self._read(source):
                    pass
            left = self._left[source]
            if left:
                self._pass_on(source, left)


def _prepared() -> _Process:
    """The prepared process, started if there is none yet."""
    global _process
    with _starting:
        if _process is None:
            _process = _start()
        return _process


def _fixed() -> dict[str, str]:
    """Variables without which two calls would not do the same: the order of a set follows from it."""
    return {"PYTHONHASHSEED": os.environ.get("PYTHONHASHSEED", "0")}


def _forget(process: _Process) -> None:
    """The next call starts another."""
    global _process
    with _starting:
        if _process is process:
            _process = None


def _start() -> _Process:
    ended = contextlib.ExitStack()
    folder = Path(ended.enter_context(tempfile.TemporaryDirectory(prefix="hlspike-"))).resolve()
    environment = {**os.environ, **_fixed()}
    library = None
    try:
        library = recording.library(folder)
        environment["LD_PRELOAD"] = ":".join(filter(None, (str(library), os.environ.get("LD_PRELOAD"))))
    except (ToolError, OSError) as error:
        console.tell(
            f"inputs: the recorder cannot be made ({error}): what libraries and other programs read by themselves is "
            "not seen; name it in model.inputs and data.inputs", sys.stderr,
        )
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        ended.enter_context(processes.started(
            [sys.executable, "-P", str(_FORKING), str(theirs.fileno())], pass_fds=[theirs.fileno()], env=environment,
        ))
    ended.callback(ours.close)
    atexit.register(ended.close)
    return _Process(ours, library, ended)
