"""Where the state of neurons lives that are called as `lif(x, mem)`: in arguments of forward, or in attributes.

In: what each neuron got as mem, and what stood where after the timestep. Out: `State`, or a refusal where a neuron
would not get back the very membrane it returned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hlspike.generators.errors import UnsupportedModel
from hlspike.generators.extract.float64 import Slot
from hlspike.generators.extract.flow import Argument, Constant, Kept, Membrane, Value, at, paths
from hlspike.generators.extract.timestep import TIME_LOOP_REMEDY, Traced


@dataclass(frozen=True, slots=True)
class State:
    """What a caller of forward has to do between timesteps."""

    arguments: dict[str, tuple[Any, ...]]
    """Argument of forward → where its next value stands in what forward returns."""
    required: tuple[str, ...]
    """Arguments without default: None on the first timestep."""
    slots: tuple[Slot, ...]
    """Attributes that hold state; at the start they are 0."""


def memory(name: str, mem: Value) -> Argument | Kept | None:
    """Where the neuron layer `name` gets its membrane from; None if it keeps it itself.

    Raises:
        UnsupportedModel: from nowhere that could have kept it.
    """
    match mem:
        case None | Argument() | Kept():
            return mem
        case Constant(target) if target == f"{name}.mem":
            return None
        case Constant():
            raise UnsupportedModel(
                f"layer '{name}': its mem is the same on every call, which resets it; {TIME_LOOP_REMEDY}"
            )
        case _:
            raise UnsupportedModel(f"layer '{name}': its mem is {mem}; pass on what it returned one timestep before")


def settle_state(
    memories: Mapping[str, Argument | Kept], traced: Traced, returned: Any, value_of: Callable[[Any], Value]
) -> State:
    """The state of a model whose neurons get their membranes from `memories`.

    Args:
        returned: what forward returns, graph nodes replaced by what they stand for.
        value_of: what the content of a slot stands for, after the timestep.
    Raises:
        UnsupportedModel: an attribute or argument does not come to hold the neuron's new membrane.
    """
    after = dict(traced.slots)
    wanted: dict[str, dict[tuple[Any, ...], str]] = {}
    used: list[Slot] = []
    for name, origin in memories.items():
        if isinstance(origin, Argument):
            wanted.setdefault(origin.name, {})[origin.path] = name
            continue
        if not any(value_of(after.get(slot)) == Membrane(name) for slot in origin.slots):
            raise UnsupportedModel(
                f"layer '{name}': its mem comes from {origin}, where forward does not keep the new one; assign the "
                f"mem it returned to '{origin.slots[0]}'"
            )
        used.extend(origin.slots)
    arguments = {argument: _returned_at(argument, uses, returned) for argument, uses in wanted.items()}
    return State(arguments, traced.required, tuple(used))


def _returned_at(argument: str, uses: Mapping[tuple[Any, ...], str], returned: Any) -> tuple[Any, ...]:
    for path in paths(returned):
        if all(at(returned, (*path, *inner)) == Membrane(name) for inner, name in uses.items()):
            return path
    raise UnsupportedModel(
        f"layer '{next(iter(uses.values()))}': its mem comes from argument '{argument}' of forward, which does not "
        "return the new one; return it"
    )
