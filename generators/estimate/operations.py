"""The operations of one iteration of a layer: what each does, on how many bits, how many are at work at once.

They are those of the kernels, one for one (`hls_src/kernels/`). Each operation of an iteration has hardware of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from functools import cache
from typing import assert_never

from hlspike.generators.design import (
    CloneDesign,
    InputDesign,
    LayerDesign,
    LinearDesign,
    MergeDesign,
    NeuronDesign,
    Parameter,
    ReadoutDesign,
)
from hlspike.generators.estimate.neurons import neurons
from hlspike.generators.estimate.ports import WORD, width
from hlspike.generators.estimate.values import Operation, cast_to, largest, levels, multiplies
from hlspike.generators.exact.widths import Exact
from hlspike.generators.fixed import FixedType

_SPIKE = "ap_uint<1>"


def operations(layer: LayerDesign) -> tuple[Operation, ...]:
    """Of all values at once, in the order in which one waits for the other."""
    match layer:
        case InputDesign() | CloneDesign():
            return ()
        case MergeDesign() if layer.joining == "add":
            return tuple(_sum(layer))
        case MergeDesign():
            return tuple(one for place in range(len(layer.inputs)) for one in passed(layer, place))
        case LinearDesign():
            return tuple(_linear(layer))
        case NeuronDesign():
            return tuple(neurons(layer))
        case ReadoutDesign():
            return tuple(_readout(layer))
        case _:
            assert_never(layer)


def passed(layer: MergeDesign, place: int) -> tuple[Operation, ...]:
    """What becomes of the values of an input that are given at once, one behind the other."""
    port = layer.inputs[place]
    if port.type == layer.output.type:
        return ()
    return tuple(cast_to(Exact.of(port.type), layer.result_type, min(layer.parallel, port.size)))


def _sum(layer: MergeDesign) -> Iterator[Operation]:
    first, second = (Exact.of(port.type) for port in layer.inputs)
    total = first + second
    yield Operation("add", total.width, layer.parallel)
    yield from cast_to(total, layer.result_type, layer.parallel)


def from_spikes(layer: LinearDesign) -> bool:
    return layer.input.type == _SPIKE


def groups_in(layer: LinearDesign) -> int:
    return layer.input.size // layer.in_parallel


def product_width(layer: LinearDesign) -> int:
    return layer.weight_width + (0 if from_spikes(layer) else width(layer.input.type))


def _linear(layer: LinearDesign) -> Iterator[Operation]:
    """A spike lets its weight through, which the adder behind it does by itself."""
    outputs = layer.out_parallel
    if layer.strategy == "event":
        yield from _sought(layer)
    if layer.sums is None:
        yield from _products(layer)
    else:
        for number, (bits, count) in enumerate(layer.sums.adders):
            yield Operation("add", bits, count, 0 if number else layer.sums.depth)
    total = Exact.of(layer.acc_type)
    if layer.bias is not None:
        total = total + Exact.of(layer.bias.type)
        yield Operation("add", total.width, outputs)
    kept = yield from cast_to(total, layer.accum_type, outputs)
    yield from cast_to(kept, layer.result_type, outputs)


def _sought(layer: LinearDesign) -> Iterator[Operation]:
    """Of `kernels/event.h`: the ones of a word are counted in a tree; then the first is found, and cleared by taking
    one off the word; its place and that of the word and of the group make the row of weights.
    """
    bits = min(WORD, layer.taken)
    if bits > 1:
        yield Operation("add", (bits - 1).bit_length(), bits - 1, levels(bits))
        yield Operation("select", (bits - 1).bit_length(), bits - 1, levels(bits))
    yield Operation("add", layer.input.size.bit_length(), 1)
    yield Operation("add", bits, 1, 0)
    yield Operation("add", layer.reuse_factor.bit_length(), 2, 2)


def _products(layer: LinearDesign) -> Iterator[Operation]:
    """And the sums of them, in the order of `kernels/linear.h`."""
    outputs = layer.out_parallel
    if not from_spikes(layer):
        larger, smaller = sorted((layer.weight_width, width(layer.input.type)), reverse=True)
        yield Operation("multiply", larger, layer.in_parallel * outputs, other=smaller)
    widths = Counter(dict(_tree(layer.in_parallel, product_width(layer), layer.acc_width)))
    for number, (bits, count) in enumerate(sorted(widths.items())):
        # a level has one width, until sums are as wide as they are kept
        last = number == len(widths) - 1
        yield Operation("add", bits, count * outputs, levels(layer.in_parallel) - number if last else 1)
    if groups_in(layer) > 1:
        yield Operation("add", layer.acc_width, outputs)


@cache
def _tree(values: int, product: int, most: int) -> tuple[tuple[int, int], ...]:
    """(bits, adders) of the sum of so many products of `product` bits, of which `most` are kept."""
    if values == 1:
        return ()
    found = Counter(dict(_tree((values + 1) // 2, product, most)))
    found.update(dict(_tree(values // 2, product, most)))
    found[min(product + levels(values), most)] += 1
    return tuple(found.items())


def _readout(layer: ReadoutDesign) -> Iterator[Operation]:
    classes, state = layer.parallel, Exact.of(layer.state_type)
    kept = yield from _decayed(state, layer.beta, classes)
    total = kept + Exact.of(layer.input.type)
    counts = layer.integrator == "accumulate" and layer.input.type == _SPIKE
    if not (counts and state.width == 1):  # the count of a single timestep is its spike
        yield Operation("add", state.width if counts else total.width, classes, state=True)
    if not counts:  # a count is as wide as the window needs
        yield from cast_to(total, layer.state_type, classes, state=True)
    if layer.rule == "binary_logit":
        difference = state - state
        yield Operation("add", difference.width, 1)
        yield from cast_to(difference, layer.decision_type, 1)
        return
    yield from largest(classes, state.width, layer.input.size > classes)
    if layer.rule != "argmax":
        yield Operation("compare", state.width, classes)
        yield Operation("select", (layer.input.size - 1).bit_length() or 1, classes)


def _decayed(state: Exact, beta: Parameter | None, count: int) -> Generator[Operation, None, Exact]:
    """A product, unless there is no β, or one of a power of two."""
    if beta is None:
        return state
    if multiplies(beta):
        larger, smaller = sorted((state.width, FixedType.parse(beta.type).width), reverse=True)
        yield Operation("multiply", larger, count, state=True, other=smaller)
    return Exact.of(beta.type) * state
