"""A neuron as data: states in the order in which a timestep forms them, what fires, and what a spike does.

    R = H(firing sum of the states that the last timestep left)
    each state: the sum of its terms, formed exactly, cast once into its type; a later one takes the cast value
    S = H(firing sum of the new states)
    what comes after the spike, with d = S − R, moves and casts a state once more

H is strict, and the firing sum is that of `fires` less θ. Types, rounding, reference, schedule, estimate and the C++ of
a layer follow from these values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Literal

INPUT = "in"
"""What the layer is given in this timestep."""
SPIKES = "spk"
"""The neuron's own spike of the last timestep, 0 or 1; 0 in the first."""
THRESHOLD = "threshold"
"""The parameter that a firing sum has to exceed."""
ONE_WITHIN = 1e-6
"""How close to 1 a factor has to be in every neuron that a definition takes for 1."""
ResetMechanism = Literal["subtract", "zero", "none"]
When = Literal["always", "reset", "kept"]
"""Whether a term is there in every timestep, where R is 1, or where it is 0."""
_GIVEN = (INPUT, SPIKES)


@dataclass(frozen=True, slots=True)
class Term:
    """± factor · value.

    Attributes:
        of: `INPUT`, `SPIKES`, a state, or "" for the factor alone.
        factor: a parameter; "" for 1.
        before: of a state: what the last timestep left of it, rather than what this one has formed already.
    """

    of: str
    factor: str = ""
    before: bool = False
    negative: bool = False
    when: When = "always"


@dataclass(frozen=True, slots=True)
class State:
    """A value of each neuron.

    Attributes:
        name: as snnTorch has it, and a trace: "mem".
        key: of its type in a configuration: "membrane". States may share one.
        held: whether the next timestep finds it; else it is only on the way to other states.
    """

    name: str
    key: str
    terms: tuple[Term, ...]
    held: bool = True


@dataclass(frozen=True, slots=True)
class After:
    """A reset within the timestep: state ← state − d · by, with d = S − R.

    Attributes:
        by: a parameter; "" for the state itself.
    """

    state: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class Equations:
    """Of one neuron.

    Attributes:
        fires: terms of states; their sum has to exceed θ. Empty: nothing fires, as in a readout that integrates.
    """

    states: tuple[State, ...]
    fires: tuple[Term, ...] = (Term("mem"),)
    after: tuple[After, ...] = ()

    def __post_init__(self) -> None:
        names = [state.name for state in self.states]
        known = {*names, *_GIVEN, ""}
        wrong = [term.of for term in self.terms if term.of not in known]
        wrong += [after.state for after in self.after if after.state not in names]
        if wrong:
            raise ValueError(f"no state '{wrong[0]}' among {', '.join(names)}")
        for place, state in enumerate(self.states):
            late = [term.of for term in state.terms if term.of in names[place:] and not term.before]
            if late:
                raise ValueError(f"state '{state.name}' takes '{late[0]}', which is formed later; take it from before")
        lost = [term.of for term in self.terms if term.before and term.of in names and not self.state(term.of).held]
        lost += [term.of for term in self.fires if not self.state(term.of).held]
        if lost:
            raise ValueError(f"state '{lost[0]}' is not held from one timestep to the next")

    @property
    def terms(self) -> Iterator[Term]:
        """Of all states in order, and then of what fires."""
        return chain(*(state.terms for state in self.states), self.fires)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Keys of the parameters, in the order in which they occur; θ comes last."""
        used = [*(term.factor for term in self.terms), *(after.by for after in self.after)]
        found = dict.fromkeys(key for key in used if key and key != THRESHOLD)
        return (*found, *((THRESHOLD,) if self.fires else ()))

    @property
    def keys(self) -> tuple[str, ...]:
        """Precision keys of the states, each once; that of what fires first."""
        fire = [self.state(term.of).key for term in self.fires]
        return tuple(dict.fromkeys([*fire, *(state.key for state in self.states)]))

    @property
    def held(self) -> tuple[State, ...]:
        return tuple(state for state in self.states if state.held)

    @property
    def recalls(self) -> bool:
        """Whether the neuron takes its own spike of the last timestep."""
        return any(term.of == SPIKES for term in self.terms)

    @property
    def resets(self) -> bool:
        """Whether R is asked for."""
        return bool(self.after) or any(term.when != "always" for term in self.terms)

    @property
    def compares(self) -> str | None:
        """The state that is compared with θ as it is; None for a sum."""
        first = self.fires[0] if len(self.fires) == 1 else None
        return first.of if first is not None and not first.factor and not first.negative else None

    def state(self, name: str) -> State:
        return next(state for state in self.states if state.name == name)

    def decays(self, state: State) -> Iterator[str]:
        """Parameters by which the state keeps some of itself; "" for all of it."""
        return (term.factor for term in state.terms if term.of == state.name)

    @property
    def factors(self) -> tuple[str, ...]:
        """Parameters that do nothing but multiply, and so may be left out where they are 1."""
        alone = {THRESHOLD, *(term.factor for term in self.terms if not term.of), *(after.by for after in self.after)}
        return tuple(key for key in self.parameters if key not in alone)

    def without(self, parameters: Sequence[str]) -> Equations:
        """These, where `parameters` of `factors` are 1 in every neuron and so need no multiplication."""

        def simplified(terms: tuple[Term, ...]) -> tuple[Term, ...]:
            return tuple(replace(term, factor="") if term.factor in parameters else term for term in terms)

        states = tuple(replace(state, terms=simplified(state.terms)) for state in self.states)
        return replace(self, states=states, fires=simplified(self.fires))

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Equations:
        """The inverse of `dataclasses.asdict`."""
        return Equations(
            tuple(State(**{**state, "terms": _terms(state["terms"])}) for state in data["states"]),
            _terms(data["fires"]),
            tuple(After(**after) for after in data["after"]),
        )


def at_once(reset: ResetMechanism, delay: bool) -> tuple[After, ...]:
    """The reset of the membrane within the timestep in which it fires, as snnTorch has it without `reset_delay`."""
    if delay or reset == "none":
        return ()
    return (After("mem", THRESHOLD if reset == "subtract" else ""),)


def _terms(data: Sequence[Mapping[str, Any]]) -> tuple[Term, ...]:
    return tuple(Term(**term) for term in data)
