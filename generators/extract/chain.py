"""A module → the chain of layers that one timestep runs, and where their state lives between timesteps.

In: a module, read through its graph (`tracing.Traced`). Out: `Chain`. What a node may be is listed here; anything
else is refused by name.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np
import snntorch
import torch
from numpy.typing import NDArray
from torch import fx, nn

from generators.errors import ConfigError, UnsupportedModel
from generators.extract.float64 import MARKER, Slot, inherits_forward, layer_input
from generators.extract.neuron import check_type, spike_factor
from generators.extract.tracing import TIME_LOOP_REMEDY, Traced, returns_pair, trace
from generators.ir import INPUT, READOUT

SUPPORTED = "Linear, Leaky, Flatten, Dropout, Identity and SNNReadout"
_DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
_IDENTITIES = (nn.Identity, *_DROPOUTS)
_ALIASES = {"detach", "clone", "contiguous"}
_CASTS = {"float", "double"}
_STACKS = (torch.stack, torch.cat)


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
class Pair:
    """(spk, mem) as a neuron returns it."""

    spikes: Flow


@dataclass(frozen=True, slots=True)
class Membrane:
    """The new membrane of a neuron layer."""

    layer: str


@dataclass(frozen=True, slots=True)
class Argument:
    """A further argument of forward, or what stands at `path` in it."""

    name: str
    path: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """A value from the last timestep in an attribute of the user's module."""

    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class Constant:
    """A tensor that is the same on every call."""

    target: str


Value = Flow | Pair | Membrane | Argument | Kept | Constant | None


@dataclass(frozen=True, slots=True)
class Step:
    """One Linear or Leaky of the chain."""

    name: str
    module: nn.Module
    source: Flow
    result: Flow


@dataclass(frozen=True, slots=True)
class State:
    """Where state lives that the neurons do not keep themselves."""

    arguments: dict[str, tuple[Any, ...]]
    """Argument of forward → where its next value stands in what forward returns."""
    required: tuple[str, ...]
    """Arguments without default: None on the first timestep."""
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """The layers in order, what leaves the last one, the readout marker, and notes for the report."""

    steps: tuple[Step, ...]
    output: Flow
    marker: tuple[str, nn.Module] | None
    state: State
    notes: tuple[str, ...]


def read_chain(module: nn.Module, input_shape: tuple[int, ...]) -> Chain:
    """The chain of layers that `module` runs on one timestep of `input_shape` (torch order, without batch).

    Raises:
        UnsupportedModel: naming the layer or function that has no place in such a chain.
        ConfigError: `input_shape` is no shape.
    """
    if not isinstance(module, nn.Module):
        raise UnsupportedModel(f"model: the source gives a {type(module).__name__}; it must return an nn.Module")
    shape = tuple(input_shape)
    if not shape or not all(isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in shape):
        raise ConfigError(f"model.input_shape is {list(shape)}; give positive integers, such as [64] or [1, 28, 28]")
    return _Reader(trace(module, shape), shape).read()


def hardware_order(values: NDArray[Any], flow: Flow) -> NDArray[Any]:
    """(N, *flow.shape) in torch order → (N, size): channels last and flattened, as the design has it."""
    if len(flow.shape) > 1:
        return np.moveaxis(values, 1, -1).reshape(len(values), -1)
    return values if flow.order is None else values[:, list(flow.order)]


class _Reader:
    def __init__(self, traced: Traced, shape: tuple[int, ...]) -> None:
        self.traced = traced
        self.shape = shape
        self.values: dict[fx.Node, Any] = {}
        self.steps: list[Step] = []
        self.memories: dict[str, Argument | Kept] = {}
        self.marker: tuple[str, nn.Module] | None = None
        self.marked: Flow | None = None
        self.notes: list[str] = []

    def read(self) -> Chain:
        nodes = list(self.traced.graph.nodes)
        self._refuse_repeats(nodes)
        self._refuse_stacks(nodes)
        returned: Any = None
        for node in nodes:
            match node.op:
                case "placeholder":
                    self.values[node] = self._placeholder(node)
                case "get_attr":
                    self.values[node] = Kept(node.meta["slots"]) if "slots" in node.meta else Constant(str(node.target))
                case "call_module":
                    self.values[node] = self._layer(str(node.target), node)
                case "output":
                    returned = fx.node.map_arg(node.args[0], self.values.__getitem__)
                case _:
                    self.values[node] = self._function(node)
        output = self._output(returned)
        return Chain(tuple(self.steps), output, self.marker, self._state(returned), tuple(self.notes))

    def _refuse_repeats(self, nodes: list[fx.Node]) -> None:
        calls: dict[str, int] = {}
        for node in nodes:
            if node.op == "call_module":
                name = str(node.target)
                if not isinstance(self.traced.module.get_submodule(name), (nn.Flatten, *_IDENTITIES)):
                    calls[name] = calls.get(name, 0) + 1
        for name, count in calls.items():
            if count > 1:
                raise UnsupportedModel(
                    f"layer '{name}': called {count} times in one forward; {TIME_LOOP_REMEDY}, or use one module "
                    "per call"
                )

    def _refuse_stacks(self, nodes: list[fx.Node]) -> None:
        for node in nodes:
            if node.op == "call_function" and node.target in _STACKS:
                raise UnsupportedModel(
                    f"model: forward joins tensors with {_function_name(node)}, as over timesteps; {TIME_LOOP_REMEDY}"
                )

    def _placeholder(self, node: fx.Node) -> Value:
        if len(self.values) == 0:
            return Flow("input", INPUT, self.shape)
        return Argument(str(node.target))

    def _layer(self, name: str, node: fx.Node) -> Value:
        module = self.traced.module.get_submodule(name)
        value = self._value(layer_input(node.args, node.kwargs))
        if type(module).__name__ == MARKER:
            return self._mark(name, module, self._data(value, f"readout '{name}'"))
        where = f"layer '{name}'"
        if isinstance(module, _IDENTITIES):
            self.notes.append(f"{where}: {type(module).__name__} is dropped, it changes nothing outside training")
            return value if isinstance(value, Pair) else self._data(value, where)
        flow = self._data(value, where)
        if isinstance(module, nn.Flatten):
            return self._flatten(where, flow, module.start_dim, module.end_dim)
        if self.marker is not None:
            raise UnsupportedModel(f"{where}: follows the readout '{self.marker[0]}'; make the readout the last module")
        if name in (INPUT, READOUT):
            raise UnsupportedModel(f"{where}: the name is reserved for the {name} of the design; rename the module")
        if isinstance(module, snntorch.SpikingNeuron):
            check_type(name, module)
            return self._neuron(name, module, node, flow)
        if inherits_forward(module, nn.Linear):
            return self._linear(name, cast(nn.Linear, module), flow)
        raise UnsupportedModel(f"{where}: {type(module).__name__} is not supported; supported are {SUPPORTED}")

    def _append(self, name: str, module: nn.Module, flow: Flow, result: Flow) -> Flow:
        for step in self.steps:
            if step.source.layer == flow.layer:
                raise UnsupportedModel(
                    f"layer '{name}': takes {flow}, which '{step.name}' takes as well; only chains of layers are "
                    "supported, without branches"
                )
        self.steps.append(Step(name, module, flow, result))
        return result

    def _linear(self, name: str, module: nn.Linear, flow: Flow) -> Flow:
        if len(flow.shape) != 1:
            raise UnsupportedModel(f"layer '{name}': Linear on a map of shape {flow.shape}; put nn.Flatten() before it")
        if flow.factor != 1:
            self.notes.append(
                f"layer '{flow.layer}': graded_spikes_factor {flow.factor:g} is folded into the weights of '{name}'"
            )
        return self._append(name, module, flow, Flow("currents", name, (module.out_features,)))

    def _neuron(self, name: str, module: snntorch.Leaky, node: fx.Node, flow: Flow) -> Flow | Pair:
        if flow.factor != 1:
            raise UnsupportedModel(
                f"layer '{name}': takes spikes worth {flow.factor:g} (graded_spikes_factor of '{flow.layer}'), but has "
                "no weights to fold that into; put a Linear between them"
            )
        memory = self._value(node.args[1] if len(node.args) > 1 else node.kwargs.get("mem"))
        match memory:
            case None:
                pass
            case Argument() | Kept():
                self.memories[name] = memory
            case Constant():
                raise UnsupportedModel(
                    f"layer '{name}': its mem is the same on every call, which resets it; {TIME_LOOP_REMEDY}"
                )
            case _:
                raise UnsupportedModel(f"layer '{name}': its mem is computed by forward; pass on what it returned")
        if flow.order is not None:
            self.notes.append(f"layer '{name}': its neurons are traced channels last, as in the map before Flatten")
        result = replace(flow, kind="spikes", layer=name, factor=spike_factor(name, module))
        self._append(name, module, flow, result)
        return Pair(result) if returns_pair(module) else result

    def _mark(self, name: str, module: nn.Module, flow: Flow) -> Flow:
        if self.marker is not None:
            raise UnsupportedModel(f"readout '{name}': '{self.marker[0]}' is a readout already; keep one of them")
        self.marker, self.marked = (name, module), flow
        return flow

    def _flatten(self, where: str, flow: Flow, start: Any, end: Any) -> Flow:
        rank = len(flow.shape) + 1
        if (start, end) not in ((1, -1), (1, rank - 1), (1 - rank, -1), (1 - rank, rank - 1)):
            raise UnsupportedModel(
                f"{where}: flattens dimensions {start}..{end} of shape (batch, {', '.join(map(str, flow.shape))}); "
                "only flattening all but the batch is supported"
            )
        if len(flow.shape) == 1:
            return flow
        positions = np.moveaxis(np.arange(math.prod(flow.shape)).reshape(flow.shape), 0, -1).reshape(-1)
        same = bool((positions == np.arange(positions.size)).all())
        return replace(flow, shape=(positions.size,), order=None if same else tuple(positions.tolist()))

    def _function(self, node: fx.Node) -> Any:
        name = _function_name(node)
        if node.target is torch._assert or _guards(node):
            return None
        first = self._value(node.args[0] if node.args else node.kwargs.get("input"))
        rest = node.args[1:]
        if name == "getitem":
            return self._item(first, rest[0])
        if node.op == "call_method" and name in _ALIASES:
            return first
        inside = f"module '{node.meta['module']}'" if node.meta.get("module") else "model"
        where = f"{inside}: {name} of {_told(first)}"
        if not isinstance(first, Flow):
            raise UnsupportedModel(f"{where} is not supported; use the modules {SUPPORTED}")
        if node.op == "call_method" and _is_exact_cast(name, node, first):
            return first
        if name == "dropout" and node.kwargs.get("training", (*rest, True, True)[1]) is False:
            return first
        if name == "flatten":
            start = node.kwargs.get("start_dim", rest[0] if rest else 0)
            return self._flatten(where, first, start, node.kwargs.get("end_dim", rest[1] if len(rest) > 1 else -1))
        if name in ("view", "reshape") and "value" in node.meta:
            reached = tuple(node.meta["value"].shape[1:])
            if reached in (first.shape, (math.prod(first.shape),)) and self._batch_kept(node):
                return first if reached == first.shape else self._flatten(where, first, 1, -1)
        raise UnsupportedModel(f"{where} is not supported; use the modules {SUPPORTED}")

    def _batch_kept(self, node: fx.Node) -> bool:
        source = node.args[0] if node.args else None
        return isinstance(source, fx.Node) and source.meta["value"].shape[0] == node.meta["value"].shape[0]

    def _item(self, value: Value, key: Any) -> Value:
        match value:
            case Pair():
                return value.spikes if key in (0, -2) else Membrane(value.spikes.layer)
            case Argument():
                return Argument(value.name, (*value.path, key))
            case _:
                raise UnsupportedModel(f"model: indexing {_told(value)} is not supported; take whole tensors")

    def _value(self, argument: Any) -> Any:
        return self.values[argument] if isinstance(argument, fx.Node) else argument

    def _data(self, value: Any, where: str) -> Flow:
        match value:
            case Flow():
                return value
            case Pair():
                if where.startswith("readout"):
                    return value.spikes
                raise UnsupportedModel(
                    f"{where}: takes the tuple (spk, mem) of '{value.spikes.layer}'; unpack it, or set "
                    "init_hidden=True and output=False there"
                )
            case Membrane():
                raise UnsupportedModel(
                    f"{where}: takes the membrane of '{value.layer}' as data; take its spikes, or decide from "
                    "membranes with an SNNReadout of output_mode membrane"
                )
            case _:
                raise UnsupportedModel(f"{where}: takes {_told(value)} as data; only the first argument of forward is")

    def _output(self, returned: Any) -> Flow:
        if not self.steps:
            raise UnsupportedModel("model: forward runs no Linear and no Leaky; there is nothing to build")
        leaves = list(_leaves(returned))
        flows = [leaf.spikes if isinstance(leaf, Pair) else leaf for leaf in leaves if isinstance(leaf, (Flow, Pair))]
        last = self.steps[-1].name
        if self.marker is not None and self.marked is not None and self.marked.layer != last:
            raise UnsupportedModel(
                f"readout '{self.marker[0]}': takes {self.marked}, but the last layer is '{last}'; make "
                "the readout the last module"
            )
        output = next((flow for flow in flows if flow.layer == last), None)
        if output is not None:
            return output
        if Membrane(last) in leaves:
            raise UnsupportedModel(
                f"model: returns the membrane of '{last}' without its spikes; return the spikes, or end with a Linear "
                "and an SNNReadout of output_mode membrane"
            )
        raise UnsupportedModel(f"layer '{last}': its output is not returned by forward; return it, or remove the layer")

    def _state(self, returned: Any) -> State:
        after = dict(self.traced.slots)
        wanted: dict[str, dict[tuple[Any, ...], str]] = {}
        used: list[Slot] = []
        for name, memory in self.memories.items():
            if isinstance(memory, Argument):
                wanted.setdefault(memory.name, {})[memory.path] = name
                continue
            current = [slot for slot in memory.slots if self._left_in(after.get(slot)) == Membrane(name)]
            if not current:
                raise UnsupportedModel(
                    f"layer '{name}': its mem comes from '{memory.slots[0]}', where forward does not keep the new one; "
                    f"assign the mem it returned to '{memory.slots[0]}'"
                )
            used.extend(memory.slots)
        paths = list(_paths(returned))
        arguments = {}
        for argument, uses in wanted.items():
            fits = (p for p in paths if all(_at(returned, (*p, *q)) == Membrane(n) for q, n in uses.items()))
            found = next(fits, None)
            if found is None:
                raise UnsupportedModel(
                    f"layer '{next(iter(uses.values()))}': its mem comes from argument '{argument}' of forward, which "
                    "does not return the new one; return it"
                )
            arguments[argument] = found
        return State(arguments, self.traced.required, tuple(used))

    def _left_in(self, value: Any) -> Value:
        return self.values.get(value.node) if isinstance(value, fx.Proxy) else None


def _function_name(node: fx.Node) -> str:
    return str(node.target) if node.op == "call_method" else str(getattr(node.target, "__name__", node.target))


def _is_exact_cast(name: str, node: fx.Node, flow: Flow) -> bool:
    # frames are float32 and spikes 0 or 1, so float32 holds them; it would round currents
    asked = [*node.args[1:], *node.kwargs.values()] if name == "to" else []
    dtypes = [item for item in asked if isinstance(item, torch.dtype)]
    known = all(isinstance(item, (torch.dtype, torch.device, str, bool)) for item in asked)
    legal = name in _CASTS or (name == "to" and known and set(dtypes) <= {torch.float32, torch.float64})
    changes = name in _CASTS or bool(dtypes)
    return legal and (not changes or (flow.kind != "currents" and abs(flow.factor) == 1))


def _guards(node: fx.Node) -> bool:
    # torch.fx checks with an assertion that an argument still has the default it was traced with
    return bool(node.users) and all(user.target is torch._assert for user in node.users)


def _told(value: Any) -> str:
    match value:
        case Flow():
            return str(value)
        case Pair():
            return f"the tuple (spk, mem) of '{value.spikes.layer}'"
        case Membrane():
            return f"the membrane of '{value.layer}'"
        case Argument():
            return f"argument '{value.name}'"
        case Kept():
            return f"attribute '{value.slots[0]}'"
        case Constant():
            return f"the tensor '{value.target}'"
        case _:
            return f"{value!r}"


def _items(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, (list, tuple)):
        yield from enumerate(value)
    elif isinstance(value, Pair):
        yield from ((0, value.spikes), (1, Membrane(value.spikes.layer)))


def _paths(value: Any) -> Iterator[tuple[Any, ...]]:
    yield ()
    for key, item in _items(value):
        yield from ((key, *rest) for rest in _paths(item))


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = dict(_items(value)).get(key)
    return value


def _leaves(value: Any) -> Iterator[Any]:
    inner = [] if isinstance(value, Pair) else list(_items(value))
    if not inner:
        yield value
    for _, item in inner:
        yield from _leaves(item)
