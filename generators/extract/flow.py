"""What a node of the traced graph may stand for, and how such values are told apart in what forward returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.extract.float64 import Slot
from hlspike.generators.ir import INPUT


@dataclass(frozen=True, slots=True)
class Flow:
    """What travels from layer to layer: the frames, 0/1 spikes worth `factor` each, or currents."""

    kind: Literal["input", "spikes", "currents"]
    layer: str
    shape: tuple[int, ...]
    """Torch order, without batch."""
    order: tuple[int, ...] | None = None
    """Torch position of each feature in hardware order; None where they agree, or `shape` is a map."""
    factor: float = 1.0

    def __str__(self) -> str:
        return "the input" if self.layer == INPUT else f"the output of '{self.layer}'"


@dataclass(frozen=True, slots=True)
class Returned:
    """(spk, *states) as a neuron returns it."""

    spikes: Flow
    states: tuple[str, ...]

    def __str__(self) -> str:
        return f"the tuple (spk, {', '.join(self.states)}) of '{self.spikes.layer}'"

    @property
    def items(self) -> tuple[Flow | Membrane, ...]:
        return self.spikes, *(Membrane(self.spikes.layer, state) for state in self.states)


@dataclass(frozen=True, slots=True)
class Membrane:
    """The new membrane, or another new state, of a neuron layer."""

    layer: str
    state: str = "mem"

    def __str__(self) -> str:
        return f"the {'membrane' if self.state == 'mem' else f'state {self.state}'} of '{self.layer}'"


@dataclass(frozen=True, slots=True)
class Argument:
    """A further argument of forward, or what stands at `path` in it."""

    name: str
    path: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return f"argument '{self.name}'"


@dataclass(frozen=True, slots=True)
class Kept:
    """A value of the last timestep, in an attribute of the user's module."""

    slots: tuple[Slot, ...]

    def __str__(self) -> str:
        return f"attribute '{self.slots[0]}'"


@dataclass(frozen=True, slots=True)
class Constant:
    """A tensor that is the same on every call."""

    target: str

    def __str__(self) -> str:
        return f"the tensor '{self.target}'"


Value = Flow | Returned | Membrane | Argument | Kept | Constant | None


def hardware_order(values: NDArray[Any], flow: Flow) -> NDArray[Any]:
    """(N, *flow.shape) in torch order → (N, size): channels last and flattened, as the design has it."""
    if len(flow.shape) > 1:
        return np.moveaxis(values, 1, -1).reshape(len(values), -1)
    return values if flow.order is None else values[:, list(flow.order)]


def leaves(returned: Any) -> Iterator[Any]:
    """Every value in the nested tuples, lists and dicts that forward returns."""
    inner = [] if isinstance(returned, Returned) else list(_items(returned))
    if not inner:
        yield returned
    for _, item in inner:
        yield from leaves(item)


def paths(returned: Any) -> Iterator[tuple[Any, ...]]:
    """Every place in what forward returns, outermost first."""
    yield ()
    for key, item in _items(returned):
        yield from ((key, *rest) for rest in paths(item))


def at(returned: Any, path: tuple[Any, ...]) -> Any:
    """The value at a place in what forward returns; None where there is no such place."""
    for key in path:
        returned = dict(_items(returned)).get(key)
    return returned


def _items(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, (list, tuple)):
        yield from enumerate(value)
    elif isinstance(value, Returned):
        yield from enumerate(value.items)
