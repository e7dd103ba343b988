"""A module → the graph of layers that one timestep runs, and where their state lives between timesteps.

In: a module, read through its graph (`tracing.Traced`). Out: `Chain`. A new type of layer gets its case in
`_Reader._layer`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any, cast

import snntorch
from torch import fx, nn

from hlspike.generators.errors import ConfigError, UnsupportedModel
from hlspike.generators.extract.float64 import inherits_forward, layer_input
from hlspike.generators.extract.flow import Argument, Constant, Flow, Kept, Membrane, Returned, Value, leaves
from hlspike.generators.extract.functions.joins import Join, called, join, operands, refuse_stacks
from hlspike.generators.extract.functions.operations import SUPPORTED, apply, caller, flatten
from hlspike.generators.extract.loop.fold import Loop
from hlspike.generators.extract.loop.layouts import TimeAxis
from hlspike.generators.extract.loop.reading import Unrolled, read_loop
from hlspike.generators.extract.marks import is_identity, is_marker, remark
from hlspike.generators.extract.memory import State, memory, settle_state
from hlspike.generators.extract.neuron import check_type, refuse_by_name, spike_factor
from hlspike.generators.extract.timestep import TIME_LOOP_REMEDY, Traced, check, trace
from hlspike.generators.extract.tracer import returns_states
from hlspike.generators.ir import INPUT, READOUT
from hlspike.generators.neurons.equations import SPIKES
from hlspike.generators.neurons.known import states

_DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
_IDENTITIES = (nn.Identity, *_DROPOUTS)


@dataclass(frozen=True, slots=True)
class Step:
    """One Linear or Neuron."""

    name: str
    module: nn.Module
    source: Flow
    result: Flow


@dataclass(frozen=True, slots=True)
class Chain:
    """The layers, each after those that it takes from, what leaves the last one, the readout marker, and notes for the
    report.
    """

    steps: tuple[Step | Join, ...]
    output: Flow
    marker: tuple[str, nn.Module] | None
    state: State
    notes: tuple[str, ...]
    loop: Loop | None = None
    """How forward runs a whole sequence; None if it runs one timestep."""

    @property
    def modules(self) -> tuple[Step, ...]:
        """The layers that are modules."""
        return tuple(step for step in self.steps if isinstance(step, Step))

    @property
    def joins(self) -> tuple[Join, ...]:
        """Those that are functions or operators."""
        return tuple(step for step in self.steps if isinstance(step, Join))


def read_chain(module: nn.Module, input_shape: tuple[int, ...], axis: TimeAxis = "auto") -> Chain:
    """The layers that `module` runs on one timestep of `input_shape` (torch order, without batch).

    Args:
        axis: of time, in what a forward that holds the time loop takes.
    Raises:
        UnsupportedModel: naming the layer or function that has no place among them.
        ConfigError: `input_shape` is no shape.
    """
    if not isinstance(module, nn.Module):
        raise UnsupportedModel(f"model: the source gives a {type(module).__name__}; it must return an nn.Module")
    shape = tuple(input_shape)
    if not shape or not all(isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in shape):
        raise ConfigError(f"model.input_shape is {list(shape)}; give positive integers, such as [64] or [1, 28, 28]")
    check(module)
    if axis == "auto":
        try:
            return _Reader(trace(module, shape), shape).read()
        except UnsupportedModel:
            found = read_loop(module, shape, axis)
            if found is None:
                raise
    else:
        found = read_loop(module, shape, axis)
        if found is None:
            raise UnsupportedModel(
                f"model: forward of {type(module).__name__} holds no loop over axis {axis} of its input, as "
                "model.time_axis says; set it to auto"
            )
    return _looped(found, shape)


def _looped(found: Unrolled, shape: tuple[int, ...]) -> Chain:
    chain = _Reader(Traced(found.module, found.folded.graph, (), ()), shape).read()
    return replace(chain, notes=(*found.folded.notes, *chain.notes), loop=found.folded.loop)


class _Reader:
    def __init__(self, traced: Traced, shape: tuple[int, ...]) -> None:
        self.traced = traced
        self.shape = shape
        self.values: dict[fx.Node, Any] = {}
        self.steps: list[Step | Join] = []
        self.memories: dict[Membrane, tuple[Argument | Kept, Membrane | Flow]] = {}
        self.marker: tuple[str, nn.Module] | None = None
        self.marked: Flow | None = None
        self.notes: list[str] = []

    def read(self) -> Chain:
        nodes = list(self.traced.graph.nodes)
        self._refuse_repeats(nodes)
        refuse_stacks(nodes)
        returned: Any = None
        for node in nodes:
            match node.op:
                case "placeholder":
                    self.values[node] = self._placeholder(node)
                case "get_attr":
                    slots = node.meta.get("slots")
                    self.values[node] = Kept(slots) if slots else Constant(str(node.target))
                case "call_module":
                    self.values[node] = self._layer(str(node.target), node)
                case "output":
                    returned = fx.node.map_arg(node.args[0], self.values.__getitem__)
                case _:
                    self.values[node] = self._called(node)
        output = self._output(returned)
        state = settle_state(self.memories, self.traced, returned, self._value)
        return Chain(tuple(self.steps), output, self.marker, state, tuple(self.notes))

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
                    f"layer '{name}': called {count} times in one forward; {TIME_LOOP_REMEDY}, or use one module per "
                    "call"
                )

    def _placeholder(self, node: fx.Node) -> Value:
        return Argument(str(node.target)) if self.values else Flow("input", INPUT, self.shape)

    def _value(self, argument: Any) -> Any:
        node = argument.node if isinstance(argument, fx.Proxy) else argument
        return self.values.get(node) if isinstance(node, fx.Node) else node

    def _layer(self, name: str, node: fx.Node) -> Value:
        module = self.traced.module.get_submodule(name)
        value = self._value(layer_input(node.args, node.kwargs))
        where = f"layer '{name}'"
        if is_marker(module):
            return self._mark(name, module, value.spikes if isinstance(value, Returned) else self._data(value, where))
        if isinstance(module, _IDENTITIES):
            self.notes.append(f"{where}: {type(module).__name__} is dropped, it changes nothing outside training")
            return value if isinstance(value, Returned) else self._data(value, where)
        flow = self._data(value, where)
        if isinstance(module, nn.Flatten):
            return flatten(where, flow, module.start_dim, module.end_dim)
        if self.marker is not None:
            raise UnsupportedModel(f"{where}: follows the readout '{self.marker[0]}'; make the readout the last module")
        if not name.isprintable():
            raise UnsupportedModel(f"layer {name!r}: its name holds characters that cannot be seen; rename the module")
        if name in (INPUT, READOUT):
            raise UnsupportedModel(f"{where}: the name is reserved for the {name} of the design; rename the module")
        if isinstance(module, snntorch.SpikingNeuron):
            check_type(name, module)
            return self._neuron(name, module, node, flow)
        if inherits_forward(module, nn.Linear):
            return self._linear(name, cast(nn.Linear, module), flow)
        refuse_by_name(name, module)
        raise UnsupportedModel(f"{where}: {type(module).__name__} is not supported; supported are {SUPPORTED}")

    def _called(self, node: fx.Node) -> Value:
        found = operands(node)
        values = [self._value(item) for item in found[1]] if found else []
        if found is None or not any(isinstance(value, Flow) for value in values):
            return apply(node, self._value(node.args[0] if node.args else node.kwargs.get("input")))
        joining, where = found[0], f"{caller(node)}: {called(node)}"
        # sum() of Python begins with a 0
        terms = [value for value in values if joining != "add" or type(value) is not int or value]
        if any(not isinstance(value, (Flow, Membrane, Returned, Argument, Kept)) for value in terms):
            return apply(node, next(value for value in values if isinstance(value, Flow)))
        flows = tuple(self._data(value, where) for value in terms)
        if len(flows) == 1:
            return flows[0]
        if self.marker is not None:
            raise UnsupportedModel(f"{where}: follows the readout '{self.marker[0]}'; make the readout the last module")
        made = join(where, node, self._name(node, "add" if joining == "add" else "cat"), joining, flows)
        self.steps.append(made)
        return made.result

    def _name(self, node: fx.Node, kind: str) -> str:
        """A name for what is no module: that of its function, in the module that calls it."""
        used = {INPUT, READOUT, *(name for name, _ in self.traced.module.named_modules())}
        used |= {step.name for step in self.steps}
        first = ".".join(filter(None, (node.meta.get("module"), kind)))
        names = itertools.chain([first], (f"{first}_{n}" for n in itertools.count(2)))
        return next(name for name in names if name not in used)

    def _append(self, name: str, module: nn.Module, flow: Flow, result: Flow) -> Flow:
        self.steps.append(Step(name, module, flow, result))
        return result

    def _linear(self, name: str, module: nn.Linear, flow: Flow) -> Flow:
        if 0 in module.weight.shape:
            raise UnsupportedModel(f"layer '{name}': weight has shape {tuple(module.weight.shape)}; remove the layer")
        if len(flow.shape) != 1:
            raise UnsupportedModel(f"layer '{name}': Linear on a map of shape {flow.shape}; put nn.Flatten() before it")
        if flow.factor != 1:
            self.notes.append(
                f"layer '{flow.layer}': graded_spikes_factor {flow.factor:g} is folded into the weights of '{name}'"
            )
        return self._append(name, module, flow, Flow("currents", name, (module.out_features,)))

    def _neuron(self, name: str, module: snntorch.SpikingNeuron, node: fx.Node, flow: Flow) -> Flow | Returned:
        if flow.factor != 1:
            raise UnsupportedModel(
                f"layer '{name}': takes spikes worth {flow.factor:g} (graded_spikes_factor of '{flow.layer}'), but has "
                "no weights to fold that into; put a Linear between them"
            )
        if flow.order is not None:
            self.notes.append(f"layer '{name}': its neurons are traced channels last, as in the map before Flatten")
        result = replace(flow, kind="spikes", layer=name, factor=spike_factor(name, module))
        self._append(name, module, flow, result)
        returned = Returned(result, tuple(state for state in states(module) if state != SPIKES))
        for place, state in enumerate(states(module), 1):
            given = self._value(node.args[place] if len(node.args) > place else node.kwargs.get(state))
            if (origin := memory(name, state, given)) is not None:
                self.memories[Membrane(name, state)] = origin, result if state == SPIKES else Membrane(name, state)
        return returned if returns_states(module) else result

    def _mark(self, name: str, module: nn.Module, flow: Flow) -> Flow:
        if self.marker is not None:
            raise UnsupportedModel(f"readout '{name}': '{self.marker[0]}' is a readout already; keep one of them")
        if not is_identity(module):
            raise UnsupportedModel(f"readout '{name}': its forward changes its input; a marker must be an identity")
        if told := remark(name, module):
            self.notes.append(told)
        self.marker, self.marked = (name, module), flow
        return flow

    def _data(self, value: Value, where: str) -> Flow:
        match value:
            case Flow():
                return value
            case Membrane():
                raise UnsupportedModel(
                    f"{where}: takes the membrane of '{value.layer}' as data; take its spikes, or decide from "
                    "membranes with an SNNReadout of output_mode membrane"
                )
            case _:
                raise UnsupportedModel(f"{where}: takes {value} as data; only the first argument of forward is")

    def _output(self, returned: Any) -> Flow:
        if not self.steps:
            raise UnsupportedModel("model: forward runs no Linear and no neurons; there is nothing to build")
        last = self.steps[-1].name
        if self.marker is not None and self.marked is not None and self.marked.layer != last:
            raise UnsupportedModel(
                f"readout '{self.marker[0]}': takes {self.marked}, but the last layer is '{last}'; make the readout "
                "the last module"
            )
        found = list(leaves(returned))
        spikes = (leaf.spikes if isinstance(leaf, Returned) else leaf for leaf in found)
        flows = [leaf for leaf in spikes if isinstance(leaf, Flow)]
        output = next((flow for flow in flows if flow.layer == last), None)
        if output is not None:
            self._refuse_unused(last)
            return output
        if Membrane(last) in found:
            raise UnsupportedModel(
                f"model: returns the membrane of '{last}' without its spikes; return the spikes, or end with a Linear "
                "and an SNNReadout of output_mode membrane"
            )
        raise UnsupportedModel(f"layer '{last}': its output is not returned by forward; return it, or remove the layer")

    def _refuse_unused(self, last: str) -> None:
        """Refuse layers on which the output of `last` does not rest."""
        needed = {last}
        for step in reversed(self.steps):
            if step.name not in needed:
                raise UnsupportedModel(
                    f"layer '{step.name}': nothing that '{last}', the last layer, puts out rests on its output; join "
                    "both with torch.cat, or remove the layer"
                )
            needed |= {flow.layer for flow in (step.sources if isinstance(step, Join) else (step.source,))}
