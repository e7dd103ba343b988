"""One timestep of the user's forward as a torch.fx graph.

In: a module and the shape of one timestep. Out: the graph of a timestep in the steady state, that is of the second
call, so that what forward sets up on its first call is no branch of it.
"""

from __future__ import annotations

import contextlib
import dis
import inspect
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from types import CodeType
from typing import Any
from unittest import mock

import snntorch
import torch
from torch import fx, nn

from hlspike.generators.errors import UnsupportedModel
from hlspike.generators.extract.float64 import Slot, first_sentence, float64_copy, is_leaf, layer_input, slots
from hlspike.generators.extract.neuron import refuse_by_name
from hlspike.generators.extract.snapshot import strays
from hlspike.generators.extract.tracer import BATCH, Tracer
from hlspike.generators.neurons.known import known

EXCLUSIVE = threading.RLock()
"""Held while tracing and while running a module: torch.fx replaces nn.Module.__call__ for the whole process."""

TIME_LOOP_REMEDY = "give the body of the time loop as a one-timestep forward that keeps its state"


@dataclass(frozen=True, slots=True)
class Traced:
    """The graph, and the private copy whose layers it calls by name."""

    module: nn.Module
    graph: fx.Graph
    slots: tuple[tuple[Slot, Any], ...]
    """What the module's own attributes hold after a timestep: proxies of graph nodes, where forward set them."""
    required: tuple[str, ...]
    """Arguments of forward, beside the input, that have no default."""


class _ResetOnEveryCall(Exception):  # noqa: N818 - caught where it is defined
    pass


def check(module: nn.Module) -> None:
    """Refuse a module that cannot be followed whatever its forward does.

    Raises:
        UnsupportedModel: it hides the model, is a layer itself, cannot be copied, or holds layers out of sight.
    """
    if isinstance(module, (nn.DataParallel, torch.jit.ScriptModule)) or "_orig_mod" in module._modules:
        raise UnsupportedModel(f"model: {type(module).__name__} hides the model from tracing; give the plain nn.Module")
    if is_leaf(module):
        raise UnsupportedModel(
            f"model: the model is a bare {type(module).__name__}, which has no layer name; wrap it in nn.Sequential"
        )
    _refuse_strays(float64_copy(module))


def trace(module: nn.Module, shape: tuple[int, ...]) -> Traced:
    """The graph of one timestep of `module`.

    Args:
        shape: one timestep in torch order, without the batch dimension.
    Raises:
        UnsupportedModel: forward fails on such a timestep, holds the time loop, or takes a path that depends on data.
    """
    private = float64_copy(module)
    parameters = list(inspect.signature(type(private).forward).parameters.values())[1:]
    named = [p for p in parameters[1:] if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    required = tuple(p.name for p in named if p.default is p.empty)
    tracer = Tracer(shape)
    for name, layer in private.named_modules():
        refuse_by_name(name, layer)
    made = dict(private.named_modules())
    for name, layer in private.named_modules():
        if isinstance(layer, (nn.Linear, nn.Flatten, snntorch.SpikingNeuron)):
            layer.register_forward_pre_hook(partial(_refuse_pair, name), with_kwargs=True)
    with torch.no_grad():
        try:
            private(torch.zeros(BATCH, *shape, dtype=torch.float64), **dict.fromkeys(required))
        except UnsupportedModel:
            raise
        except Exception as error:
            raise UnsupportedModel(_failure(private, shape, error)) from error
        for name, layer in private.named_modules():
            if name not in made:
                raise UnsupportedModel(
                    f"layer '{name}': forward makes this {type(layer).__name__}, so that it is neither trained nor "
                    "saved; make it in __init__"
                )
        _release_buffers(private)
        for slot, value in slots(private):
            if isinstance(value, torch.Tensor):
                tracer.kept.setdefault(id(value), []).append(slot)
        defaults = {p.name: p.default for p in named if isinstance(p.default, (bool, int, float, str))}
        try:
            with _no_resets(private):
                graph = tracer.trace(private, defaults)
        except _ResetOnEveryCall:
            raise UnsupportedModel(
                f"model: forward of {type(private).__name__} resets its neurons on every call; {TIME_LOOP_REMEDY}"
            ) from None
        except Exception as error:
            raise UnsupportedModel(_refusal(private, tracer.path, error)) from error
    return Traced(private, graph, tuple(slots(private)), required)


def _refuse_strays(root: nn.Module) -> None:
    registered = {id(module) for module in root.modules()}
    for slot, value in slots(root):
        if isinstance(value, nn.Module) and id(value) not in registered:
            raise UnsupportedModel(
                f"model: {type(value).__name__} in '{slot}' is not registered as a submodule; keep it in "
                "nn.ModuleList or nn.ModuleDict"
            )
    for place, module in strays(root):
        raise UnsupportedModel(
            f"model: {type(module).__name__} within '{place}' is not registered as a submodule; keep it in "
            "nn.ModuleList or nn.ModuleDict"
        )
    for name, module in root.named_modules():
        if "quantized" in type(module).__module__.split("."):
            raise UnsupportedModel(
                f"layer '{name}': {type(module).__name__} is quantised already; give the model as it was before, and "
                "types under hls"
            )


def _refuse_pair(name: str, layer: nn.Module, args: Any, kwargs: Any) -> None:
    if isinstance(layer_input(args, kwargs), tuple):
        raise UnsupportedModel(
            f"layer '{name}': takes the tuple (spk, mem) of the neurons before it; unpack it, or set init_hidden=True "
            "and output=False there"
        )


def _release_buffers(root: nn.Module) -> None:
    # a buffer accepts tensors only, and tracing assigns proxies
    for module in root.modules():
        if not is_leaf(module):
            module.__dict__.update(module._buffers)
            module._buffers.clear()


@contextlib.contextmanager
def _no_resets(root: nn.Module) -> Iterator[None]:
    def refuse(*_: Any) -> None:
        raise _ResetOnEveryCall

    with contextlib.ExitStack() as stack:
        for cls in {found[1] for found in map(known, root.modules()) if found is not None}:
            for name in ("reset_mem", "reset_hidden"):
                if hasattr(cls, name):
                    stack.enter_context(mock.patch.object(cls, name, refuse))
        yield


def _failure(root: nn.Module, shape: tuple[int, ...], error: Exception) -> str:
    if _loops(root):
        return (
            f"model: forward of {type(root).__name__} loops and fails on one timestep of shape {shape} "
            f"({first_sentence(error)}); {TIME_LOOP_REMEDY}"
        )
    return (
        f"model: forward of {type(root).__name__} fails on one timestep of shape {shape}: {first_sentence(error)}; "
        "make it run on that, or set model.input_shape to what it takes (without batch)"
    )


def _refusal(root: nn.Module, path: list[str], error: Exception) -> str:
    if _loops(root):
        return (
            f"model: forward of {type(root).__name__} loops and cannot be followed ({first_sentence(error)}); "
            f"{TIME_LOOP_REMEDY}"
        )
    where = f"module '{path[-1]}'" if path else "model"
    return (
        f"{where}: forward cannot be followed ({first_sentence(error)}); call registered layers on whole tensors, and "
        "take the same path whatever the values are"
    )


def _loops(root: nn.Module) -> bool:
    mine = (m for m in root.modules() if not is_leaf(m) and not type(m).__module__.startswith("torch.nn."))
    forwards = [type(m).forward for m in mine]
    return any(_jumps_back(f.__code__) for f in forwards if inspect.isfunction(f))


def _jumps_back(code: CodeType) -> bool:
    here = any(i.opname.startswith("JUMP_BACKWARD") for i in dis.get_instructions(code))
    return here or any(_jumps_back(c) for c in code.co_consts if isinstance(c, CodeType))
