"""What the user's modules keep in their attributes, put back as it was: whatever forward has added, filled or replaced.

Layers and parameters are not copied: they stand for themselves.
"""

from __future__ import annotations

import copy
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch import Tensor, nn

from hlspike.generators.extract.float64 import attributes, is_leaf

_NO_BOXES = (str, bytes, int, float, Tensor, type, types.ModuleType, types.FunctionType, types.MethodType)


class Snapshot:
    """The attributes and buffers of every module of `root` that is no layer."""

    def __init__(self, root: nn.Module) -> None:
        self._root = root
        self._same = {id(item): item for item in (*root.modules(), *root.parameters())}
        parts = {path: part for path, part in root.named_modules() if not is_leaf(part)}
        self._held = self._copied({path: (attributes(part), dict(part._buffers)) for path, part in parts.items()})

    def restore(self) -> None:
        for path, (held, buffers) in self._copied(self._held).items():
            part = self._root.get_submodule(path)
            for name in attributes(part).keys() - held.keys():
                del part.__dict__[name]
            part.__dict__.update(held)
            part._buffers.clear()
            part._buffers.update(buffers)

    def _copied(self, value: Any) -> Any:
        return copy.deepcopy(value, dict(self._same))


def strays(root: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """(attribute, module) of what is kept where PyTorch does not see it: in tuples, objects and other boxes."""
    known = {id(part) for part in root.modules()}
    for path, part in root.named_modules():
        if not is_leaf(part):
            for name, value in attributes(part).items():
                found = next((item for item in _within(value, set()) if id(item) not in known), None)
                if found is not None:
                    yield ".".join(filter(None, (path, name))), found


def _within(value: Any, seen: set[int]) -> Iterator[nn.Module]:
    if isinstance(value, nn.Module):
        yield value
    elif id(value) not in seen and not isinstance(value, _NO_BOXES):
        seen.add(id(value))
        inner: Iterable[Any] = ()
        if isinstance(value, Mapping):
            inner = [*value.values(), *value.keys()]
        elif isinstance(value, (list, tuple, set, frozenset)) or type(value).__name__ == "deque":
            inner = list(value)
        elif hasattr(value, "__dict__"):
            inner = list(vars(value).values())
        for item in inner:
            yield from _within(item, seen)
