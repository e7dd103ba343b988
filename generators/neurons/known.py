"""Which neuron a module is: the one place where a class of snnTorch meets its definition."""

from __future__ import annotations

from typing import Any

from hlspike.generators.neurons.definition import Definition
from hlspike.generators.neurons.registry import NEURONS


def known(module: object) -> tuple[Definition, type[Any]] | None:
    """The definition of the class of `module`, or of the one it is derived from, and that class.

    Whatever snnTorch derives from a class is a neuron of its own.
    """
    for cls in type(module).__mro__:
        found, package = NEURONS.get(cls.__name__), cls.__module__.partition(".")[0]
        if found is not None and package == found.package:
            return found, cls
        if package == "snntorch":
            return None
    return None


def states(module: object) -> tuple[str, ...]:
    """What forward of a neuron takes beside its input, and returns beside the spikes, in order; () of any other."""
    found = known(module)
    return () if found is None else found[0].arguments


def is_state(argument: str) -> bool:
    """Whether a forward of some neuron calls one of its states so."""
    return any(argument in one.arguments for one in NEURONS.values())
