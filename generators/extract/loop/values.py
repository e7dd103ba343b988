"""What a value of an unrolled forward is in terms of timesteps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import fx


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """A value within one timestep: an operation on others of the same timestep.

    Two with the same `key` are the same but for their timestep.
    """

    key: int
    time: int | None
    """None: the same in every timestep."""
    op: str
    target: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    node: fx.Node
    """Where it was traced."""
    value: Any
    """A tensor of its shape, if it is known."""


@dataclass(frozen=True, slots=True, eq=False)
class Zero:
    """A tensor of zeros."""

    value: Any


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """A tensor with an axis of time."""

    items: tuple[Term, ...]
    axis: int


@dataclass(frozen=True, slots=True, eq=False)
class Total:
    """Terms of consecutive timesteps, added up; `scaled` if divided or multiplied then."""

    items: tuple[Term, ...]
    scaled: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """What is made of several timesteps, or cannot be built: no layer may take it."""

    what: str
    sources: tuple[Term, ...] = ()
    fault: str | None = None
    """Why it cannot be built."""


Value = Term | Zero | Sequence | Total | Made
