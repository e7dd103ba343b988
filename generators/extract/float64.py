"""A private float64 copy of the user's module, and the places where it keeps values between calls.

In: any nn.Module, as training left it. Out: a copy that may be run and traced without touching the original.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import snntorch
import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from hlspike.generators.errors import UnsupportedModel
from hlspike.generators.extract.marks import is_marker
from hlspike.generators.neurons.known import is_state, states

_MODULE_INTERNALS = frozenset(nn.Module().__dict__)


def is_leaf(module: nn.Module) -> bool:
    """Whether extraction takes `module` as one layer instead of looking into its forward."""
    home = type(module).__module__
    known = isinstance(module, snntorch.SpikingNeuron) or inherits_forward(module, nn.Linear)
    packaged = home.startswith(("torch.nn.", "torch.ao.nn.", "snntorch.")) and not isinstance(module, nn.Sequential)
    return known or packaged or is_marker(module)


def inherits_forward(module: nn.Module, cls: type[nn.Module]) -> bool:
    """Whether `module` is a `cls` that computes what `cls` computes."""
    return isinstance(module, cls) and type(module).forward is cls.forward and "forward" not in module.__dict__


def layer_input(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The input among the arguments of a call of a layer, which snnTorch calls input_ and torch.nn input."""
    if args:
        return args[0]
    return next((value for name, value in kwargs.items() if not is_state(name)), None)


@dataclass(frozen=True, slots=True)
class Slot:
    """Where user code keeps a value between calls: an attribute, or an entry of a list or dict that is one."""

    module: str
    keys: tuple[Any, ...]

    def __str__(self) -> str:
        name = ".".join(filter(None, (self.module, str(self.keys[0]))))
        return name + "".join(f"[{key!r}]" for key in self.keys[1:])

    def get(self, root: nn.Module) -> Any:
        value = getattr(root.get_submodule(self.module), self.keys[0])
        for key in self.keys[1:]:
            value = value[key]
        return value

    def set(self, root: nn.Module, value: Any) -> None:
        owner = root.get_submodule(self.module)
        if len(self.keys) == 1:
            setattr(owner, self.keys[0], value)
            return
        container = getattr(owner, self.keys[0])
        for key in self.keys[1:-1]:
            container = container[key]
        container[self.keys[-1]] = value


def slots(root: nn.Module) -> Iterator[tuple[Slot, Any]]:
    """Every value that the user's own modules, not the layers, keep as attributes or buffers."""
    for path, module in root.named_modules():
        if not is_leaf(module):
            for name, value in {**attributes(module), **module._buffers}.items():
                yield from ((Slot(path, (name, *keys)), item) for keys, item in _entries(value))


def float64_copy(module: nn.Module) -> nn.Module:
    """A deep copy in float64 and evaluation mode, on the CPU, every neuron at its initial state.

    Raises:
        UnsupportedModel: the module cannot be copied, or holds tensors without values.
    """
    _refuse_empty(module)
    # torch refuses to deep-copy the states that training leaves attached to the autograd graph
    attached = [t for m in module.modules() for t in _tensors(m.__dict__) if not t.is_leaf]
    memo: dict[int, Any] = {id(tensor): tensor.detach().clone() for tensor in attached}
    try:
        private = copy.deepcopy(module, memo)
    except Exception as error:
        raise UnsupportedModel(
            f"model: {type(module).__name__} cannot be copied ({first_sentence(error)}); remove what deepcopy refuses"
        ) from error
    private = private.double().cpu().eval()
    for part in private.modules():
        for name, value in attributes(part).items():
            part.__dict__[name] = fresh(value, _float64)
        if isinstance(part, snntorch.SpikingNeuron):
            spike_grad = part.spike_grad
            part._modules.pop("spike_grad", None)
            part.spike_grad = _in_dtype(spike_grad)
        if is_leaf(part):
            part.register_forward_pre_hook(_arguments_in_float64, with_kwargs=True, prepend=True)
    clear_neurons(private)
    return private


def _refuse_empty(module: nn.Module) -> None:
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        if isinstance(tensor, (UninitializedBuffer, UninitializedParameter)):
            raise UnsupportedModel(f"model: '{name}' has no values yet; run the model once before it is read")
        if tensor.layout is not torch.strided or tensor.is_quantized:
            kind = "quantised" if tensor.is_quantized else "sparse"
            raise UnsupportedModel(f"model: '{name}' is {kind}; give every parameter as a plain tensor")
        if tensor.is_meta:
            raise UnsupportedModel(f"model: '{name}' is on the meta device, without values; load a state_dict into it")


def clear_neurons(root: nn.Module) -> None:
    """Put every neuron at its initial state.

    A state of another shape than the input is what forward re-initialises; reset_mem() keeps the batch.
    """
    for part in root.modules():
        for state in states(part):
            setattr(part, state, torch.zeros(0, dtype=torch.float64))


def fresh(value: Any, convert: Callable[[Tensor], Tensor] = torch.clone) -> Any:
    """`value` with its lists, dicts and tuples rebuilt and its tensors converted; anything else as it is."""
    if isinstance(value, Tensor):
        return value if isinstance(value, nn.Parameter) else convert(value.detach())
    if type(value) is dict:
        return {key: fresh(item, convert) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(fresh(item, convert) for item in value)
    return value


def first_sentence(error: BaseException) -> str:
    """What an error of someone else says first, for one-line messages of ours."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return line.split(". ")[0].rstrip(".")


def attributes(module: nn.Module) -> dict[str, Any]:
    """What a module keeps beside its parameters, buffers and submodules."""
    return {name: value for name, value in module.__dict__.items() if name not in _MODULE_INTERNALS}


def _entries(value: Any) -> Iterator[tuple[tuple[Any, ...], Any]]:
    items = value.items() if type(value) is dict else enumerate(value) if type(value) is list else None
    if items is None:
        yield (), value
        return
    for key, item in items:
        yield from (((key, *keys), leaf) for keys, leaf in _entries(item))


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _tensors(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)


def _float64(tensor: Tensor) -> Tensor:
    return tensor.double() if tensor.is_floating_point() else tensor


def _in_dtype(spike_grad: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    # snntorch's surrogates return float32 whatever they are given, which would round the threshold they multiply
    return lambda shifted: spike_grad(shifted).to(shifted.dtype)


def _arguments_in_float64(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    return fresh(args, _float64), fresh(kwargs, _float64)
