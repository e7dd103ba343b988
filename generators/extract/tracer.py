"""torch.fx's tracer with the layers of this project as leaves, and with shapes known while forward runs.

Code that looks at shapes, devices or types runs as it would; only values are symbolic.
"""

from __future__ import annotations

import contextlib
from typing import Any

import snntorch
import torch
from torch import fx, nn

from hlspike.generators.extract.float64 import Slot, is_leaf, layer_input
from hlspike.generators.extract.marks import is_marker
from hlspike.generators.neurons.equations import SPIKES
from hlspike.generators.neurons.known import states

BATCH = 7
"""Sequences of the trial call: a number that is unlikely to be one of the model's own dimensions."""


class _Proxy(fx.Proxy):
    """A proxy that knows the shape of its tensor."""

    def _known(self, name: str) -> Any:
        value = self.node.meta.get("value")
        return getattr(value, name) if isinstance(value, torch.Tensor) else fx.proxy.Attribute(self, name)

    shape = property(lambda self: self._known("shape"))
    ndim = property(lambda self: self._known("ndim"))
    dtype = property(lambda self: self._known("dtype"))
    device = property(lambda self: self._known("device"))

    def size(self, *dim: int) -> Any:
        return self._known("size")(*dim)

    def dim(self) -> Any:
        return self._known("dim")()

    def __len__(self) -> int:
        value = self.node.meta.get("value")
        return len(value) if isinstance(value, torch.Tensor) else super().__len__()


class Tracer(fx.Tracer):
    """Traces one timestep of `shape`; tensors registered in `kept` become reads of the slots that hold them."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape
        self.kept: dict[int, list[Slot]] = {}
        self.path: list[str] = []
        """The modules under way; left as it is when one raises, so that the message can name it."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return is_leaf(m)

    def call_module(self, m: nn.Module, forward: Any, args: Any, kwargs: Any) -> Any:
        self.path.append(self.path_of_module(m))
        result = super().call_module(m, forward, args, kwargs)
        self.path.pop()
        return result

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Proxy(node, self)

    def create_arg(self, a: Any) -> Any:
        if isinstance(a, torch.Tensor) and id(a) in self.kept:
            found = self.kept[id(a)]
            node = self.create_node("get_attr", str(found[0]), (), {})
            node.meta["slots"] = tuple(found)
            return node
        return super().create_arg(a)

    def create_proxy(self, kind: str, target: Any, args: Any, kwargs: Any, *rest: Any, **named: Any) -> fx.Proxy:
        proxy = super().create_proxy(kind, target, args, kwargs, *rest, **named)
        proxy.node.meta["module"] = self.path[-1] if self.path else ""
        # a value is only there to answer questions about shapes; what cannot be computed stays symbolic
        with contextlib.suppress(Exception):
            proxy.node.meta["value"] = self._value(proxy.node, *fx.node.map_aggregate((args, kwargs), _value_of))
        return proxy

    def _value(self, node: fx.Node, args: Any, kwargs: Any) -> Any:
        match node.op:
            case "placeholder":
                return self._first(node)
            case "get_attr":
                return dict(self.root.named_parameters())[str(node.target)]
            case "call_module":
                return _output_of(self.root.get_submodule(str(node.target)), layer_input(args, kwargs))
            case "call_method":
                return getattr(args[0], str(node.target))(*args[1:], **kwargs)
            case _:
                return node.target(*args, **kwargs)  # type: ignore[operator]

    def _first(self, node: fx.Node) -> torch.Tensor:
        if any(other.op == "placeholder" and other is not node for other in self.graph.nodes):
            raise LookupError("only the input has a known shape")
        return torch.zeros(BATCH, *self.shape, dtype=torch.float64)


def _output_of(layer: nn.Module, x: Any) -> Any:
    # forward itself would be traced
    match layer:
        case snntorch.SpikingNeuron():
            return (x, *(x for state in states(layer) if state != SPIKES)) if returns_states(layer) else x
        case nn.Linear():
            return x.new_zeros(*x.shape[:-1], layer.out_features)
        case nn.Flatten():
            return x.flatten(layer.start_dim, layer.end_dim)
        case nn.Identity() | nn.modules.dropout._DropoutNd():
            return x
        case _ if is_marker(layer):
            return x
    raise LookupError("a layer that is not supported")


def _value_of(argument: Any) -> Any:
    return argument.node.meta["value"] if isinstance(argument, fx.Proxy) else argument


def returns_states(neuron: snntorch.SpikingNeuron) -> bool:
    """Whether its forward returns (spk, …, mem) rather than spk (the last lines of each forward of snnTorch)."""
    return bool(neuron.output) or not neuron.init_hidden
