"""The graph of a whole forward → what each of its values is in terms of timesteps.

A neuron's k-th call is timestep k, and what rests on it is of that timestep. That a neuron gets back the very states it
returned one timestep before is shown here; that all timesteps do the same, in `fold`.
"""

from __future__ import annotations

from typing import Any

import snntorch
import torch
from torch import fx, nn

from hlspike.generators.extract.float64 import layer_input
from hlspike.generators.extract.loop import joining, operations
from hlspike.generators.extract.loop.layouts import Layout
from hlspike.generators.extract.loop.table import Table, latest, terms, within
from hlspike.generators.extract.loop.unroll import kept_state
from hlspike.generators.extract.loop.values import Made, Sequence, Term, Total, Zero
from hlspike.generators.extract.neuron import check_type
from hlspike.generators.extract.tracer import returns_states
from hlspike.generators.neurons.equations import SPIKES
from hlspike.generators.neurons.known import states


class Interpreter:
    """Values of the nodes of a graph, and the calls of each neuron in order."""

    def __init__(self, root: nn.Module, graph: fx.Graph, layout: Layout) -> None:
        self.root, self.layout = root, layout
        self.table = Table()
        self.calls: dict[str, list[Term | Made]] = {}
        self.whole: dict[str, int] = {}
        """Layers that are called on all timesteps at once, and their axis of time."""
        self.returned: Any = None
        self.parted = False
        """Whether a timestep is ever taken out of the frames: else the axis is not one of time."""
        self._values: dict[fx.Node, Any] = {}
        for node in graph.nodes:
            self._values[node] = self._read(node)

    def _read(self, node: fx.Node) -> Any:
        args = fx.node.map_arg(node.args, self._values.__getitem__)
        kwargs = fx.node.map_arg(node.kwargs, self._values.__getitem__)
        match node.op:
            case "placeholder":
                return None if self._values else self._input(node)
            case "get_attr":
                return self._constant(node)
            case "call_module":
                return self._module(str(node.target), node, args, kwargs)
            case "output":
                self.returned = args[0]
                return None
            case _:
                if node.target is torch._assert:
                    return None
                for broken in within((args, kwargs), Made):
                    if broken.fault:
                        return broken
                found = operations.apply(self, node, args, kwargs)
                return found if found is not None else self.term(node, args, kwargs)

    def _input(self, node: fx.Node) -> Term | Sequence:
        value = node.meta["value"]
        axis = self.layout.axis
        if axis is None:
            return self.table.make(node, "placeholder", "input", (), {}, value, None)
        return Sequence(tuple(
            self.table.make(node, "placeholder", "input", (), {}, value.select(axis, time), time)
            for time in range(self.layout.timesteps)
        ), axis)

    def _constant(self, node: fx.Node) -> Term | Zero:
        tensor = node.meta.get("tensor")
        if tensor is not None and not isinstance(tensor, nn.Parameter) and not tensor.any():
            return Zero(tensor)
        return self.table.make(node, "get_attr", str(node.target), (), {}, tensor, None)

    def term(self, node: fx.Node, args: Any, kwargs: Any) -> Term | Made:
        """What `node` makes of values of one timestep; `Made` of anything else."""
        given = (args, kwargs)
        where = operations.where(node)
        found = list(terms(given))
        if any(within(given, (Sequence, Total, Made))):
            return Made(f"{operations.name(node)} over timesteps", tuple(found))
        time = latest(found)
        late = next((one for one in found if one.time not in (None, time)), None)
        if late is not None:
            return Made(
                where, tuple(found),
                f"{where}: takes {operations.described(late)} of an earlier timestep; only states of neurons go from "
                "one timestep to the next, such as the spikes of snntorch.RLeaky",
            )
        return self.table.make(node, node.op, node.target, args, kwargs, node.meta.get("value"), time)

    def _module(self, name: str, node: fx.Node, args: Any, kwargs: Any) -> Any:
        layer = self.root.get_submodule(name)
        if isinstance(layer, snntorch.SpikingNeuron):
            check_type(name, layer)
            return self._neuron(name, layer, node, args, kwargs)
        given = layer_input(args, kwargs)
        if isinstance(given, Sequence):
            distributed = joining.layer(self, name, layer, node, given)
            if distributed is not None:
                self.whole[name] = given.axis
                return distributed
        if isinstance(given, (Sequence, Total)) or (isinstance(given, Made) and not given.fault):
            what = given.what if isinstance(given, Made) else "several timesteps at once"
            return Made(
                f"layer '{name}'", tuple(terms(given)),
                f"layer '{name}': takes {what}; only what every timestep does is built: call it within the loop, and "
                "return what it gives",
            )
        return self.term(node, args, kwargs)

    def _neuron(self, name: str, neuron: Any, node: fx.Node, args: Any, kwargs: Any) -> Term | Made:
        calls = self.calls.setdefault(name, [])
        time = len(calls)
        given = layer_input(args, kwargs)
        made: Term | Made
        if isinstance(given, (Term, Zero)):
            fault = self._misplaced(name, time, given) or self._states(name, neuron, node, args, kwargs)
            made = Made(f"layer '{name}'", tuple(terms(given)), fault) if fault else self.table.make(
                node, "call_module", name, (given,), {}, node.meta.get("value"), time
            )
        elif isinstance(given, Made) and given.fault:
            made = given
        else:
            what = given.what if isinstance(given, Made) else "several timesteps at once"
            made = Made(f"layer '{name}'", tuple(terms(given)),
                        f"layer '{name}': takes {what}; call it once in every timestep, on what belongs to it")
        calls.append(made)
        return made

    def _misplaced(self, name: str, time: int, given: Term | Zero) -> str | None:
        found = given.time if isinstance(given, Term) else None
        if found is None or found == time:
            return None
        if found < time:
            return (
                f"layer '{name}': is called more than once on timestep {found}, or misses its turn; call each neuron "
                "once in every timestep, in order"
            )
        return (
            f"layer '{name}': takes timestep {found} when it is called for timestep {time}; let every timestep do the "
            "same"
        )

    def _states(self, name: str, neuron: Any, node: fx.Node, args: Any, kwargs: Any) -> str | None:
        """Why the neuron would not start at 0, or not go on with the states that it returned."""
        held = node.meta.get("held", {})
        for place, state in enumerate(states(neuron), 1):
            given = args[place] if len(args) > place else kwargs.get(state)
            if given is None:
                kept = held.get(state)
                given = self._values[kept] if isinstance(kept, fx.Node) else Zero(kept) if not kept.any() else kept
            time = len(self.calls[name])
            if time == 0:
                if not isinstance(given, Zero):
                    return (
                        f"layer '{name}': its first {state} is {operations.described(given)}; begin with zeros, which "
                        "is where the hardware starts"
                    )
            elif self.state_of(given) != (name, time - 1, state):
                found = "set back to zero" if isinstance(given, Zero) else operations.described(given)
                return (
                    f"layer '{name}': on timestep {time} its {state} is {found}; pass on what it returned one timestep "
                    "before"
                )
        return None

    def state_of(self, value: Any) -> tuple[str, int, str] | None:
        """(layer, timestep, state) of a value that is what a neuron has left."""
        if not isinstance(value, Term) or value.time is None:
            return None
        if value.op == "call_module" and value.target in self.calls:
            # the spikes, of a neuron that returns nothing else
            neuron = self.root.get_submodule(value.target)
            return None if returns_states(neuron) else (value.target, value.time, SPIKES)
        call = value.args[0] if value.args else None
        if not isinstance(call, Term) or call.op != "call_module" or call.target not in self.calls:
            return None
        if value.target is kept_state:
            return call.target, value.time, value.args[1]
        if operations.name(value.node) != "getitem":
            return None
        given = (SPIKES, *(one for one in states(self.root.get_submodule(call.target)) if one != SPIKES))
        return call.target, value.time, given[value.args[1]]
