"""Functions and operators that make one vector of several: sums, and concatenations of their features.

In: a node of the graph. Out: which operands it joins, and what it stands for then. Whatever a merge would not compute
as torch does is refused.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from hlspike.generators.errors import UnsupportedModel
from hlspike.generators.extract.flow import Flow
from hlspike.generators.extract.timestep import TIME_LOOP_REMEDY
from hlspike.generators.ir import Joining

_ADDS: tuple[Any, ...] = (operator.add, operator.iadd, torch.add, "add", "add_")
_CONCATENATES: tuple[Any, ...] = (torch.cat, torch.concat, torch.concatenate)
_STACKS: tuple[Any, ...] = (torch.stack, torch.vstack, torch.dstack)


@dataclass(frozen=True, slots=True)
class Join:
    """One Merge: the sum of two flows, or any number of them, one behind the other."""

    name: str
    joining: Joining
    sources: tuple[Flow, ...]
    result: Flow


def refuse_stacks(nodes: Sequence[fx.Node]) -> None:
    """Refuse the sign of a time loop whose layers were called once only: a new dimension, or a longer batch."""
    for node in nodes:
        batch = node.target in _CONCATENATES and _dimension(node) == 0
        if node.op == "call_function" and (node.target in _STACKS or batch):
            raise UnsupportedModel(
                f"model: forward joins tensors with {called(node)}, as over timesteps; {TIME_LOOP_REMEDY}"
            )


def called(node: fx.Node) -> str:
    """The name of the function or method that a node calls."""
    return str(node.target) if node.op == "call_method" else str(getattr(node.target, "__name__", node.target))


def operands(node: fx.Node) -> tuple[Joining, list[Any]] | None:
    """What `node` joins, and how; None if it is no join."""
    if node.op not in ("call_function", "call_method"):
        return None
    given = [*node.args, *(node.kwargs[key] for key in ("input", "tensors", "other") if key in node.kwargs)]
    if node.target in _ADDS and len(given) == 2:
        return "add", given
    if node.op == "call_function" and (node.target in _CONCATENATES or node.target is torch.hstack):
        tensors = given[0]
        return "concatenate", list(tensors) if isinstance(tensors, (list, tuple)) else [tensors]
    return None


def join(where: str, node: fx.Node, name: str, joining: Joining, sources: tuple[Flow, ...]) -> Join:
    """The Merge `name` that `node` makes of `sources`.

    Raises:
        UnsupportedModel: it computes something else.
    """
    told = " and ".join(f"{source} of shape {source.shape}" for source in sources)
    if joining == "add":
        alpha = node.kwargs.get("alpha", 1)
        if alpha != 1:
            raise UnsupportedModel(f"{where}: alpha is {alpha}, and a sum has no weights; put a Linear before it")
        if len({source.shape for source in sources}) > 1:
            raise UnsupportedModel(f"{where}: adds {told}, which are not of one shape; give both as many features")
        shape = sources[0].shape
    else:
        dimension = _dimension(node)
        if any(len(source.shape) != 1 for source in sources) or dimension not in (1, -1):
            raise UnsupportedModel(
                f"{where}: joins {told} on dimension {dimension}, and only features of vectors are put one behind the "
                "other; put nn.Flatten() before it, and join on dimension 1"
            )
        shape = (sum(source.shape[0] for source in sources),)
    factors = {source.factor for source in sources}
    if len(factors) > 1:
        worth = next(source for source in sources if source.factor != 1)
        raise UnsupportedModel(
            f"{where}: joins {told}, but the spikes of '{worth.layer}' are worth {worth.factor:g} "
            "(graded_spikes_factor), and those are no weights to fold that into; set it to 1, or put a Linear between"
        )
    spikes = joining == "concatenate" and all(source.kind == "spikes" for source in sources)
    order = _order(where, told, joining, sources)
    return Join(name, joining, sources, Flow("spikes" if spikes else "currents", name, shape, order, factors.pop()))


def joined(joining: Joining, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """What a join makes of tensors (N, *shape), as torch does."""
    return tensors[0] + tensors[1] if joining == "add" else torch.cat(list(tensors), 1)


def _order(where: str, told: str, joining: Joining, sources: Sequence[Flow]) -> tuple[int, ...] | None:
    """Torch position of each feature in hardware order."""
    orders = [source.order for source in sources]
    if joining == "add":
        if len(set(orders)) > 1:
            raise UnsupportedModel(
                f"{where}: adds {told}, of which not all have been flattened from the same map, so that hardware has "
                "their features in different orders; put a Linear behind the flattened map first"
            )
        return orders[0]
    if not any(orders):
        return None
    found: list[int] = []
    for source in sources:
        found += [len(found) + place for place in source.order or range(math.prod(source.shape))]
    return tuple(found)


def _dimension(node: fx.Node) -> Any:
    if node.target is torch.hstack:
        return 1
    return node.kwargs.get("dim", node.kwargs.get("axis", node.args[1] if len(node.args) > 1 else 0))
