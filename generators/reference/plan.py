"""Equations in the types of a layer: what is added, at which binary point, and how large it can become.

A plan holds exact integers of any size; `states` puts them into the dtype of a walk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hlspike.generators.exact.rounding import Raw
from hlspike.generators.fixed import FixedType
from hlspike.generators.neurons.equations import INPUT, SPIKES, THRESHOLD, Equations, State, Term, When
from hlspike.generators.typed import Integers, TypedNeuron, TypedReadout


@dataclass(frozen=True, slots=True)
class Product:
    """A term of a sum.

    Attributes:
        of, before, when, negative: as in `Term`.
        factor: mantissas, () or (n,), by which the mantissa of the value is multiplied to be at the point of the sum;
            of a term that is a parameter alone, that parameter.
    """

    of: str
    before: bool
    when: When
    negative: bool
    factor: Raw
    largest: int
    """Magnitude of the factor."""
    is_plain: bool
    """Whether the value is added as it is."""


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum of products at one binary point; `frac` fractional bits, at least those of `type`."""

    name: str
    type: FixedType
    frac: int
    products: tuple[Product, ...]
    cleared: bool
    """Whether nothing is left of it where R is 1."""

    @property
    def drop(self) -> int:
        """Bits that casting the sum cuts off."""
        return self.frac - self.type.frac


@dataclass(frozen=True, slots=True)
class Settling:
    """A reset within the timestep, at the point of whichever of state and parameter is finer.

    Attributes:
        rise: bits by which the state is moved to that point.
        by: mantissas; None for the state itself.
        largest: magnitude of them.
    """

    name: str
    type: FixedType
    rise: int
    by: Raw | None
    largest: int


@dataclass(frozen=True, slots=True)
class Plan:
    """One layer of neurons, or one readout that integrates.

    Attributes:
        margin: the firing sum less θ; None where nothing fires.
        bound: where one state is compared with θ: it does if its mantissa exceeds this.
    """

    equations: Equations
    states: tuple[Sum, ...]
    settling: tuple[Settling, ...]
    margin: Sum | None
    bound: Raw | None

    @staticmethod
    def of(layer: TypedNeuron | TypedReadout, integers: Integers) -> Plan:
        """The plan of `layer`, whose mantissas are among `integers`."""
        equations, types = _described(layer)
        name = layer.layer.name
        values = {key: exact(integers[f"{name}/{key}"]) for key in layer.parameters}
        parameters = layer.parameters
        sums = tuple(
            _sum(state.name, types[state.name], state.terms, types, parameters, values) for state in equations.states
        )
        settling = []
        for after in equations.after:
            kind = types[after.state]
            frac = max(kind.frac, parameters[after.by].frac) if after.by else kind.frac
            by = exact(values[after.by] * (1 << frac - parameters[after.by].frac)) if after.by else None
            largest = 0 if by is None else magnitude(by)
            settling.append(Settling(after.state, kind, frac - kind.frac, by, largest))
        margin = bound = None
        if equations.fires:
            theta = Term("", THRESHOLD, negative=True)
            first = types[equations.fires[0].of]
            margin = _sum("", first, (*equations.fires, theta), types, parameters, values)
            if equations.compares is not None:
                bound = _bound(types[equations.compares], parameters[THRESHOLD], values[THRESHOLD])
        return Plan(equations, sums, tuple(settling), margin, bound)

    def magnitudes(self, largest: Mapping[str, int], current: int, timesteps: int) -> int:
        """A bound of every integer that a walk forms.

        Args:
            largest: magnitude of each state to begin with; that of its type where it is confined to it.
            current: magnitude of the input.
        """
        held, worst = dict(largest), 0
        for _ in range(timesteps):
            formed = {INPUT: current, SPIKES: 1, "": 1}
            for one in self.states:
                total = self._largest(one, held, formed)
                worst = max(worst, total + (1 << one.drop))
                formed[one.name] = min(_edge(one.type), (total >> one.drop) + 1)
            if self.margin is not None:
                worst = max(worst, self._largest(self.margin, formed, formed))
            for settling in self.settling:
                raised = formed[settling.name] << settling.rise
                moved = raised + (raised if settling.by is None else settling.largest)
                worst = max(worst, moved + (1 << settling.rise))
                formed[settling.name] = min(_edge(settling.type), (moved >> settling.rise) + 1)
            grown = {name: max(value, formed[name]) for name, value in held.items()}
            if grown == held:
                break
            held = grown
        sums = (*self.states, *([] if self.margin is None else [self.margin]))
        constants = [product.largest for one in sums for product in one.products]
        constants += [settling.largest for settling in self.settling]
        return max(worst, *constants, 0 if self.bound is None else magnitude(self.bound))

    @staticmethod
    def _largest(one: Sum, held: Mapping[str, int], formed: Mapping[str, int]) -> int:
        return sum(product.largest * (held if product.before else formed)[product.of] for product in one.products)


def exact(values: Any) -> Raw:
    """As integers of any size."""
    return np.asarray(np.asarray(values).astype(object), object)


def magnitude(raw: Raw) -> int:
    return max(-int(raw.min()), int(raw.max())) if raw.size else 0


def _described(layer: TypedNeuron | TypedReadout) -> tuple[Equations, dict[str, FixedType]]:
    """The equations of a layer, and the types of the input and of every state."""
    if isinstance(layer, TypedNeuron):
        own = {state.name: layer.state(state.name) for state in layer.layer.equations.states}
        return layer.layer.equations, {INPUT: layer.input, SPIKES: layer.result, **own}
    kept = Term("mem", "beta" if layer.beta else "", before=True)
    integrates = Equations((State("mem", "membrane", (kept, Term(INPUT))),), fires=())
    return integrates, {INPUT: layer.input, "mem": layer.state}


def _sum(
    name: str,
    kind: FixedType,
    terms: Iterable[Term],
    types: Mapping[str, FixedType],
    parameters: Mapping[str, FixedType],
    values: Mapping[str, Raw],
) -> Sum:
    terms = tuple(terms)
    fracs = [
        (types[term.of].frac if term.of else 0) + (parameters[term.factor].frac if term.factor else 0) for term in terms
    ]
    frac = max(kind.frac, *fracs)
    products = []
    for term, own in zip(terms, fracs, strict=True):
        factor = exact((values[term.factor] if term.factor else 1) * (1 << frac - own))
        plain = bool(term.of) and factor.size == 1 and factor.item() == 1
        products.append(Product(term.of, term.before, term.when, term.negative, factor, magnitude(factor), plain))
    return Sum(name, kind, frac, tuple(products), all(term.when == "kept" for term in terms))


def _bound(kind: FixedType, theta_type: FixedType, theta: Raw) -> Raw:
    """What a mantissa of `kind` has to exceed for its value to exceed θ."""
    rise = kind.frac - theta_type.frac
    bound = exact(theta * (1 << rise) if rise >= 0 else theta // (1 << -rise))
    # what lies beyond the type is compared like the values at its edges
    within = [min(max(value, kind.min_raw - 1), kind.max_raw) for value in bound.reshape(-1).tolist()]
    return np.array(within, object).reshape(bound.shape)


def _edge(kind: FixedType) -> int:
    return max(-kind.min_raw, kind.max_raw)
