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
from hlspike.generators.extract.flow import Argument, Constant, Flow, Kept, Membrane, Value, at, paths
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


Memories = Mapping[Membrane, tuple[Argument | Kept, Membrane | Flow]]
"""State of a layer → where the layer gets it from, and what has to be there for the next timestep."""


def memory(name: str, state: str, given: Value) -> Argument | Kept | None:
    """Where the neuron layer `name` gets `state` from; None if it keeps it itself.

    Raises:
        UnsupportedModel: from nowhere that could have kept it.
    """
    match given:
        case None | Argument() | Kept():
            return given
        case Constant(target) if target == f"{name}.{state}":
            return None
        case Constant():
            raise UnsupportedModel(
                f"layer '{name}': its {state} is the same on every call, which resets it; {TIME_LOOP_REMEDY}"
            )
        case _:
            raise UnsupportedModel(
                f"layer '{name}': its {state} is {given}; pass on what it returned one timestep before"
            )


def settle_state(
    memories: Memories, traced: Traced, returned: Any, value_of: Callable[[Any], Value]
) -> State:
    """The state of a model whose neurons get their states from `memories`.

    Args:
        returned: what forward returns, graph nodes replaced by what they stand for.
        value_of: what the content of a slot stands for, after the timestep.
    Raises:
        UnsupportedModel: an attribute or argument does not come to hold the neuron's new state.
    """
    after = dict(traced.slots)
    wanted: dict[str, dict[tuple[Any, ...], _Wanted]] = {}
    used: list[Slot] = []
    for state, (origin, new) in memories.items():
        if isinstance(origin, Argument):
            wanted.setdefault(origin.name, {})[origin.path] = state, new
            continue
        if not any(value_of(after.get(slot)) == new for slot in origin.slots):
            raise UnsupportedModel(
                f"layer '{state.layer}': its {state.state} comes from {origin}, where forward does not keep the new "
                f"one; assign the {state.state} it returned to '{origin.slots[0]}'"
            )
        used.extend(origin.slots)
    arguments = {argument: _returned_at(argument, uses, returned) for argument, uses in wanted.items()}
    return State(arguments, traced.required, tuple(used))


_Wanted = tuple[Membrane, Membrane | Flow]


def _returned_at(argument: str, uses: Mapping[tuple[Any, ...], _Wanted], returned: Any) -> tuple[Any, ...]:
    for path in paths(returned):
        if all(at(returned, (*path, *inner)) == new for inner, (_, new) in uses.items()):
            return path
    state, _ = next(iter(uses.values()))
    raise UnsupportedModel(
        f"layer '{state.layer}': its {state.state} comes from argument '{argument}' of forward, which does not return "
        "the new one; return it"
    )
