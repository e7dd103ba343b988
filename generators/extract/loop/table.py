"""The terms of an unrolled forward, numbered so that two which are the same but for their timestep have one number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import fx

from hlspike.generators.extract.loop.values import Made, Sequence, Term, Total, Zero


class Table:
    """Makes terms, and finds the one of another timestep."""

    def __init__(self) -> None:
        self._keys: dict[Any, int] = {}
        self._terms: dict[tuple[int, int | None], Term] = {}

    def make(self, node: fx.Node, op: str, target: Any, args: Any, kwargs: Any, value: Any, time: int | None,
             identity: Any = None) -> Term:
        """The term of an operation in timestep `time`.

        Args:
            identity: what of it has to be the same in every timestep, if that is not all of its arguments.
        """
        plain = (op, target, *_plain((args, kwargs) if identity is None else identity))
        key = self._keys.setdefault(plain, len(self._keys))
        found = self._terms.get((key, time))
        if found is None:
            found = self._terms[key, time] = Term(key, time, op, target, tuple(args), dict(kwargs), node, value)
        return found

    def at(self, term: Term, time: int) -> Term | None:
        """The same in timestep `time`."""
        return term if term.time is None else self._terms.get((term.key, time))


def terms(value: Any) -> Iterator[Term]:
    """The terms directly within a value, or a structure of values."""
    match value:
        case Term():
            yield value
        case Sequence(items=items) | Total(items=items) | Made(sources=items):
            yield from items
        case tuple() | list():
            for item in value:
                yield from terms(item)
        case dict():
            yield from terms(list(value.values()))
        case slice():
            yield from terms([value.start, value.stop, value.step])


def within(value: Any, kinds: type | tuple[type, ...]) -> Iterator[Any]:
    """The values of these kinds in a structure of values."""
    if isinstance(value, kinds):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from within(item, kinds)
    elif isinstance(value, dict):
        yield from within(list(value.values()), kinds)


def latest(found: Iterable[Term]) -> int | None:
    """The last timestep among terms; None where all are the same in every one."""
    return max((term.time for term in found if term.time is not None), default=None)


def _plain(value: Any) -> Any:
    match value:
        case Term():
            return "term", value.key
        case Zero():
            return ("zero",)
        case tuple() | list():
            return type(value).__name__, *(_plain(item) for item in value)
        case dict():
            return "dict", *((key, _plain(item)) for key, item in value.items())
        case slice():
            return "slice", value.start, value.stop, value.step
        case torch.Tensor():
            return "tensor", id(value)
        case _:
            return type(value).__name__, repr(value)
