"""The operations of one iteration of a layer of neurons, those of `hls_src/kernels/neuron.h` and of its equations."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator

from hlspike.generators.design import NeuronDesign, Parameter
from hlspike.generators.estimate.values import Operation, cast_to, exactly, largest, multiplies
from hlspike.generators.exact.widths import Exact
from hlspike.generators.fixed import FixedType
from hlspike.generators.neurons.equations import THRESHOLD, Term
from hlspike.generators.neurons.sums import Group, grouped, selects, summed


def products(layer: NeuronDesign) -> int:
    """Multipliers of one neuron."""
    equations = layer.equations
    groups = [group for state in equations.states for group in grouped(state.terms)]
    # what fires is formed of the states before and of the new ones
    groups += grouped(equations.fires) * (1 + equations.resets)
    return sum(_multiplied(layer, group) is not None for group in groups)


def neurons(layer: NeuronDesign) -> Iterator[Operation]:
    """Of `parallel` neurons, in the order in which one waits for the other."""
    count, equations = layer.parallel, layer.equations
    if equations.resets:
        first = yield from _firing(layer, count, True)
        # while the first product is formed
        waits = not any(_multiplied(layer, group) is not None for group in grouped(equations.states[0].terms))
        yield Operation("compare", first.width, count, serial=int(waits), state=True)
    for state in equations.states:
        cleared = all(term.when == "kept" for term in state.terms)
        total = yield from _formed(layer, state.terms, count, cleared)
        yield from cast_to(total, layer.types[state.name], count, state=True)
    immediate = bool(equations.after)
    firing = yield from _firing(layer, count, immediate)
    margin = firing - exactly(layer.parameters[THRESHOLD])
    if layer.inhibition:
        yield Operation("add", margin.width, count, state=immediate)
        yield from largest(count, margin.width, layer.input.size > count, immediate)
    else:
        yield Operation("compare", firing.width, count, state=immediate)
    for after in equations.after:
        yield from _settled(layer, after.state, layer.parameters.get(after.by), count)


def _formed(
    layer: NeuronDesign, terms: Iterable[Term], count: int, cleared: bool
) -> Generator[Operation, None, Exact]:
    """The sum of some terms. A parameter that is there or not is masked, which costs nothing of its own."""
    values, types = _values(layer), {key: Exact.of(one.type) for key, one in layer.parameters.items()}
    # a product with a constant ends in the zeros of that, which are not rounded
    types |= {key: exactly(layer.parameters[key]) for key in layer.equations.factors}
    total: Exact | None = None
    for group, inner, product, together in summed(terms, values, types):
        first, factor = group[0], _multiplied(layer, group)
        if len(group) > 1:
            yield Operation("add", inner.width, count * (len(group) - 1), len(group) - 1, state=True)
        if factor is not None:
            wide, narrow = sorted((inner.width, FixedType.parse(factor.type).width), reverse=True)
            yield Operation("multiply", wide, count, state=True, other=narrow)
        if first.when != "always" and first.of and not cleared and not selects(first, values):
            yield Operation("select", product.width, count, state=True)
        if total is not None or first.negative:
            yield Operation("add", together.width, count, state=True)
        total = together
    assert total is not None
    if cleared:
        yield Operation("select", total.width, count, state=True)
    return total


def _firing(layer: NeuronDesign, count: int, state: bool) -> Generator[Operation, None, Exact]:
    compared = layer.equations.compares
    if compared is not None:
        return Exact.of(layer.types[compared])
    made = _formed(layer, layer.equations.fires, count, False)
    return (yield from made)


def _settled(layer: NeuronDesign, name: str, by: Parameter | None, count: int) -> Iterator[Operation]:
    state = Exact.of(layer.types[name])
    moved = Exact(state.integer + 1, state.frac, state.signed)
    if by is not None:
        # θ is added or taken off; where it is no constant its negative has to be formed
        moved, negated = state - exactly(by), by.scalar is None
        yield Operation("add", moved.width, count * (1 + negated), 1 + negated, state=True)
    yield from cast_to(moved, layer.types[name], count, state=True)
    yield Operation("select", state.width, count, state=True)


def _multiplied(layer: NeuronDesign, group: Group) -> Parameter | None:
    """The factor of a product that takes a multiplier."""
    first = group[0]
    parameter = layer.parameters.get(first.factor)
    if parameter is None or not first.of or selects(first, _values(layer)):
        return None
    return parameter if multiplies(parameter) else None


def _values(layer: NeuronDesign) -> dict[str, str]:
    return {"in": layer.input.type, **layer.types}
