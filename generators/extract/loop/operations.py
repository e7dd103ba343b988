"""What functions and methods make of sequences, zeros and totals; all else stays an operation of its timestep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from hlspike.generators.extract.loop import joining
from hlspike.generators.extract.loop.table import terms, within
from hlspike.generators.extract.loop.values import Made, Sequence, Term, Total, Zero

if TYPE_CHECKING:
    from hlspike.generators.extract.loop.interpret import Interpreter

_ALIASES = ("detach", "detach_", "clone", "contiguous", "requires_grad_", "cpu", "cuda")
_ZEROS = ("zeros", "zeros_like", "new_zeros")
_SUMS = ("add", "iadd", "add_", "radd", "__add__", "__radd__", "__iadd__")
_SCALES = ("mul", "truediv", "div", "imul", "itruediv", "rmul", "__mul__", "__rmul__", "__truediv__", "true_divide")


def name(node: fx.Node) -> str:
    """Of the function or method that a node calls."""
    return str(node.target) if node.op == "call_method" else str(getattr(node.target, "__name__", node.target))


def where(node: fx.Node) -> str:
    """For messages: the module in whose forward a node stands, or the layer that it is."""
    if node.op == "call_module":
        return f"layer '{node.target}'"
    inside = node.meta.get("module")
    return (f"module '{inside}'" if inside else "model") + f": {name(node)}"


def described(value: Any) -> str:
    """A value, for messages."""
    match value:
        case Term(op="placeholder"):
            return "the input" if value.time is None else f"frame {value.time} of the input"
        case Term(op="call_module"):
            return f"the output of '{value.target}'"
        case Term(op="get_attr"):
            return f"the tensor '{value.target}'"
        case Term(args=(Term(op="call_module") as call, int() as place)):
            return f"the output of '{call.target}'" if place == 0 else f"a state of '{call.target}'"
        case Term():
            inner = next(terms(value.args), None)
            return f"{name(value.node)} of {described(inner)}" if inner is not None else name(value.node)
        case Zero():
            return "zeros"
        case Sequence():
            return "a sequence of timesteps"
        case Total():
            return "a sum over timesteps"
        case Made(what=what):
            return what
        case torch.Tensor():
            return "a tensor that is not zero"
        case _:
            return repr(value)


def apply(reader: Interpreter, node: fx.Node, args: Any, kwargs: Any) -> Any:
    """What `node` makes of these values; None if it is an operation on values of one timestep."""
    called = name(node)
    first = args[0] if args else kwargs.get("input")
    if node.op == "call_method" and called in _ALIASES:
        return first
    if called in _ZEROS:
        return Zero(node.meta.get("value"))
    if called in ("stack", "cat", "concat"):
        return joining.joined(called, node, first, args, kwargs)
    if called in _SUMS and len(args) > 1:
        return _added(reader, node, args[0], args[1])
    if isinstance(first, Total) and called in _SCALES and not any(within(args[1:], (Term, Sequence, Total, Made))):
        return Total(first.items, True)
    if isinstance(first, (tuple, list)) and called == "getitem":
        return first[args[1]]
    if isinstance(first, Zero) and called in ("getitem", "to", "float", "double", "expand", "repeat", "unsqueeze"):
        return Zero(node.meta.get("value"))
    if isinstance(first, Term):
        joining.refuse_batch(reader, called, node, first, args)
    if isinstance(first, Sequence):
        return joining.sequence(reader, called, node, first, args, kwargs)
    return None


def _added(reader: Interpreter, node: fx.Node, first: Any, second: Any) -> Any:
    for one, other in ((first, second), (second, first)):
        if (one == 0 and not isinstance(one, bool)) or isinstance(one, Zero):
            return other
    if isinstance(second, Total) and isinstance(first, Term):
        first, second = second, first
    if isinstance(second, Term):
        before = first.items if isinstance(first, Total) and not first.scaled else (first,)
        last = before[-1]
        if isinstance(last, Term) and last.key == second.key and last.time is not None and second.time == last.time + 1:
            return Total((*before, second))
    return None
