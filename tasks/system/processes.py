"""Child processes that never outlive the build: not its end by Ctrl-C or SIGTERM, and not its sudden death.

Every child leads a process group of its own, and tells its number to a guard before it becomes the command: a shell
that reads from a pipe, and kills the groups when the pipe closes because the build is no more. At no moment is there a
child that the guard will not hear of.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any

from hlspike.generators.errors import ToolError

_GUARD = """
groups=" "
while read -r verb group; do
    case $verb in
        add) groups="$groups$group " ;;
        done) groups="${groups%% $group *} ${groups#* $group }" ;;
    esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
"""
_CHILD = 'echo "add $$" >&0; exec "$@" </dev/null'
"""A child begins with the guard's pipe in the place of its standard input."""
_running: set[int] = set()
_lock = threading.Lock()
_guard: subprocess.Popen[bytes] | None = None


@contextmanager
def started(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """The process of `command`, in text mode and without standard input; killed with its children if the block fails.

    Args:
        options: of subprocess.Popen.
    Raises:
        ToolError: it cannot be run.
    """
    program = shutil.which(command[0])
    if program is None:
        raise ToolError(f"{command[0]}: cannot be run, there is no such program")
    process = subprocess.Popen(
        ["/bin/sh", "-c", _CHILD, "sh", program, *command[1:]],
        stdin=_pipe(), text=True, errors="replace", start_new_session=True, **options,
    )
    _running.add(process.pid)
    owner = os.getpid()
    try:
        yield process
    except BaseException:
        # a fork of this process has no right to end what is not its own
        if os.getpid() == owner:
            stop(process.pid)
            process.wait()
        raise
    finally:
        if os.getpid() == owner:
            _running.discard(process.pid)
            with contextlib.suppress(BrokenPipeError):
                _pipe().write(f"done {process.pid}\n".encode())


@contextmanager
def adopted(group: int) -> Iterator[None]:
    """A process group that a child has made: it ends with the build, and with the block."""
    _pipe().write(f"add {group}\n".encode())
    _running.add(group)
    try:
        yield
    except BaseException:
        stop(group)
        raise
    finally:
        _running.discard(group)
        with contextlib.suppress(BrokenPipeError):
            _pipe().write(f"done {group}\n".encode())


def output(command: Sequence[str], env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Exit code of `command`, and all it wrote to standard output and error.

    Raises:
        ToolError: it cannot be run.
    """
    with started(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        text, _ = process.communicate()
    return process.returncode, text


def stop(group: int) -> None:
    """Kill a process group at once; what it was writing has a temporary name."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def stop_all() -> None:
    for group in list(_running):
        stop(group)


def _pipe() -> IO[bytes]:
    """What the guard reads; a line is written at once."""
    global _guard
    with _lock:
        if _guard is None or _guard.poll() is not None:
            _guard = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD], stdin=subprocess.PIPE, start_new_session=True, bufsize=0
            )
        assert _guard.stdin is not None
        return _guard.stdin
