"""Sums of a neuron in the types of its values: how wide each product and each partial sum is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from hlspike.generators.exact.widths import Exact
from hlspike.generators.neurons.equations import INPUT, SPIKES, Term

SPIKE = "ap_uint<1>"


Group = tuple[Term, ...]
"""Terms of one factor, which multiplies their sum: one product for all of them."""


def grouped(terms: Iterable[Term]) -> tuple[Group, ...]:
    """`terms` in order, neighbours of one factor together."""
    found: list[list[Term]] = []
    for term in terms:
        last = found[-1][0] if found else None
        if last and term.of and last.of and term.factor and (last.factor, last.when) == (term.factor, term.when):
            found[-1].append(term)
        else:
            found.append([term])
    return tuple(map(tuple, found))


def summed(
    terms: Iterable[Term], values: Mapping[str, str], parameters: Mapping[str, Exact]
) -> Iterator[tuple[Group, Exact, Exact, Exact]]:
    """Each group with the sum within it, its product, and the sum of all up to it.

    Args:
        values: the input and states → C++ type.
        parameters: key → what it can be.
    """
    total: Exact | None = None
    for group in grouped(terms):
        first, inner = group[0], _value(group[0], values, parameters)
        for term in group[1:]:
            other = _value(term, values, parameters)
            inner = inner - other if term.negative != first.negative else inner + other
        multiplied = first.factor and first.of and not selects(first, values)
        product = parameters[first.factor] * inner if multiplied else inner
        if total is None:
            total = product - product if first.negative else product
        else:
            total = total - product if first.negative else total + product
        yield group, inner, product, total


def whole(terms: Iterable[Term], values: Mapping[str, str], parameters: Mapping[str, Exact]) -> Exact:
    """The sum of all `terms`."""
    *_, (_, _, _, total) = summed(terms, values, parameters)
    return total


def selects(term: Term, values: Mapping[str, str]) -> bool:
    """Whether the value is one bit, which lets the parameter through."""
    return bool(term.factor) and (term.of == SPIKES or (term.of == INPUT and values[INPUT] == SPIKE))


def _value(term: Term, values: Mapping[str, str], parameters: Mapping[str, Exact]) -> Exact:
    """What is multiplied, or the parameter where there is nothing to multiply."""
    if not term.of or selects(term, values):
        return parameters[term.factor]
    return Exact.of(SPIKE if term.of == SPIKES else values[term.of])
