"""What a command costs, with every process that it starts, also one that outlives whoever started it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOIT = (sys.executable, "-m", "doit")
BUILD = (*DOIT, "-f", str(ROOT / "tasks" / "dodo.py"), "-d", ".", "build")
"""The command that builds in the folder it is run in."""
_PR_SET_CHILD_SUBREAPER = 36


def environment(**more: str) -> dict[str, str]:
    """This process's, in which the command finds this tree before any other."""
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": paths, **more}


def of(command: list[str] | tuple[str, ...], folder: Path, **more: str) -> tuple[float, str, str]:
    """CPU-seconds of a command that has to succeed, run in `folder`, and what it says on either output.

    Args:
        more: variables of its environment.
    """
    # what nobody waits for is in no one's account, unless it becomes a child of this process
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    before = _children()
    done = subprocess.run(command, cwd=folder, env=environment(**more), check=False, capture_output=True, text=True)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr[-2000:]}")
    return _children() - before, done.stdout, done.stderr


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
