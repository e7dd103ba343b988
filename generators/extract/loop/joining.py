"""From timesteps to sequences and back: indexing, stacking, and layers called on all timesteps at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import fx, nn

from hlspike.generators.extract.float64 import inherits_forward
from hlspike.generators.extract.loop.table import terms
from hlspike.generators.extract.loop.values import Made, Sequence, Term, Total

if TYPE_CHECKING:
    from hlspike.generators.extract.loop.interpret import Interpreter

_ELEMENTWISE = (
    "float", "double", "to", "mul", "rmul", "truediv", "div", "add", "radd", "sub", "rsub", "neg", "relu", "clamp",
    "sigmoid", "tanh", "__mul__", "__rmul__", "__truediv__", "__add__", "__radd__", "__sub__", "__rsub__", "dropout",
)
_ROWS = ("flatten", "view", "reshape")


class WrongLayout(Exception):  # noqa: N818 - caught by who tries the layouts
    """Forward takes its frames from another axis than the one that is tried."""


def joined(called: str, node: fx.Node, items: Any, args: Any, kwargs: Any) -> Any:
    """What torch.stack or torch.cat makes of a list; None if that is all of one timestep."""
    if isinstance(items, Sequence) and called == "stack":
        return items
    if not isinstance(items, (list, tuple)):
        return Made(f"{called} over timesteps", tuple(terms(items)))
    if isinstance(items, (list, tuple)) and all(isinstance(item, Term) for item in items):
        times = [item.time for item in items]
        if len(set(times)) == 1:
            return None
        axis: int = kwargs.get("dim", args[1] if len(args) > 1 else 0)
        value = node.meta.get("value")
        if called == "cat":
            items = [_unsqueezed(item, axis) for item in items]
        if None not in items and isinstance(value, torch.Tensor) and times == list(range(times[0] or 0, len(times))):
            return Sequence(tuple(items), axis % value.ndim)
    return Made(f"{called} over timesteps", tuple(terms(items)))


def _unsqueezed(item: Term, axis: int) -> Term | None:
    """What `item` is an unsqueeze of, at the axis along which it is joined."""
    if getattr(item.node.target, "__name__", item.node.target) != "unsqueeze":
        return None
    given: Any = item.args[1] if len(item.args) > 1 else item.kwargs.get("dim")
    source = item.args[0]
    rank = item.value.ndim if isinstance(item.value, torch.Tensor) else 0
    return source if isinstance(source, Term) and rank and given % rank == axis % rank else None


def refuse_batch(reader: Interpreter, called: str, node: fx.Node, first: Term, args: Any) -> None:
    """Raise where a frame is indexed as if its batch were time."""
    if called in ("getitem", "unbind", "select") and first.op == "placeholder":
        raise WrongLayout


def sequence(reader: Interpreter, called: str, node: fx.Node, first: Sequence, args: Any, kwargs: Any) -> Any:
    """What a function makes of all timesteps at once."""
    value = node.meta.get("value")
    rest = args[1:]
    match called:
        case "getitem":
            return _indexed(first, rest[0], reader)
        case "unbind":
            if kwargs.get("dim", rest[0] if rest else 0) % _rank(first) != first.axis:
                return _elsewhere(first, called, reader)
            reader.parted = True
            return first.items
        case "select":
            if rest[0] % _rank(first) != first.axis:
                return _elsewhere(first, called, reader)
            reader.parted = True
            return first.items[rest[1]]
        case "sum" | "mean":
            dims = kwargs.get("dim", rest[0] if rest else None)
            dims = dims if isinstance(dims, (tuple, list)) else [dims]
            if None not in dims and [dim % _rank(first) for dim in dims] == [first.axis]:
                return Total(first.items, called == "mean")
        case "permute" | "transpose" | "swapaxes" | "movedim" | "moveaxis":
            return _permuted(reader, node, first, value)
        case _ if called in _ELEMENTWISE and isinstance(value, torch.Tensor) and not list(terms(list(rest))):
            return _each(reader, node, first, value, rest, kwargs)
        case _ if called in _ROWS and isinstance(value, torch.Tensor):
            return _reshaped(reader, node, first, value)
    return Made(f"{called} over timesteps", first.items)


def layer(reader: Interpreter, name: str, module: nn.Module, node: fx.Node, given: Sequence) -> Sequence | None:
    """What a layer makes of each timestep, if it takes all at once without mixing them; else None."""
    value = node.meta.get("value")
    if not isinstance(value, torch.Tensor):
        return None
    rank = _rank(given)
    linear = inherits_forward(module, nn.Linear) and given.axis < rank - 1
    alone = isinstance(module, (nn.Identity, nn.modules.dropout._DropoutNd))
    flat = isinstance(module, nn.Flatten) and module.start_dim % rank > max(given.axis, 1)
    if not (linear or alone or flat):
        return None
    target: Any = name
    items = []
    for time, item in enumerate(given.items):
        if isinstance(module, nn.Flatten):
            shape = value.select(given.axis, time)
            items.append(reader.table.make(node, "call_function", torch.flatten, (item, 1), {}, shape, item.time))
        else:
            shape = value.select(given.axis, time)
            items.append(reader.table.make(node, "call_module", target, (item,), {}, shape, item.time))
    return Sequence(tuple(items), given.axis)


def _indexed(first: Sequence, index: Any, reader: Interpreter) -> Any:
    parts = list(index) if isinstance(index, tuple) else [index]
    rank = _rank(first)
    if Ellipsis in parts:
        place = parts.index(Ellipsis)
        parts[place:place + 1] = [slice(None)] * (rank - len(parts) + 1)
    parts += [slice(None)] * (rank - len(parts))
    whole = [place for place, part in enumerate(parts) if part == slice(None)]
    if len(whole) == rank:
        return first
    if len(parts) != rank or len(whole) < rank - 1 or first.axis in whole:
        return _elsewhere(first, "getitem", reader)
    part = parts[first.axis]
    reader.parted = True
    if isinstance(part, slice):
        found = first.items[part]
        return Sequence(found, first.axis) if found else Made("no timestep", first.items)
    return first.items[part] if isinstance(part, int) else _elsewhere(first, "getitem", reader)


def _elsewhere(first: Sequence, called: str, reader: Interpreter) -> Made:
    if all(item.op == "placeholder" for item in first.items):
        raise WrongLayout
    return Made(f"{called} over timesteps", first.items)


def _permuted(reader: Interpreter, node: fx.Node, first: Sequence, value: Any) -> Any:
    # where each axis goes is seen on axes of different lengths
    marked = torch.zeros([place + 2 for place in range(_rank(first))])
    called = str(node.target) if node.op == "call_method" else str(getattr(node.target, "__name__", ""))
    moved = getattr(marked, called)(*node.args[1:], **node.kwargs)
    order = [size - 2 for size in moved.shape]
    if [place for place in order if place != first.axis] != sorted({*order} - {first.axis}):
        return _elsewhere(first, called, reader)
    return Sequence(first.items, order.index(first.axis))


def _each(reader: Interpreter, node: fx.Node, first: Sequence, value: Any, rest: Any, kwargs: Any) -> Sequence:
    return Sequence(tuple(
        reader.table.make(node, node.op, node.target, (item, *rest), kwargs, value.select(first.axis, place), item.time)
        for place, item in enumerate(first.items)
    ), first.axis)


def _reshaped(reader: Interpreter, node: fx.Node, first: Sequence, value: torch.Tensor) -> Any:
    """Dimensions of a frame changed, those of batch and time left alone."""
    frame = first.items[0].value
    if not isinstance(frame, torch.Tensor) or first.axis > 1 or value.ndim < 2:
        return Made("reshape over timesteps", first.items)
    if value.shape[first.axis] != len(first.items) or value.shape[1 - first.axis] != frame.shape[0]:
        return Made("reshape over timesteps", first.items)
    shape = tuple(value.select(first.axis, 0).shape)
    if shape == tuple(frame.shape):
        return first
    return Sequence(tuple(
        reader.table.make(node, "call_method", "reshape", (item, shape), {}, value.select(first.axis, place), item.time)
        for place, item in enumerate(first.items)
    ), first.axis)


def _rank(first: Sequence) -> int:
    value = first.items[0].value
    return value.ndim + 1 if isinstance(value, torch.Tensor) else 2
