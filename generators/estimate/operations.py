"""The operations of one iteration of a layer: what each does, on how many bits, how many are at work at once.

They are those of the kernels, one for one (`hls_src/kernels/`). Each operation of an iteration has hardware of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal, assert_never

from hlspike.generators.design import InputDesign, LayerDesign, LinearDesign, NeuronDesign, Parameter, ReadoutDesign
from hlspike.generators.estimate.ports import width
from hlspike.generators.exact.widths import Exact, cast
from hlspike.generators.fixed import FixedType

Kind = Literal["add", "multiply", "compare", "select"]
_SPIKE = "ap_uint<1>"


@dataclass(frozen=True, slots=True)
class Operation:
    """`count` of one kind that work side by side.

    Attributes:
        width: bits of the result, or of what is compared.
        other: of a product: bits of the smaller factor; `width` is then that of the larger.
        serial: how many of them follow each other at most, one waiting for the other.
        state: whether the next update of a state waits for it.
    """

    kind: Kind
    width: int
    count: int
    serial: int = 1
    state: bool = False
    other: int = 0


def operations(layer: LayerDesign) -> tuple[Operation, ...]:
    """Of all values at once, in the order in which one waits for the other."""
    match layer:
        case InputDesign():
            return ()
        case LinearDesign():
            return tuple(_linear(layer))
        case NeuronDesign():
            return tuple(_leaky(layer))
        case ReadoutDesign():
            return tuple(_readout(layer))
        case _:
            assert_never(layer)


def from_spikes(layer: LinearDesign) -> bool:
    return layer.input.type == _SPIKE


def groups_in(layer: LinearDesign) -> int:
    return layer.input.size // layer.in_parallel


def product_width(layer: LinearDesign) -> int:
    return layer.weight_width + (0 if from_spikes(layer) else width(layer.input.type))


def _linear(layer: LinearDesign) -> Iterator[Operation]:
    """A spike lets its weight through, which the adder behind it does by itself."""
    outputs = layer.out_parallel
    if layer.sums is None:
        yield from _products(layer)
    else:
        for number, (bits, count) in enumerate(layer.sums.adders):
            yield Operation("add", bits, count, 0 if number else layer.sums.depth)
    total = Exact.of(layer.acc_type)
    if layer.bias is not None:
        total = total + Exact.of(layer.bias.type)
        yield Operation("add", total.width, outputs)
    kept = yield from _cast(total, layer.accum_type, outputs)
    yield from _cast(kept, layer.result_type, outputs)


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
        yield Operation("add", bits, count * outputs, _levels(layer.in_parallel) - number if last else 1)
    if groups_in(layer) > 1:
        yield Operation("add", layer.acc_width, outputs)


@cache
def _tree(values: int, product: int, most: int) -> tuple[tuple[int, int], ...]:
    """(bits, adders) of the sum of so many products of `product` bits, of which `most` are kept."""
    if values == 1:
        return ()
    found = Counter(dict(_tree((values + 1) // 2, product, most)))
    found.update(dict(_tree(values // 2, product, most)))
    found[min(product + _levels(values), most)] += 1
    return tuple(found.items())


def _levels(values: int) -> int:
    return (values - 1).bit_length()


def _leaky(layer: NeuronDesign) -> Iterator[Operation]:
    neurons, state = layer.parallel, Exact.of(layer.membrane_type)
    subtract = layer.reset == "subtract"
    if layer.reset != "none":
        # while the product is formed
        yield Operation("compare", state.width, neurons, serial=int(not _multiplies(layer.beta)), state=True)
    decayed = yield from _decayed(state, layer.beta, neurons)
    total = decayed + Exact.of(layer.input.type)
    if layer.reset == "zero":
        yield Operation("select", decayed.width, neurons, state=True)
    yield Operation("add", total.width, neurons, state=True)
    if subtract:
        total = total - Exact.of(layer.threshold.type)
        yield Operation("add", total.width, neurons, state=True)
    yield from _cast(total, layer.membrane_type, neurons, state=True)
    margin = state - _exact(layer.threshold)
    if layer.inhibition:
        yield Operation("add", margin.width, neurons, state=layer.immediate)
        yield from _largest(neurons, margin.width, layer.input.size > neurons, layer.immediate)
    else:
        yield Operation("compare", state.width, neurons, state=layer.immediate)
    if layer.immediate and layer.reset != "none":
        if subtract:
            # θ is added or taken off; where it is no constant its negative has to be formed
            negated = layer.threshold.scalar is None
            yield Operation("add", margin.width, neurons * (1 + negated), 1 + negated, state=True)
        moved = margin if subtract else Exact(state.integer + 1, state.frac, state.signed)
        yield from _cast(moved, layer.membrane_type, neurons, state=True)
        yield Operation("select", state.width, neurons, state=True)


def _readout(layer: ReadoutDesign) -> Iterator[Operation]:
    classes, state = layer.parallel, Exact.of(layer.state_type)
    kept = yield from _decayed(state, layer.beta, classes)
    total = kept + Exact.of(layer.input.type)
    counts = layer.integrator == "accumulate" and layer.input.type == _SPIKE
    if not (counts and state.width == 1):  # the count of a single timestep is its spike
        yield Operation("add", state.width if counts else total.width, classes, state=True)
    if not counts:  # a count is as wide as the window needs
        yield from _cast(total, layer.state_type, classes, state=True)
    if layer.rule == "binary_logit":
        difference = state - state
        yield Operation("add", difference.width, 1)
        yield from _cast(difference, layer.decision_type, 1)
        return
    yield from _largest(classes, state.width, layer.input.size > classes)
    if layer.rule != "argmax":
        yield Operation("compare", state.width, classes)
        yield Operation("select", (layer.input.size - 1).bit_length() or 1, classes)


def _decayed(state: Exact, beta: Parameter | None, count: int) -> Generator[Operation, None, Exact]:
    """A product, unless there is no β, or one of a power of two."""
    if beta is None:
        return state
    if _multiplies(beta):
        larger, smaller = sorted((state.width, FixedType.parse(beta.type).width), reverse=True)
        yield Operation("multiply", larger, count, state=True, other=smaller)
    return Exact.of(beta.type) * state


def _multiplies(beta: Parameter | None) -> bool:
    return beta is not None and (beta.scalar is None or beta.scalar & (beta.scalar - 1) != 0)


def _largest(values: int, bits: int, groups: bool, state: bool = False) -> Iterator[Operation]:
    """The largest of values and its place, in a tree, and over several groups."""
    count, serial = values - 1 + groups, _levels(values) + groups
    if count:
        yield Operation("compare", bits, count, serial, state)
        yield Operation("select", bits + max((values - 1).bit_length(), 1), count, serial, state)


def _exact(parameter: Parameter) -> Exact:
    """Without the zeros in which a value of the whole layer ends."""
    kind = Exact.of(parameter.type)
    value = parameter.scalar
    zeros = 0 if not value else (value & -value).bit_length() - 1
    return Exact(kind.integer, kind.frac - zeros, kind.signed)


def _cast(value: Exact, kind: str, count: int, state: bool = False) -> Generator[Operation, None, Exact]:
    """An addition to round, a second where the value decides what is added; two comparisons with two selections to
    saturate; nothing where bits are only cut off. The bits that are left.
    """
    target = FixedType.parse(kind)
    drop = value.frac - target.frac
    if drop > 0 and target.quantization != "TRN":
        if target.quantization in ("RND_INF", "RND_CONV"):
            yield Operation("add", drop, count, state=state)
        yield Operation("add", cast(value, Exact.of(kind)), count, state=state)
    room = target.integer - target.signed, value.integer - value.signed + (drop > 0 and target.quantization != "TRN")
    beyond = room[1] > room[0] or (value.signed and not target.signed) or target.overflow == "SAT_SYM"
    if target.overflow != "WRAP" and beyond:
        bits = max(value.width - max(drop, 0), target.width)
        yield Operation("compare", bits, 2 * count, state=state)
        yield Operation("select", target.width, 2 * count, state=state)
    return Exact(target.integer, min(value.frac, target.frac), target.signed)
