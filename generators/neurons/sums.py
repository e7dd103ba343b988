"""Sums of a neuron in the types of its values: how wide each product and each partial sum is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from hlspike.generators.exact.widths import Exact
from hlspike.generators.neurons.equations import INPUT, SPIKES, Term

SPIKE = "ap_uint<1>"


def summed(
    terms: Iterable[Term], values: Mapping[str, str], parameters: Mapping[str, str]
) -> Iterator[tuple[Term, Exact, Exact]]:
    """Each term with its product, and the sum up to it.

    Args:
        values, parameters: name → C++ type; of the input and of states, and of parameters.
    """
    total: Exact | None = None
    for term in terms:
        product = _product(term, values, parameters)
        if total is None:
            total = product - product if term.negative else product
        else:
            total = total - product if term.negative else total + product
        yield term, product, total


def whole(terms: Iterable[Term], values: Mapping[str, str], parameters: Mapping[str, str]) -> Exact:
    """The sum of all `terms`."""
    *_, (_, _, total) = summed(terms, values, parameters)
    return total


def selects(term: Term, values: Mapping[str, str]) -> bool:
    """Whether the value is one bit, which lets the parameter through."""
    return bool(term.factor) and (term.of == SPIKES or (term.of == INPUT and values[INPUT] == SPIKE))


def _product(term: Term, values: Mapping[str, str], parameters: Mapping[str, str]) -> Exact:
    if not term.of or selects(term, values):
        return Exact.of(parameters[term.factor])
    value = Exact.of(SPIKE if term.of == SPIKES else values[term.of])
    return Exact.of(parameters[term.factor]) * value if term.factor else value
