"""Which environment variables a configuration reads, by whatever resolver, nested in whatever text."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def watched() -> Iterator[set[str]]:
    """The names of the variables that the block asks for, whether they are set or not."""
    kind = type(os.environ)
    plain = kind.__getitem__
    used: set[str] = set()

    def noted(environment: os._Environ[str], name: str) -> str:
        used.add(os.fsdecode(name))
        return plain(environment, name)

    kind.__getitem__ = noted  # type: ignore[method-assign]
    try:
        yield used
    finally:
        kind.__getitem__ = plain  # type: ignore[method-assign]
