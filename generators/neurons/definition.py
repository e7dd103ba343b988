"""Definition: what there is to know of one neuron, so that nobody else has to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.errors import UnsupportedModel
from hlspike.generators.neurons.equations import Equations, ResetMechanism

Array = NDArray[np.float64]


class Given(Protocol):
    """A neuron of a trained module, as the code that runs it has it."""

    @property
    def reset(self) -> ResetMechanism:
        """The mechanism that runs, whatever attributes say."""

    @property
    def delay(self) -> bool:
        """Whether a reset waits for the next timestep."""

    @property
    def worth(self) -> float:
        """What a spike counts, `graded_spikes_factor`."""

    def kind(self, attribute: str) -> str:
        """The class of a module that is an attribute."""

    def array(self, attribute: str) -> Array:
        """An attribute, or one of an attribute as in "recurrent.V", in float64, every value finite.

        Raises:
            UnsupportedModel: it is none.
        """

    def refusal(self, problem: str) -> UnsupportedModel:
        """That the layer, named first, has `problem`."""

    def clamped(self, attribute: str) -> Array:
        """The same within 0..1, as forward clamps it; the report is told if that changes it."""


@dataclass(frozen=True, slots=True)
class Read:
    """What was read from a module: its equations, and the parameters they name, of one value or one per neuron."""

    equations: Equations
    parameters: Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class Definition:
    """One neuron.

    Attributes:
        name: of the class, in snnTorch and in a configuration.
        read: from a module of the class to its equations.
        forms: equations that between them name every key of a configuration.
        arguments: what forward takes beside its input and returns beside the spikes, in order: attributes of the class.
        types: other names of the type in reports and configurations, the first of which a report takes.
        lossless: the same of a neuron whose states keep all of themselves.
        refuses: attribute, a value with which forward does not run, and what to do about it.
        package: in which the class lies.
    """

    name: str
    read: Callable[[Any], Read]
    forms: tuple[Equations, ...]
    arguments: tuple[str, ...] = ("mem",)
    types: tuple[str, ...] = ()
    lossless: tuple[str, ...] = ()
    refuses: tuple[tuple[str, Any, str], ...] = ()
    package: str = "snntorch"

    def names(self, equations: Equations) -> tuple[str, ...]:
        """The names of the type of a neuron of these equations, the most specific first."""
        leaks = any(any(equations.decays(state)) for state in equations.states)
        return (*(self.types if leaks or not self.lossless else self.lossless), self.name)

    @property
    def keys(self) -> tuple[str, ...]:
        """Precision keys: of parameters, and then of states."""
        parameters = [key for form in self.forms for key in form.parameters]
        states = [key for form in self.forms for key in form.keys]
        last = parameters.pop() if parameters else None
        return tuple(dict.fromkeys([*(key for key in parameters if key != last), *([last] if last else []), *states]))
