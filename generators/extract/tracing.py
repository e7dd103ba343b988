"""One timestep of the user's forward as a torch.fx graph.

In: a module and the shape of one timestep. Out: the graph of a timestep in the steady state, that is of the second
call, so that what forward sets up on its first call is no branch of it. Shapes are known while tracing: code that
looks at them runs as it would.
"""

from __future__ import annotations

import contextlib
import dis
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from types import CodeType
from typing import Any
from unittest import mock

import snntorch
import torch
from torch import fx, nn

from generators.errors import UnsupportedModel
from generators.extract.float64 import MARKER, Slot, first_sentence, float64_copy, is_leaf, layer_input, slots

BATCH = 7
"""Sequences of the trial call: a number that is unlikely to be one of the model's own dimensions."""

TIME_LOOP_REMEDY = "give the body of the time loop as a one-timestep forward that keeps its state"


@dataclass(frozen=True, slots=True)
class Traced:
    """The graph, the private copy whose layers it calls by name, and forward's arguments beside the input."""

    module: nn.Module
    graph: fx.Graph
    slots: tuple[tuple[Slot, Any], ...]
    """What the module's own attributes hold after a timestep: proxies of graph nodes, where forward set them."""
    arguments: tuple[str, ...]
    required: tuple[str, ...]


class _ResetOnEveryCall(Exception):  # noqa: N818 - caught where it is defined
    pass


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


class _Tracer(fx.Tracer):
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
        case snntorch.Leaky():
            return (x, x) if returns_pair(layer) else x
        case nn.Linear():
            return x.new_zeros(*x.shape[:-1], layer.out_features)
        case nn.Flatten():
            return x.flatten(layer.start_dim, layer.end_dim)
        case nn.Identity() | nn.modules.dropout._DropoutNd():
            return x
        case _ if type(layer).__name__ == MARKER:
            return x
    raise LookupError("a layer that is not supported")


def _value_of(argument: Any) -> Any:
    return argument.node.meta["value"] if isinstance(argument, fx.Proxy) else argument


def returns_pair(neuron: snntorch.Leaky) -> bool:
    """Whether its forward returns (spk, mem) rather than spk (Leaky.forward, its last lines)."""
    return bool(neuron.output) or not neuron.init_hidden


def trace(module: nn.Module, shape: tuple[int, ...]) -> Traced:
    """The graph of one timestep of `module`.

    Args:
        shape: one timestep in torch order, without the batch dimension.
    Raises:
        UnsupportedModel: forward fails on such a timestep, holds the time loop, or takes a path that depends on data.
    """
    if isinstance(module, (nn.DataParallel, torch.jit.ScriptModule)) or hasattr(module, "_orig_mod"):
        raise UnsupportedModel(f"model: {type(module).__name__} hides the model from tracing; give the plain nn.Module")
    if is_leaf(module):
        raise UnsupportedModel(
            f"model: the model is a bare {type(module).__name__}, which has no layer name; wrap it in nn.Sequential"
        )
    private = float64_copy(module)
    parameters = list(inspect.signature(type(private).forward).parameters.values())[1:]
    named = [p for p in parameters[1:] if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    required = tuple(p.name for p in named if p.default is p.empty)
    tracer = _Tracer(shape)
    _refuse_strays(private)
    for name, layer in private.named_modules():
        if isinstance(layer, (nn.Linear, nn.Flatten, snntorch.SpikingNeuron)):
            layer.register_forward_pre_hook(partial(_refuse_pair, name), with_kwargs=True)
    with torch.no_grad():
        try:
            private(torch.zeros(BATCH, *shape, dtype=torch.float64), **dict.fromkeys(required))
        except UnsupportedModel:
            raise
        except Exception as error:
            raise UnsupportedModel(_failure(private, shape, error)) from error
        _release_buffers(private)
        for slot, value in slots(private):
            if isinstance(value, torch.Tensor):
                tracer.kept.setdefault(id(value), []).append(slot)
        defaults = {p.name: p.default for p in named if isinstance(p.default, (bool, int, float, str))}
        try:
            with _no_resets():
                graph = tracer.trace(private, defaults)
        except _ResetOnEveryCall:
            raise UnsupportedModel(
                f"model: forward of {type(private).__name__} resets its neurons on every call; {TIME_LOOP_REMEDY}"
            ) from None
        except Exception as error:
            raise UnsupportedModel(_refusal(private, tracer.path, error)) from error
    arguments = tuple(p.name for p in named if p.name not in defaults)
    return Traced(private, graph, tuple(slots(private)), arguments, required)


def _refuse_strays(root: nn.Module) -> None:
    registered = {id(module) for module in root.modules()}
    for slot, value in slots(root):
        if isinstance(value, nn.Module) and id(value) not in registered:
            raise UnsupportedModel(
                f"model: {type(value).__name__} in '{slot}' is not registered as a submodule; keep it in "
                "nn.ModuleList or nn.ModuleDict"
            )


def _refuse_pair(name: str, layer: nn.Module, args: Any, kwargs: Any) -> None:
    if isinstance(layer_input(args, kwargs), tuple):
        raise UnsupportedModel(
            f"layer '{name}': takes the tuple (spk, mem) of the neurons before it; unpack it, or set init_hidden=True "
            "and output=False there"
        )


def _release_buffers(root: nn.Module) -> None:
    # a buffer accepts tensors only, and tracing assigns proxies
    for module in root.modules():
        if not is_leaf(module):
            module.__dict__.update(module._buffers)
            module._buffers.clear()


@contextlib.contextmanager
def _no_resets() -> Iterator[None]:
    def refuse(*_: Any) -> None:
        raise _ResetOnEveryCall

    patches = [mock.patch.object(snntorch.Leaky, name, refuse) for name in ("reset_mem", "reset_hidden")]
    with patches[0], patches[1]:
        yield


def _failure(root: nn.Module, shape: tuple[int, ...], error: Exception) -> str:
    if _loops(root):
        return (
            f"model: forward of {type(root).__name__} loops and fails on one timestep of shape {shape} "
            f"({first_sentence(error)}); {TIME_LOOP_REMEDY}"
        )
    return (
        f"model: forward of {type(root).__name__} fails on one timestep of shape {shape}: {first_sentence(error)}; "
        "make it run on that, or set model.input_shape to what it takes (without batch)"
    )


def _refusal(root: nn.Module, path: list[str], error: Exception) -> str:
    if _loops(root):
        return (
            f"model: forward of {type(root).__name__} loops and cannot be followed ({first_sentence(error)}); "
            f"{TIME_LOOP_REMEDY}"
        )
    where = f"module '{path[-1]}'" if path else "model"
    return (
        f"{where}: forward cannot be followed ({first_sentence(error)}); call registered layers on whole tensors, and "
        "take the same path whatever the values are"
    )


def _loops(root: nn.Module) -> bool:
    forwards = [type(m).forward for m in root.modules() if not type(m).__module__.startswith("torch.nn")]
    return any(_jumps_back(f.__code__) for f in forwards if inspect.isfunction(f))


def _jumps_back(code: CodeType) -> bool:
    here = any(i.opname.startswith("JUMP_BACKWARD") for i in dis.get_instructions(code))
    return here or any(_jumps_back(c) for c in code.co_consts if isinstance(c, CodeType))
