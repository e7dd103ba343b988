"""Functions and tensor methods that forward calls beside its layers: those that change no value are followed.

In: a node of the graph and what its first argument stands for. Out: what it stands for itself.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import fx

from hlspike.generators.errors import UnsupportedModel
from hlspike.generators.extract.flow import Argument, Flow, Returned, Value
from hlspike.generators.extract.functions.joins import called
from hlspike.generators.neurons.registry import NEURONS

SUPPORTED = f"Linear, {', '.join(NEURONS)}, Flatten, Dropout, Identity and SNNReadout"
"""The modules a model may be made of."""
_ALIASES = ("detach", "clone", "contiguous")
_CASTS = ("float", "double")


def caller(node: fx.Node) -> str:
    """The module whose forward makes the call `node`, as messages name it."""
    return f"module '{node.meta['module']}'" if node.meta.get("module") else "model"


def apply(node: fx.Node, first: Value) -> Value:
    """What the call `node` makes of its first argument.

    Raises:
        UnsupportedModel: it does arithmetic, or anything else that is not known to change no value.
    """
    if node.target is torch._assert or _guards(node):
        return None
    name, rest = called(node), node.args[1:]
    if name == "getitem":
        return _item(first, rest[0])
    if node.op == "call_method" and name in _ALIASES:
        return first
    where = f"{caller(node)}: {name} of {first}"
    if isinstance(first, Flow):
        if node.op == "call_method" and _is_exact_cast(name, node, first):
            return first
        if name == "dropout" and node.kwargs.get("training", True) is False:
            return first
        if name == "flatten":
            start = node.kwargs.get("start_dim", rest[0] if rest else 0)
            return flatten(where, first, start, node.kwargs.get("end_dim", rest[1] if len(rest) > 1 else -1))
        if name in ("view", "reshape") and (reached := _reshaped(node)):
            if reached == first.shape:
                return first
            if reached == (math.prod(first.shape),):
                return flatten(where, first, 1, -1)
    raise UnsupportedModel(f"{where} is not supported; use the modules {SUPPORTED}")


def flatten(where: str, flow: Flow, start: Any, end: Any) -> Flow:
    """`flow` with all but the batch flattened, the order of its features kept in mind.

    Raises:
        UnsupportedModel: `start` and `end` name other dimensions.
    """
    rank = len(flow.shape) + 1
    if start not in (1, 1 - rank) or end not in (-1, rank - 1):
        raise UnsupportedModel(
            f"{where}: flattens dimensions {start}..{end} of shape (batch, {', '.join(map(str, flow.shape))}); "
            "only flattening all but the batch is supported"
        )
    if len(flow.shape) == 1:
        return flow
    positions = np.moveaxis(np.arange(math.prod(flow.shape)).reshape(flow.shape), 0, -1).reshape(-1)
    same = bool((positions == np.arange(positions.size)).all())
    return replace(flow, shape=(positions.size,), order=None if same else tuple(positions.tolist()))


def _guards(node: fx.Node) -> bool:
    # torch.fx checks with an assertion that an argument still has the default it was traced with
    return bool(node.users) and all(user.target is torch._assert for user in node.users)


def _item(value: Value, key: Any) -> Value:
    match value:
        case Returned() if isinstance(key, int) and -len(value.items) <= key < len(value.items):
            return value.items[key]
        case Argument():
            return Argument(value.name, (*value.path, key))
        case _:
            raise UnsupportedModel(f"model: indexing {value} is not supported; take whole tensors")


def _is_exact_cast(name: str, node: fx.Node, flow: Flow) -> bool:
    # frames are float32 and spikes 0 or 1, so float32 holds them; it would round currents
    asked = [*node.args[1:], *node.kwargs.values()] if name == "to" else []
    dtypes = {item for item in asked if isinstance(item, torch.dtype)}
    known = all(isinstance(item, (torch.dtype, torch.device, str, bool)) for item in asked)
    legal = name in _CASTS or (name == "to" and known and dtypes <= {torch.float32, torch.float64})
    changes = name in _CASTS or bool(dtypes)
    return legal and (not changes or (flow.kind != "currents" and abs(flow.factor) == 1))


def _reshaped(node: fx.Node) -> tuple[int, ...] | None:
    source = node.args[0] if node.args else node.kwargs.get("input")
    if not isinstance(source, fx.Node) or "value" not in source.meta or "value" not in node.meta:
        return None
    before, after = source.meta["value"].shape, node.meta["value"].shape
    return tuple(after[1:]) if after[0] == before[0] else None
