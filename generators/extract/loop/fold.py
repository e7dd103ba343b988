"""The timesteps of a forward → one, where all are the same.

Each neuron's calls have one key, that is, whatever a timestep computes for it from the frame, from other neurons and
from its own states is the same computation in every timestep; and the states are handed on (`interpret`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import fx, nn

from hlspike.generators.errors import UnsupportedModel
from hlspike.generators.extract.loop import operations
from hlspike.generators.extract.loop.interpret import Interpreter
from hlspike.generators.extract.loop.joining import WrongLayout
from hlspike.generators.extract.loop.layouts import Layout
from hlspike.generators.extract.loop.membranes import put, readout
from hlspike.generators.extract.loop.table import terms
from hlspike.generators.extract.loop.values import Made, Sequence, Term, Total
from hlspike.generators.extract.marks import is_marker
from hlspike.generators.extract.tracer import returns_states
from hlspike.generators.neurons.equations import SPIKES

_REMEDY = "let every timestep do the same"


@dataclass(frozen=True, slots=True)
class Loop:
    """How forward runs a sequence."""

    layout: Layout
    whole: dict[str, int]
    """Layers that it calls once for all timesteps, and their axis of time."""
    required: tuple[str, ...]
    """Arguments of forward without default: None."""
    plain: bool
    """Whether it returns what its layers give, gathered over time, and nothing made of that."""

    @property
    def timesteps(self) -> int | None:
        """That it always runs; None: as many as it is given."""
        return self.layout.timesteps if self.layout.fixed else None


@dataclass(frozen=True, slots=True)
class Folded:
    """One timestep, as a graph that calls the layers of the module it was traced from."""

    graph: fx.Graph
    loop: Loop
    notes: tuple[str, ...]


def fold(root: nn.Module, graph: fx.Graph, layout: Layout, required: tuple[str, ...]) -> Folded:
    """The timestep that `graph`, a whole forward of `root`, repeats.

    Raises:
        UnsupportedModel: naming the timestep and the layer that differs.
        WrongLayout: forward takes its frames from another axis.
    """
    reader = Interpreter(root, graph, layout)
    if layout.axis is not None and not reader.parted:
        raise WrongLayout
    last = layout.timesteps - 1
    wanted, told = _wanted(reader, last)
    reached = _upstream(wanted)
    for name, calls in reader.calls.items():
        if any(term.op == "call_module" and term.target == name for term in reached):
            _same(name, calls, layout.timesteps)
    made = _Writer().write(wanted)
    names = {str(term.target) for term in reached if term.op == "call_module"}
    unused = [name for name in _called(graph) if name not in names]
    if unused:
        several = "are" if len(unused) > 1 else "is"
        told.append(
            f"{', '.join(map(repr, unused))} {several} dropped: nothing that forward returns rests on "
            f"{'them' if len(unused) > 1 else 'it'}"
        )
    plain = not any(isinstance(leaf, Made) or (isinstance(leaf, Total) and leaf.scaled)
                    for leaf in _leaves(reader.returned)) and not any(
        is_marker(root.get_submodule(name)) and name in reader.calls for name in names
    )
    whole = {name: axis for name, axis in reader.whole.items() if name in names}
    return Folded(made, Loop(layout, whole, required, plain), tuple(told))


def _called(graph: fx.Graph) -> list[str]:
    return list(dict.fromkeys(str(node.target) for node in graph.nodes if node.op == "call_module"))


def _wanted(reader: Interpreter, last: int) -> tuple[list[Term], list[str]]:
    """What the last timestep gives of all that forward returns, and notes."""
    found: dict[int, Term] = {}
    notes: list[str] = []
    for leaf in _leaves(reader.returned):
        if isinstance(leaf, Made) and leaf.fault:
            raise UnsupportedModel(leaf.fault)
        if isinstance(leaf, Made):
            notes.append(f"forward returns {leaf.what}, which is left to the host: the readout decides")
        items = list(terms(leaf))
        _alike(items, isinstance(leaf, (Sequence, Total)))
        for item in items:
            if item.time is None and item.op in ("placeholder", "get_attr"):
                continue
            counterpart = reader.table.at(item, last)
            if counterpart is None:
                raise UnsupportedModel(
                    f"model: forward returns {operations.described(item)} of timestep {item.time}, which timestep "
                    f"{last} does not have; {_REMEDY}"
                )
            found[counterpart.key] = counterpart
    states = {term.key: reader.state_of(term) for term in found.values()}
    outputs = [term for term in found.values() if not _is_membrane(states[term.key])]
    spiking = {term.target for term in _upstream(outputs)}
    for term in found.values():
        state = states[term.key]
        if state is None or not _is_membrane(state):
            continue
        call = reader.calls[state[0]][last]
        assert isinstance(call, Term)
        if state[0] in spiking:
            if returns_states(reader.root.get_submodule(state[0])):
                outputs.append(term)
        elif (marker := readout(reader.root.get_submodule(state[0]))) is not None:
            put(reader.root, state[0], marker)
            notes.append(
                f"readout '{state[0]}': forward returns the membranes of this Leaky, which is never reset, so that "
                f"they are what a readout of output_mode membrane and beta {marker.beta:g} decides from"
            )
            outputs.append(call)
        else:
            notes.append(
                f"layer '{state[0]}': forward returns its membranes and not its spikes; the design decides from its "
                "spikes, as readout says"
            )
            outputs.append(call)
    if not outputs:
        raise UnsupportedModel("model: forward returns nothing that its timesteps give; return spikes or currents")
    return list({term.key: term for term in outputs}.values()), list(dict.fromkeys(notes))


def _is_membrane(state: tuple[str, int, str] | None) -> bool:
    return state is not None and state[2] != SPIKES


def _leaves(returned: Any) -> list[Any]:
    if isinstance(returned, dict):
        returned = list(returned.values())
    if isinstance(returned, (tuple, list)):
        return [leaf for item in returned for leaf in _leaves(item)]
    return [returned]


def _alike(items: list[Term], whole: bool) -> None:
    """Refuse a sequence whose items are not of one kind."""
    if not whole:
        return
    for place, item in enumerate(items):
        if item.key != items[-1].key:
            mine, other = _difference(item, items[-1])
            raise UnsupportedModel(
                f"model: what forward returns of timestep {place} is {operations.described(mine)}, but of timestep "
                f"{len(items) - 1} {operations.described(other)}; {_REMEDY}"
            )


def _same(name: str, calls: list[Term | Made], timesteps: int) -> None:
    for call in calls:
        if isinstance(call, Made):
            raise UnsupportedModel(call.fault or f"layer '{name}': takes {call.what}")
    if len(calls) != timesteps:
        raise UnsupportedModel(
            f"layer '{name}': is called in {len(calls)} of {timesteps} timesteps; {_REMEDY}"
        )
    keys = [call.key for call in calls if isinstance(call, Term)]
    usual = max(set(keys), key=keys.count)
    odd = next((place for place, key in enumerate(keys) if key != usual), None)
    if odd is not None:
        mine, other = _difference(calls[odd], calls[keys.index(usual)])
        raise UnsupportedModel(
            f"layer '{name}': timestep {odd} differs from timestep {keys.index(usual)}: it takes "
            f"{operations.described(mine)} instead of {operations.described(other)}; {_REMEDY}"
        )


def _difference(one: Any, other: Any) -> tuple[Any, Any]:
    """The innermost values in which two terms differ."""
    if not (isinstance(one, Term) and isinstance(other, Term)):
        return one, other
    if (one.op, one.target) != (other.op, other.target) or len(one.args) != len(other.args):
        return one, other
    for mine, its in zip(one.args, other.args, strict=True):
        if isinstance(mine, Term) and isinstance(its, Term):
            if mine.key != its.key:
                return _difference(mine, its)
        elif type(mine) is not type(its):
            return mine, its
    return one, other


def _upstream(wanted: list[Term]) -> list[Term]:
    found: dict[int, Term] = {}
    rest = list(wanted)
    while rest:
        term = rest.pop()
        if term.key not in found:
            found[term.key] = term
            rest.extend([*terms(term.args), *terms(term.kwargs)])
    return list(found.values())


class _Writer:
    """Writes terms down as a graph of one timestep."""

    def __init__(self) -> None:
        self.graph = fx.Graph()
        self._nodes: dict[int, fx.Node] = {}
        self._input = self.graph.placeholder("x")

    def write(self, wanted: list[Term]) -> fx.Graph:
        self.graph.output(tuple(self._node(term) for term in wanted))
        return self.graph

    def _node(self, term: Term) -> fx.Node:
        found = self._nodes.get(term.key)
        if found is not None:
            return found
        if term.op == "placeholder":
            node = self._input
        else:
            args, kwargs = self._arguments(term.args), self._arguments(term.kwargs)
            node = self.graph.create_node(term.op, term.target, args, kwargs)
        node.meta.update({"value": term.value, "module": term.node.meta.get("module", "")})
        self._nodes[term.key] = node
        return node

    def _arguments(self, value: Any) -> Any:
        match value:
            case Term():
                return self._node(value)
            case tuple() | list():
                return type(value)(self._arguments(item) for item in value)
            case dict():
                return {key: self._arguments(item) for key, item in value.items()}
            case _:
                return value
