"""A neuron of snnTorch → ir.Neuron and its parameters; refuses every setting that would not be built as it runs.

Follows snntorch/_neurons/neurons.py of release 1.0.0: what forward executes counts, not what attributes say. What one
class does is known to its module in `generators.neurons` alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import numpy as np
import snntorch
import torch
from numpy.typing import NDArray
from torch import nn

from hlspike.generators import ir
from hlspike.generators.errors import UnsupportedModel
from hlspike.generators.extract.float64 import first_sentence
from hlspike.generators.neurons.equations import ResetMechanism
from hlspike.generators.neurons.known import known
from hlspike.generators.neurons.registry import NEURONS, REFUSED

_METHODS = ("forward", "fire", "fire_inhibition", "mem_reset")
_UPDATES: dict[str, ResetMechanism] = {"_base_sub": "subtract", "_base_zero": "zero", "_base_int": "none"}
"""Methods of every class of snnTorch that one of the mechanisms binds as its `state_function`."""
_PROBES = torch.tensor([-1e3, -1.0, -0.5, -1e-3, -1e-9, -1e-30, -0.0, 0.0, 1e-30, 1e-9, 1e-3, 0.5, 1.0, 1e3])


def spike_factor(name: str, neuron: snntorch.SpikingNeuron) -> float:
    """What a spike of the layer is worth: S/f is 1.

    Raises:
        UnsupportedModel: the factor is a vector, not finite, or 0.
    """
    factor = values(name, "graded_spikes_factor", neuron.graded_spikes_factor)
    if factor.size != 1 or factor.item() == 0:
        found = "0" if factor.size == 1 else f"of shape {factor.shape}"
        raise UnsupportedModel(f"layer '{name}': graded_spikes_factor is {found}; give one factor other than 0")
    # fire_inhibition never multiplies by it
    return 1.0 if neuron.inhibition else float(factor.item())


@dataclass(slots=True)
class _Trained:
    """`definition.Given` of one module."""

    name: str
    neuron: Any
    cls: type[Any]
    notes: list[str] = field(default_factory=list)

    @property
    def reset(self) -> ResetMechanism:
        mechanism = self._bound()
        resets = float(self.neuron.reset_mechanism_val)
        if mechanism != self.neuron.reset_mechanism:
            self.notes.append(
                f"layer '{self.name}': runs reset_mechanism {mechanism}, although its attribute says "
                f"{self.neuron.reset_mechanism}"
            )
        elif resets != snntorch.SpikingNeuron.reset_dict[mechanism]:
            self.notes.append(
                f"layer '{self.name}': runs reset_mechanism {mechanism}, although its buffer reset_mechanism_val, "
                f"which a checkpoint brings along, says {_mechanism_of(resets)}"
            )
        return mechanism

    @property
    def delay(self) -> bool:
        return bool(getattr(self.neuron, "reset_delay", True))

    @property
    def worth(self) -> float:
        return spike_factor(self.name, self.neuron)

    def array(self, attribute: str) -> NDArray[np.float64]:
        return values(self.name, attribute, attrgetter(attribute)(self.neuron))

    def kind(self, attribute: str) -> str:
        return type(attrgetter(attribute)(self.neuron)).__name__

    def clamped(self, attribute: str) -> NDArray[np.float64]:
        found = self.array(attribute)
        if found.min() < 0 or found.max() > 1:
            self.notes.append(
                f"layer '{self.name}': {attribute} {_range(found)} is clamped to 0..1, as forward does"
            )
        return found.clip(0.0, 1.0)

    def refusal(self, problem: str) -> UnsupportedModel:
        return UnsupportedModel(f"layer '{self.name}': {problem}")

    def _bound(self) -> ResetMechanism:
        bound: Any = self.neuron.state_function
        function = getattr(bound, "__func__", None)
        known = {getattr(self.cls, name): mechanism for name, mechanism in _UPDATES.items()}
        mechanism = known.get(function)
        if mechanism is None or id(getattr(bound, "__self__", None)) != id(self.neuron):
            raise self.refusal(f"state_function is not the neuron's own; build the {self.cls.__name__} anew")
        resets = float(self.neuron.reset_mechanism_val)
        if not self.delay and snntorch.SpikingNeuron.reset_dict[mechanism] != resets:
            raise self.refusal(
                f"updates with reset_mechanism {mechanism} but resets at once (reset_delay False) with "
                f"{_mechanism_of(resets)}; build the {self.cls.__name__} with one of them"
            )
        return mechanism


def read_neuron(
    name: str, source: str, neuron: snntorch.SpikingNeuron, shape: tuple[int, ...], order: tuple[int, ...] | None
) -> tuple[ir.Neuron, dict[str, NDArray[np.float64]], list[str]]:
    """The layer, its parameters in hardware order, and notes for the report.

    Args:
        source: name of the layer that feeds it.
        shape: of its input, torch order, without batch.
        order: torch position of each feature in hardware order, where a flattened map has permuted them.
    Raises:
        UnsupportedModel: see the module.
    """
    found = known(neuron)
    assert found is not None
    defined, cls = found
    _check_code(name, neuron)
    given = _Trained(name, neuron, cls)
    read = defined.read(given)
    if neuron.inhibition:
        _check_inhibition(name, neuron, shape, order, bool(read.equations.after))
    ones = [key for key in read.equations.factors if np.all(read.parameters[key] == 1.0)]
    equations = read.equations.without(ones)
    parameters = {
        f"{name}/{key}": _per_neuron(name, key, read.parameters[key], shape, order) for key in equations.parameters
    }
    layer = ir.Neuron(
        name=name,
        inputs=(source,),
        size=int(np.prod(shape)),
        types=defined.names(equations),
        equations=equations,
        inhibition=bool(neuron.inhibition),
    )
    return layer, parameters, given.notes


def check_type(name: str, module: nn.Module) -> None:
    """Refuse a neuron that is none of those known, or not as snnTorch has it."""
    kind, found = type(module).__name__, known(module)
    if found is None:
        refuse_by_name(name, module)
        raise UnsupportedModel(
            f"layer '{name}': neuron type {kind} is not supported; use {_listed()}"
        )
    own = found[1]
    methods = (*_METHODS, *(method for method in vars(own) if method.startswith("_base_")))
    changed = [m for m in methods if m in module.__dict__ or getattr(type(module), m) is not getattr(own, m)]
    if changed:
        raise UnsupportedModel(
            f"layer '{name}': {kind} replaces {changed[0]} of snntorch.{own.__name__}; use {own.__name__} as it is"
        )


def refuse_by_name(name: str, module: nn.Module) -> None:
    """Refuse what snnTorch has and is not built, or does not run, with the reason."""
    found = known(module)
    for attribute, value, reason in () if found is None else found[0].refuses:
        if getattr(module, attribute) == value:
            raise UnsupportedModel(f"layer '{name}': {attribute} is {value}, {reason}")
    for cls in type(module).__mro__:
        if cls.__module__.partition(".")[0] == "snntorch" and cls.__name__ in REFUSED:
            raise UnsupportedModel(f"layer '{name}': snntorch.{cls.__name__} {REFUSED[cls.__name__]}")


def values(name: str, parameter: str, tensor: Any) -> NDArray[np.float64]:
    """A parameter in float64.

    Raises:
        UnsupportedModel: it holds NaN or infinity.
    """
    array = np.asarray(torch.as_tensor(tensor).detach().cpu().to(torch.float64).numpy())
    bad = np.argwhere(~np.isfinite(array))
    if bad.size or (array.ndim == 0 and not np.isfinite(array)):
        index = tuple(int(i) for i in bad[0])
        where = f"{parameter}[{', '.join(map(str, index))}]" if index else parameter
        raise UnsupportedModel(f"layer '{name}': {where} is {array[index]}; every parameter must be a finite number")
    return array


def _check_code(name: str, neuron: snntorch.SpikingNeuron) -> None:
    if neuron.state_quant:
        raise UnsupportedModel(
            f"layer '{name}': state_quant is set; remove it and give the membrane a type under hls instead"
        )
    rows = _PROBES.to(torch.float64).repeat(64, 1)
    try:
        with torch.no_grad():
            fired = [neuron.spike_grad(rows) for _ in range(2)]
    except Exception as error:
        raise UnsupportedModel(f"layer '{name}': spike_grad fails: {first_sentence(error)}; use another") from error
    if not all(torch.equal(spikes, (rows > 0).to(spikes.dtype)) for spikes in fired):
        raise UnsupportedModel(
            f"layer '{name}': spike_grad does not fire exactly where mem > threshold; use a deterministic one of "
            "snntorch.surrogate"
        )


def _mechanism_of(value: float) -> str:
    return next((key for key, known in snntorch.SpikingNeuron.reset_dict.items() if known == value), f"{value:g}")


def _check_inhibition(
    name: str, neuron: snntorch.SpikingNeuron, shape: tuple[int, ...], order: tuple[int, ...] | None, at_once: bool
) -> None:
    if len(shape) != 1 or order is not None:
        raise UnsupportedModel(
            f"layer '{name}': inhibition on a map, or right behind its Flatten; put it behind a Linear"
        )
    factor = float(torch.as_tensor(neuron.graded_spikes_factor).reshape(-1)[0])
    if factor != 1 and at_once:
        raise UnsupportedModel(
            f"layer '{name}': inhibition and reset_delay False with graded_spikes_factor {factor:g}; set it to 1"
        )


def _per_neuron(
    name: str, parameter: str, array: NDArray[np.float64], shape: tuple[int, ...], order: tuple[int, ...] | None
) -> NDArray[np.float64]:
    if array.size == 1:
        return array.reshape(())
    try:
        full = np.broadcast_to(array, (1, *shape))[0]
    except ValueError:
        raise UnsupportedModel(
            f"layer '{name}': {parameter} of shape {array.shape} does not fit neurons of shape {shape}; give one "
            "value, or one per neuron or channel"
        ) from None
    if len(shape) > 1:
        return np.ascontiguousarray(np.moveaxis(full, 0, -1).reshape(-1))
    return np.array(full if order is None else full[list(order)])


def _range(array: NDArray[np.float64]) -> str:
    return f"{array.min():g}" if array.size == 1 else f"{array.min():g}..{array.max():g}"


def _listed() -> str:
    *most, last = (f"{one.package}.{one.name}" for one in NEURONS.values())
    return f"{', '.join(most)} or {last}" if most else last
