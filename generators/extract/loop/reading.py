"""A module whose forward holds the time loop → its timestep.

In: the module and the shape of a timestep. Out: the folded timestep with the copy whose layers it calls, or why there
is none.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from torch import fx, nn

from hlspike.generators.errors import UnsupportedModel
from hlspike.generators.extract.float64 import first_sentence, float64_copy
from hlspike.generators.extract.loop.fold import Folded, fold
from hlspike.generators.extract.loop.joining import WrongLayout
from hlspike.generators.extract.loop.layouts import Layout, TimeAxis, layouts
from hlspike.generators.extract.loop.unroll import unroll


@dataclass(frozen=True, slots=True)
class Unrolled:
    """The folded timestep, and the private copy whose layers it calls."""

    module: nn.Module
    folded: Folded


def read_loop(module: nn.Module, shape: tuple[int, ...], axis: TimeAxis) -> Unrolled | None:
    """The timestep of the time loop in `module`'s forward; None if there is no loop.

    Raises:
        UnsupportedModel: there is one, but its timesteps differ, or cannot be built.
    """
    parameters = list(inspect.signature(type(module).forward).parameters.values())[2:]
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    required = {p.name: None for p in named if p.default is p.empty}
    defaults = {p.name: p.default for p in named if p.default is None or isinstance(p.default, (bool, int, float, str))}
    refusal: UnsupportedModel | None = None
    for layout in layouts(float64_copy(module), shape, axis, required):
        try:
            return _folded(module, layout, {**required, **defaults}, tuple(required))
        except WrongLayout:
            continue
        except UnsupportedModel as error:
            refusal = refusal or error
        except fx.proxy.TraceError as error:
            refusal = refusal or UnsupportedModel(
                f"model: forward of {type(module).__name__} loops over time and cannot be followed "
                f"({first_sentence(error)}); take the same path whatever the values are"
            )
    if refusal is not None:
        raise refusal
    return None


def _folded(module: nn.Module, layout: Layout, concrete: dict[str, Any], required: tuple[str, ...]) -> Unrolled:
    private = float64_copy(module)
    return Unrolled(private, fold(private, unroll(private, layout, concrete), layout, required))
