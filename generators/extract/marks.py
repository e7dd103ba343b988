"""Which module is the readout's marker: the class of that name of any package, one derived from it, or one like it; and
what it says.
"""

from __future__ import annotations

import contextlib
import operator
from typing import Any

import torch
from torch import nn

from hlspike.generators.settle.asked import ALIASES, KEYS, Foreign, Marker

MARKER = "SNNReadout"
"""Class name of the marker, whichever package it comes from."""
_PLAIN = "decision_rule"
"""The attribute that nothing but a marker has; of the others, β aside, it takes two."""


def is_marker(module: nn.Module) -> bool:
    """Whether `module` says how decisions are taken."""
    return _derived(module) or bool(likeness(module))


def likeness(module: nn.Module) -> tuple[str, ...]:
    """The attributes that make an identity of another name a marker; () if it is none."""
    if type(module).__module__.startswith(("torch.", "snntorch.")) or module._modules:
        return ()
    if not {*module._parameters, *module._buffers} <= {*KEYS, *ALIASES}:
        return ()
    found = tuple(key for key in (*KEYS, *ALIASES) if hasattr(module, key))
    enough = _PLAIN in found or len(set(found) - {"beta"}) > 1
    return found if enough and is_identity(module) else ()


def is_identity(module: nn.Module) -> bool:
    """Whether forward gives back what it is given."""
    trial = torch.linspace(-1.0, 1.0, 24, dtype=torch.float64).reshape(4, 6)
    with contextlib.suppress(Exception):
        return torch.equal(module.forward(trial), trial)
    return False


def remark(name: str, module: nn.Module) -> str | None:
    """What a report says of a marker that is not called so."""
    kind = type(module).__name__
    if kind == MARKER:
        return None
    if _derived(module):
        return f"readout '{name}': {kind} counts as the {MARKER} it is derived from"
    return f"readout '{name}': {kind} counts as an {MARKER}: it is an identity with {', '.join(likeness(module))}"


def marker(name: str, module: nn.Module) -> Marker:
    """What the marker `module` says: whatever its public attributes are, the report tells of those without effect."""
    internals = set(nn.Module().__dict__)
    held = {**module._parameters, **module._buffers, **module.__dict__}
    declared = {key: getattr(module, key) for key in (*KEYS, *ALIASES) if hasattr(module, key)}
    public = {key: value for key, value in held.items() if key not in internals and not key.startswith("_")}
    return Marker(name, {key: _plain(value) for key, value in {**public, **declared}.items()})


def _plain(value: Any) -> Any:
    single = value.numel() == 1 if isinstance(value, torch.Tensor) else getattr(value, "ndim", None) == 0
    if single and hasattr(value, "item"):
        value = value.item()
    for kind in (bool, int, float, str):
        # of a class derived from it no more is left than the value
        if isinstance(value, kind):
            return kind(value) if kind is not str else str.__str__(value)
    if value is None:
        return None
    with contextlib.suppress(Exception):
        return operator.index(value)
    return Foreign(repr(value))


def _derived(module: nn.Module) -> bool:
    return any(cls.__name__ == MARKER for cls in type(module).__mro__)
