"""Child processes that never outlive the build: not its end by Ctrl-C or SIGTERM, and not its sudden death.

Every child leads a process group of its own. `stop_all` kills the groups; so does a guard, a shell that reads their
numbers from a pipe, when the pipe closes because the build was killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from generators.errors import ToolError

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
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, text=True, errors="replace", start_new_session=True, **options
        )
    except OSError as error:
        raise ToolError(f"{command[0]}: cannot be run, {error.strerror}") from None
    _tell("add", process.pid)
    try:
        yield process
    except BaseException:
        stop(process.pid)
        process.wait()
        raise
    finally:
        _tell("done", process.pid)


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


def _tell(verb: str, group: int) -> None:
    global _guard
    with _lock:
        (_running.add if verb == "add" else _running.discard)(group)
        if _guard is None:
            _guard = subprocess.Popen(["/bin/sh", "-c", _GUARD], stdin=subprocess.PIPE, start_new_session=True)
        assert _guard.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            _guard.stdin.write(f"{verb} {group}\n".encode())
            _guard.stdin.flush()
