"""What a user's code raised: in one line, with the line of the code that did it."""

from __future__ import annotations

import inspect
import os
import traceback
from collections.abc import Callable
from typing import Any, cast

from hlspike.generators.errors import ConfigError

_REMEDIES = {SystemExit: "return instead of ending the program", KeyboardInterrupt: "let it return or raise an error"}
_LONGEST = 300
"""Characters of a message that is repeated."""


class Raised(ConfigError):  # noqa: N818 - says what happened
    """What the function that a configuration names raised; `called` is the function."""

    def __init__(self, message: str, called: Any = None) -> None:
        super().__init__(message)
        self.called = called


def told(error: BaseException) -> str:
    """`raised <kind>: <message>`, and what to do instead, where that is not plain from the kind."""
    try:
        text = " ".join(str(error).split())
    except Exception as other:
        text = f"a message that cannot be read, {type(other).__name__}"
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    # what an error says of its own class may be anything
    remedy = next((f"; {hint}" for base, hint in _REMEDIES.items() if issubclass(type(error), base)), "")
    return f"raised {type(error).__name__}{': ' if text else ''}{text}{remedy}"


def place(error: BaseException, counts: Callable[[str], bool], function: Any = None) -> str | None:
    """`file:line` of the innermost line of the user's that `error` passed through.

    Args:
        counts: whether a file is the user's.
        function: what was called; if it could not even be entered, its own line is the place.
    """
    syntax = cast(SyntaxError, error) if issubclass(type(error), SyntaxError) else None
    if syntax is not None and syntax.filename and counts(os.path.abspath(syntax.filename)):
        return f"{_shown(syntax.filename)}:{syntax.lineno or 1}"
    frames = traceback.extract_tb(error.__traceback__)
    # `<string>` and the like are of no file
    own = [frame for frame in frames if not frame.filename.startswith("<") and counts(os.path.abspath(frame.filename))]
    if own:
        return f"{_shown(own[-1].filename)}:{own[-1].lineno}"
    code = getattr(inspect.unwrap(getattr(function, "__init__", function) if isinstance(function, type) else function),
                   "__code__", None) if callable(function) else None
    if code is not None and counts(os.path.abspath(code.co_filename)):
        return f"{_shown(code.co_filename)}:{code.co_firstlineno}"
    return None


def _shown(path: str) -> str:
    whole, here = os.path.abspath(path), os.getcwd()
    return os.path.relpath(whole, here) if whole.startswith(f"{here}{os.sep}") else whole
