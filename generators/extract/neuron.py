"""snnTorch's Leaky → ir.Neuron and its parameters; refuses every setting that would not be built as it runs.

Follows snntorch/_neurons/{neurons,leaky}.py of release 1.0.0: what forward executes counts, not what attributes say.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import snntorch
import torch
from numpy.typing import NDArray
from torch import nn

from hlspike.generators import ir
from hlspike.generators.errors import UnsupportedModel
from hlspike.generators.extract.float64 import first_sentence

INTEGRATES_WITHIN = 1e-6
"""How close to 1 every β must be for the layer to need no multiplication."""

_METHODS = (
    "forward",
    "fire",
    "fire_inhibition",
    "mem_reset",
    "_base_state_function",
    "_base_sub",
    "_base_zero",
    "_base_int",
)
_STATE_FUNCTIONS: dict[Any, ir.ResetMechanism] = {
    snntorch.Leaky._base_sub: "subtract",
    snntorch.Leaky._base_zero: "zero",
    snntorch.Leaky._base_int: "none",
}
_PROBES = torch.tensor([-1e3, -1.0, -0.5, -1e-3, -1e-9, -1e-30, -0.0, 0.0, 1e-30, 1e-9, 1e-3, 0.5, 1.0, 1e3])


def spike_factor(name: str, neuron: snntorch.Leaky) -> float:
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


def read_leaky(
    name: str, source: str, neuron: snntorch.Leaky, shape: tuple[int, ...], order: tuple[int, ...] | None
) -> tuple[ir.Neuron, dict[str, NDArray[np.float64]], list[str]]:
    """The layer, its parameters in hardware order, and notes for the report.

    Args:
        source: name of the layer that feeds it.
        shape: of its input, torch order, without batch.
        order: torch position of each feature in hardware order, where a flattened map has permuted them.
    Raises:
        UnsupportedModel: see the module.
    """
    _check_code(name, neuron)
    mechanism = _reset_mechanism(name, neuron)
    if neuron.inhibition:
        _check_inhibition(name, neuron, shape, order)
    beta = values(name, "beta", neuron.beta)
    notes = []
    if beta.min() < 0 or beta.max() > 1:
        notes.append(f"layer '{name}': beta {_range(beta)} is clamped to 0..1, as forward does")
        beta = beta.clip(0.0, 1.0)
    integrates = bool(np.all(np.abs(beta - 1.0) <= INTEGRATES_WITHIN))
    threshold = values(name, "threshold", neuron.threshold)
    parameters = {f"{name}/threshold": _per_neuron(name, "threshold", threshold, shape, order)}
    if not integrates:
        parameters[f"{name}/beta"] = _per_neuron(name, "beta", beta, shape, order)
    layer = ir.Neuron(
        name=name,
        inputs=(source,),
        size=int(np.prod(shape)),
        reset_mechanism=mechanism,
        reset_delay=bool(neuron.reset_delay),
        inhibition=bool(neuron.inhibition),
        integrates=integrates,
    )
    resets = float(neuron.reset_mechanism_val)
    if mechanism != neuron.reset_mechanism:
        notes.append(
            f"layer '{name}': runs reset_mechanism {mechanism}, although its attribute says {neuron.reset_mechanism}"
        )
    elif resets != snntorch.SpikingNeuron.reset_dict[mechanism]:
        notes.append(
            f"layer '{name}': runs reset_mechanism {mechanism}, although its buffer reset_mechanism_val, which a "
            f"checkpoint brings along, says {_mechanism_of(resets)}"
        )
    return layer, parameters, notes


def check_type(name: str, module: nn.Module) -> None:
    """Refuse a neuron that is not snnTorch's own Leaky."""
    if not isinstance(module, snntorch.Leaky):
        raise UnsupportedModel(
            f"layer '{name}': neuron type {type(module).__name__} is not supported; use snntorch.Leaky"
        )
    changed = [
        m for m in _METHODS if m in module.__dict__ or getattr(type(module), m) is not getattr(snntorch.Leaky, m)
    ]
    if changed:
        raise UnsupportedModel(
            f"layer '{name}': {type(module).__name__} replaces {changed[0]} of snntorch.Leaky; use Leaky as it is"
        )


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


def _check_code(name: str, neuron: snntorch.Leaky) -> None:
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


def _reset_mechanism(name: str, neuron: snntorch.Leaky) -> ir.ResetMechanism:
    bound: Any = neuron.state_function
    mechanism = _STATE_FUNCTIONS.get(getattr(bound, "__func__", None))
    if mechanism is None or id(getattr(bound, "__self__", None)) != id(neuron):
        raise UnsupportedModel(f"layer '{name}': state_function is not the neuron's own; build the Leaky anew")
    resets = float(neuron.reset_mechanism_val)
    if not neuron.reset_delay and snntorch.SpikingNeuron.reset_dict[mechanism] != resets:
        raise UnsupportedModel(
            f"layer '{name}': updates with reset_mechanism {mechanism} but resets at once (reset_delay False) with "
            f"{_mechanism_of(resets)}; build the Leaky with one of them"
        )
    return mechanism


def _mechanism_of(value: float) -> str:
    return next((key for key, known in snntorch.SpikingNeuron.reset_dict.items() if known == value), f"{value:g}")


def _check_inhibition(name: str, neuron: snntorch.Leaky, shape: tuple[int, ...], order: tuple[int, ...] | None) -> None:
    if len(shape) != 1 or order is not None:
        raise UnsupportedModel(
            f"layer '{name}': inhibition on a map, or right behind its Flatten; put it behind a Linear"
        )
    factor = float(torch.as_tensor(neuron.graded_spikes_factor).reshape(-1)[0])
    if factor != 1 and not neuron.reset_delay:
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
