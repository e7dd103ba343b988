"""The user's PyTorch module, built by the callable that a configuration names and loaded with its parameters."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from hlspike.generators.errors import ConfigError
from hlspike.tasks.inputs.child import seed
from hlspike.tasks.inputs.loading import Loader
from hlspike.tasks.sources import checkpoint
from hlspike.tasks.system import files

_SAMPLES = 8
_TOLERANCE = 1e-3
"""Relative, between processors: generators that nobody seeded differ by more."""


def load_module(
    loader: Loader, model: Mapping[str, Any], number: int, state: str | None, module: nn.Module | None = None,
    notes: list[str] | None = None,
) -> nn.Module:
    """The module of the configuration `model`.

    Args:
        number: the seed.
        state: file of the parameters to load, None for those it is made with.
        module: to load them into, None for a new one.
        notes: to which is added what the report has to say of the parameters.
    Raises:
        ConfigError: there is no such module, or the parameters are not its own.
    """
    source = model["source"]
    if source.endswith(".nir"):
        raise ConfigError(f"model.source: {source}: NIR graphs are not read yet; name a callable")
    if module is None:
        seed(number)
        module = loader.call("model.source", source, **model["kwargs"])
    if isinstance(module, type):
        raise ConfigError(f"model.source: {source} returned the class {module.__name__}; return {module.__name__}(…)")
    if not isinstance(module, nn.Module):
        raise ConfigError(f"model.source: {source} returned a {type(module).__name__}; return an nn.Module")
    if "_parameters" not in module.__dict__:
        raise ConfigError(
            f"model.source: __init__ of {type(module).__name__} does not call super().__init__(); let it do so first"
        )
    if state is not None:
        told = checkpoint.load("model.checkpoint" if state == model["checkpoint"] else "model.train", module, state)
        if notes is not None:
            notes.extend(told)
    return module


@dataclass(frozen=True, slots=True)
class Parameter:
    """What tells two values of a parameter apart: its shape, its bytes, and a few numbers that all of it enters."""

    shape: tuple[int, ...]
    digest: str
    numbers: tuple[float, ...]

    def is_same(self, other: Parameter, exactly: bool) -> bool:
        if exactly or self.shape != other.shape:
            return (self.shape, self.digest) == (other.shape, other.digest)
        size = max((abs(value) for value in (*self.numbers, *other.numbers) if value == value), default=0.0)
        pairs = zip(self.numbers, other.numbers, strict=True)
        return all(abs(a - b) <= _TOLERANCE * size or a == b or (a != a and b != b) for a, b in pairs)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What tells the parameters of two modules apart, and the processor that computed them."""

    processor: str
    parameters: Mapping[str, Parameter]

    def to_json(self) -> dict[str, Any]:
        known = {name: [list(one.shape), one.digest, list(one.numbers)] for name, one in self.parameters.items()}
        return {"processor": self.processor, "parameters": known}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Fingerprint:
        return Fingerprint(data["processor"], {
            name: Parameter(tuple(shape), digest, tuple(numbers))
            for name, (shape, digest, numbers) in data["parameters"].items()
        })

    def check(self, module: nn.Module, source: str, then: str) -> None:
        """Raises ConfigError if `module` does not have these parameters; `then` is when it had."""
        found = fingerprint(module)
        for name in (*self.parameters, *(name for name in found.parameters if name not in self.parameters)):
            first, second = self.parameters.get(name), found.parameters.get(name)
            # processors may differ in the last bits
            exactly = self.processor == found.processor
            if first is None or second is None or not first.is_same(second, exactly):
                raise ConfigError(
                    f"model.source: {source} gives other values of '{name}' now than {then}, although random, NumPy "
                    "and torch are seeded alike; let every call give the same module: seed its own generators, use no "
                    "time"
                )


def fingerprint(module: nn.Module) -> Fingerprint:
    """Of parameters and buffers, at their present values."""
    values = {name: value.detach() for name, value in module.state_dict().items()
              if isinstance(value, torch.Tensor) and not is_lazy(value)}
    return Fingerprint(_processor(), {
        name: Parameter(tuple(value.shape), _digest(value), _numbers(value)) for name, value in values.items()
    })


def _processor() -> str:
    """What decides how floating-point functions are computed."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    told = sorted({line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part"))})
    return files.digest("\n".join(told).encode())[:16]


def _digest(value: torch.Tensor) -> str:
    plain = value.to_dense().to("cpu").contiguous().reshape(-1)
    return files.digest(plain.view(torch.uint8).numpy().tobytes() if plain.numel() else b"")[:16]


def _numbers(value: torch.Tensor) -> tuple[float, ...]:
    flat = value.to_dense().to("cpu")
    flat = (flat.abs() if flat.is_complex() else flat).to(torch.float64).reshape(-1)
    sums = (float(flat.mean()), float(flat.abs().mean()), float(flat.std(correction=0))) if flat.numel() else ()
    return *sums, *flat[:_SAMPLES].tolist()
