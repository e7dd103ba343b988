"""The graph of a whole forward, all of its timesteps, with the state of neurons in sight.

What a neuron keeps by itself is a value of the graph like one that it returns: who reads, resets or replaces it is
seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import fx, nn

from hlspike.generators.extract.float64 import is_leaf
from hlspike.generators.extract.loop.instances import own_neurons
from hlspike.generators.extract.loop.layouts import Layout
from hlspike.generators.extract.tracer import BATCH, Tracer, returns_states
from hlspike.generators.neurons.equations import SPIKES
from hlspike.generators.neurons.known import states


def kept_state(_: Any, state: str) -> Any:
    """The `state` that a neuron holds after the call; a name in graphs, which is never run."""
    raise NotImplementedError(state)


class LoopTracer(Tracer):
    """Traces a forward on the frames of a whole sequence."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout.shape)
        self._layout = layout

    def call_module(self, m: nn.Module, forward: Any, args: Any, kwargs: Any) -> Any:
        names = states(m)
        held = {state: _plain(getattr(m, state)) for state in names}
        result = super().call_module(m, forward, args, kwargs)
        if names and isinstance(result, fx.Proxy):
            result.node.meta["held"] = held
            others = [state for state in names if state != SPIKES]
            for state in names:
                # a buffer accepts tensors only
                m._buffers.pop(state, None)
                m.__dict__[state] = self._after(result, m, state, others)
        return result

    def iter(self, obj: fx.Proxy) -> Iterator[Any]:
        value = obj.node.meta.get("value")
        if isinstance(value, (torch.Tensor, tuple, list)):
            whole: Any = obj
            return iter([whole[place] for place in range(len(value))])
        return super().iter(obj)

    def create_arg(self, a: Any) -> Any:
        made = super().create_arg(a)
        if isinstance(a, torch.Tensor) and isinstance(made, fx.Node):
            made.meta["tensor"] = a
        return made

    def _after(self, result: Any, neuron: Any, state: str, others: list[str]) -> Any:
        if returns_states(neuron):
            return result[0 if state == SPIKES else 1 + others.index(state)]
        return result if state == SPIKES else self.create_proxy("call_function", kept_state, (result, state), {})

    def _value(self, node: fx.Node, args: Any, kwargs: Any) -> Any:
        return args[0] if node.target is kept_state else super()._value(node, args, kwargs)

    def _first(self, node: fx.Node) -> torch.Tensor:
        if any(other.op == "placeholder" and other is not node for other in self.graph.nodes):
            raise LookupError("only the input has a known shape")
        return torch.zeros(self._layout.whole(BATCH), dtype=torch.float64)


def unroll(private: nn.Module, layout: Layout, concrete: dict[str, Any]) -> fx.Graph:
    """The graph of forward on `layout.timesteps` frames.

    Args:
        private: a copy that nobody else uses: its neurons hold values of the graph afterwards.
        concrete: arguments of forward beside the input.
    Raises:
        whatever forward raises when it is traced.
    """
    for part in private.modules():
        if not is_leaf(part):
            part.__dict__.update(part._buffers)
            part._buffers.clear()
    with torch.no_grad(), own_neurons(private):
        return LoopTracer(layout).trace(private, concrete)


def _plain(value: Any) -> Any:
    return value.node if isinstance(value, fx.Proxy) else value
