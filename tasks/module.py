"""The user's PyTorch module, built by the callable that a configuration names and loaded with its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from generators.errors import ConfigError
from tasks import checkpoint
from tasks.inputs.child import seed
from tasks.inputs.loading import Loader

_SAMPLES = 8
_TOLERANCE = 1e-3
"""Relative: machines may differ in the last bits, generators that nobody seeded differ in the first."""


def load_module(
    loader: Loader, model: Mapping[str, Any], number: int, state: str | None, module: nn.Module | None = None
) -> nn.Module:
    """The module of the configuration `model`.

    Args:
        number: the seed.
        state: file of the parameters to load, None for those it is made with.
        module: to load them into, None for a new one.
    Raises:
        ConfigError: there is no such module, or the parameters are not its own.
    """
    source = model["source"]
    if source.endswith(".nir"):
        raise ConfigError(f"model.source: {source}: NIR graphs are not read yet; name a callable")
    if module is None:
        seed(number)
        module = loader.call("model.source", source, **model["kwargs"])
    if not isinstance(module, nn.Module):
        raise ConfigError(f"model.source: {source} returned a {type(module).__name__}; return an nn.Module")
    if state is not None:
        checkpoint.load("model.checkpoint" if state == model["checkpoint"] else "model.train", module, state)
    return module


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What tells the parameters of two modules apart: of each its shape, and a few numbers that all of it enters."""

    parameters: Mapping[str, tuple[list[int], list[float]]]

    def to_json(self) -> dict[str, Any]:
        return {name: list(known) for name, known in self.parameters.items()}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Fingerprint:
        return Fingerprint({name: (shape, values) for name, (shape, values) in data.items()})

    def check(self, module: nn.Module, source: str, then: str) -> None:
        """Raises ConfigError if `module` does not have these parameters; `then` is when it had."""
        found = fingerprint(module).parameters
        for name in (*self.parameters, *(name for name in found if name not in self.parameters)):
            if not _same(self.parameters.get(name), found.get(name)):
                raise ConfigError(
                    f"model.source: {source} gives other values of '{name}' now than {then}, although random, NumPy "
                    "and torch are seeded alike; let every call give the same module: seed its own generators, use no "
                    "time"
                )


def fingerprint(module: nn.Module) -> Fingerprint:
    """Of parameters and buffers, at their present values."""
    return Fingerprint({
        name: (list(value.shape), _numbers(value.detach()))
        for name, value in module.state_dict().items() if isinstance(value, torch.Tensor) and not is_lazy(value)
    })


def _numbers(value: torch.Tensor) -> list[float]:
    flat = value.to(dtype=torch.float64, device="cpu").reshape(-1)
    sums = [] if len(flat) == 0 else [float(flat.mean()), float(flat.abs().mean()), float(flat.std(correction=0))]
    return [*sums, *flat[:_SAMPLES].tolist()]


def _same(first: tuple[list[int], list[float]] | None, second: tuple[list[int], list[float]] | None) -> bool:
    if first is None or second is None or first[0] != second[0]:
        return False
    size = max((abs(value) for value in (*first[1], *second[1]) if value == value), default=0.0)
    pairs = zip(first[1], second[1], strict=True)
    return all(abs(a - b) <= _TOLERANCE * size or a == b or (a != a and b != b) for a, b in pairs)
