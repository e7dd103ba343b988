"""What a build can be asked: its results, its configuration and where that came from. Nothing here changes a build."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from doit.exceptions import TaskFailed

from generators.errors import HlspikeError


def answer(function: Callable[..., str]) -> Callable[..., TaskFailed | None]:
    """A doit action that prints what `function` returns, or fails with its one line."""

    @wraps(function)
    def action(*args: Any, **kwargs: Any) -> TaskFailed | None:
        try:
            print(function(*args, **kwargs), flush=True)
        except HlspikeError as error:
            return TaskFailed(" ".join(str(error).split()))
        except OSError as error:
            return TaskFailed(f"{error.filename}: {error.strerror}")
        return None

    return action
