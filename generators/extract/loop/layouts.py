"""Where a forward that holds the time loop has its time axis, and how many timesteps it runs.

In: a private copy of the module, run on zeros. Out: the layouts under which it runs at all; which of them is the one
that forward means is for `fold` to find out.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import snntorch
import torch
from torch import nn

from hlspike.generators.extract.float64 import attributes, clear_neurons, first_sentence, is_leaf
from hlspike.generators.extract.loop.instances import own_neurons
from hlspike.generators.extract.snapshot import Snapshot
from hlspike.generators.extract.tracer import BATCH

TimeAxis = Literal["auto", 0, 1, -1]
_SMALL = 5
"""Timesteps of a loop that runs as many as there are frames."""
_LARGEST = 4096
"""Timesteps of a loop that is looked for by doubling."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How forward takes the frames of a sequence of `shape` timesteps."""

    shape: tuple[int, ...]
    """One timestep in torch order, without batch."""
    axis: int | None
    """The axis of time among (batch, *shape) and time; None: one frame, for every timestep."""
    timesteps: int
    """That forward runs on such an input."""
    fixed: bool
    """Whether it always runs as many."""

    def whole(self, batch: int, timesteps: int | None = None) -> tuple[int, ...]:
        """The shape of forward's input."""
        frame = [batch, *self.shape]
        if self.axis is not None:
            frame.insert(self.axis, self.timesteps if timesteps is None else timesteps)
        return tuple(frame)


def layouts(private: nn.Module, shape: tuple[int, ...], axis: TimeAxis, arguments: dict[str, None]) -> Iterator[Layout]:
    """The layouts under which forward runs its neurons more than once.

    Args:
        arguments: of forward, beside the input.
    """
    rank = len(shape) + 1
    asked = [*range(rank + 1), None] if axis == "auto" else [axis % (rank + 1)]
    # the usual ones first, as what they refuse is what will be told
    for place in sorted(asked, key=lambda place: (place is None, place not in (0, 1), place or 0)):
        found = _probe(private, shape, place, arguments)
        if found is not None and found.timesteps > 1:
            yield found


def _probe(private: nn.Module, shape: tuple[int, ...], axis: int | None, arguments: dict[str, None]) -> Layout | None:
    short = False

    def calls(timesteps: int) -> int | None:
        nonlocal short
        counted, error = _run(private, Layout(shape, axis, timesteps, False), arguments)
        short = isinstance(error, IndexError)
        return None if error is not None else counted

    count = calls(_SMALL)
    if axis is None:
        return None if count is None else Layout(shape, None, count, True)
    if count == _SMALL:
        dynamic = calls(_SMALL + 1) == _SMALL + 1
        return Layout(shape, axis, _SMALL, not dynamic)
    if count is not None:
        return Layout(shape, axis, count, True) if calls(count) == count else None
    tries = _numbers(private)
    if short:
        doubled = _SMALL
        while doubled < _LARGEST:
            doubled *= 2
            tries.append(doubled)
    for timesteps in tries:
        count = calls(timesteps)
        if count is not None:
            return Layout(shape, axis, count, True) if count == timesteps or calls(count) == count else None
    return None


def _run(private: nn.Module, layout: Layout, arguments: dict[str, None]) -> tuple[int, Exception | None]:
    """How often the busiest neuron was called."""
    counts: dict[int, int] = {}

    def count(layer: nn.Module, *_: Any) -> None:
        counts[id(layer)] = counts.get(id(layer), 0) + 1

    neurons = [part for part in private.modules() if isinstance(part, snntorch.SpikingNeuron)]
    hooks = [neuron.register_forward_pre_hook(count) for neuron in neurons]
    before = Snapshot(private)
    try:
        with torch.no_grad(), own_neurons(private):
            private(torch.zeros(layout.whole(BATCH), dtype=torch.float64), **arguments)
    except Exception as error:
        return 0, error
    finally:
        for hook in hooks:
            hook.remove()
        clear_neurons(private)
        before.restore()
    return max(counts.values(), default=0), None


def failure(private: nn.Module, layout: Layout, arguments: dict[str, None]) -> str:
    """What forward says first on an input of this layout."""
    _, error = _run(private, layout, arguments)
    return first_sentence(error) if error is not None else "it runs"


def _numbers(private: nn.Module) -> list[int]:
    """Whole numbers that the user's code names, which may be those of the timesteps."""
    found: set[int] = set()

    def add(value: Any) -> None:
        if isinstance(value, int) and not isinstance(value, bool) and 1 < value <= _LARGEST:
            found.add(value)

    for part in private.modules():
        if is_leaf(part):
            continue
        for value in attributes(part).values():
            add(value)
        forward = type(part).forward
        if inspect.isfunction(forward) and not type(part).__module__.startswith("torch."):
            for name in forward.__code__.co_names:
                add(forward.__globals__.get(name))
            for cell in forward.__closure__ or ():
                add(cell.cell_contents)
            for value in (*forward.__code__.co_consts, *(forward.__defaults__ or ())):
                add(value)
    return sorted(found - {_SMALL})
