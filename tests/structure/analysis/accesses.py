"""Which element of an array an instruction touches, as far as the code says, and in which of its memories that lies."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from analysis import ir


@dataclass(frozen=True, slots=True)
class Index:
    """constant + Σ factor · value, over values that the code does not resolve."""

    constant: int
    factors: tuple[tuple[str, int], ...] = ()

    @property
    def is_constant(self) -> bool:
        return not self.factors

    def scaled(self, factor: int) -> Index:
        return Index(self.constant * factor, tuple((name, k * factor) for name, k in self.factors) if factor else ())

    def plus(self, other: Index, sign: int = 1) -> Index:
        total = dict(self.factors)
        for name, factor in other.factors:
            total[name] = total.get(name, 0) + sign * factor
        kept = tuple(sorted((name, factor) for name, factor in total.items() if factor))
        return Index(self.constant + sign * other.constant, kept)


@dataclass(frozen=True, slots=True)
class Access:
    """A load or store.

    Attributes:
        array: name of a global, a parameter or a local array.
        indices: one per dimension, the outermost first; a flat array has one.
        word: bits of what is touched.
    """

    op: str
    array: str
    indices: tuple[Index, ...]
    word: int
    instruction: ir.Instruction


@dataclass(slots=True)
class Indices:
    """Indices of a function's addresses.

    Attributes:
        shapes: of the arrays that are parameters, whose types the code does not keep.
    """

    module: ir.Module
    definitions: Mapping[str, ir.Instruction]
    shapes: Mapping[str, tuple[int, ...]]
    _known: dict[str, Index] = field(default_factory=dict)

    def access(self, one: ir.Instruction) -> Access:
        """Of a load or store."""
        pointer = one.operands[-1]
        array, indices = self._address(pointer)
        indices = self._in_shape(indices, self._shape(array))
        return Access(one.op, array, indices, one.width, one)

    def _address(self, pointer: str) -> tuple[str, tuple[Index, ...]]:
        """Base and indices of a pointer."""
        step = ir.expression(pointer) if pointer.startswith("getelementptr") else self.definitions.get(pointer)
        if step is None or step.op != "getelementptr":
            return pointer, ()
        base, before = self._address(step.operands[0])
        own = self._own(step)
        if before:
            # the first index moves among elements of the kind that the address before it names
            return base, (*before[:-1], before[-1].plus(own[0]), *own[1:])
        return base, own[1:] if len(own) > max(len(self._shape(base)), 1) else own

    def _shape(self, base: str) -> tuple[int, ...]:
        """Of an array, outermost first; empty if nothing says it."""
        declared = self.module.globals.get(base, "")
        if base in self.definitions and self.definitions[base].op == "alloca":
            declared = self.definitions[base].type
        if not declared:
            return self.shapes.get(base.strip("%").split(".")[0], ())
        return tuple(map(int, re.findall(r"(\d+) x ", re.match(r"(?:\[\d+ x )*", declared)[0])))  # type: ignore[index]

    def _in_shape(self, indices: tuple[Index, ...], shape: tuple[int, ...]) -> tuple[Index, ...]:
        """One index per dimension: an address may count through all elements, row after row."""
        if not indices:
            return (Index(0),) * max(len(shape), 1)
        found = list(indices)
        while len(found) < len(shape):
            row = shape[len(shape) - len(found)]
            flat = found[0]
            if row == 1 or all(factor % row == 0 for _, factor in flat.factors):
                whole = tuple((name, factor // row) for name, factor in flat.factors)
                found[:1] = [Index(flat.constant // row, whole), Index(flat.constant % row)]
            else:
                found[:1] = [Index(0, flat.factors), flat]
        return tuple(found)

    def _own(self, step: ir.Instruction) -> tuple[Index, ...]:
        """Indices of one getelementptr, without those that only choose the single member of a struct."""
        kind, kept = step.detail, [self.index(step.operands[1])]
        for operand in step.operands[2:]:
            kind = self.module.types.get(kind, kind)
            if array := re.match(r"\[(\d+) x (.*)\]$", kind):
                kind = array[2]
                kept.append(self.index(operand))
            else:
                members = ir.members(kind)
                number = ir.constant(operand) or 0
                kind = members[number]
                if len(members) > 1:
                    kept.append(Index(number))
        # what is left out is the first
        while array := re.match(r"\[(\d+) x (.*)\]$", self.module.types.get(kind, kind)):
            kind = array[2]
            kept.append(Index(0))
        return tuple(kept)

    def index(self, value: str) -> Index:
        number = ir.constant(value)
        if number is not None:
            return Index(number)
        if value not in self._known:
            self._known[value] = self._resolved(value)
        return self._known[value]

    def _resolved(self, value: str) -> Index:
        one = self.definitions.get(value)
        unknown = Index(0, ((value, 1),))
        if one is None:
            return unknown
        match one.op:
            case "zext" | "sext" | "trunc" | "freeze":
                return self.index(one.operands[0])
            case "add" | "sub":
                return self.index(one.operands[0]).plus(self.index(one.operands[1]), 1 if one.op == "add" else -1)
            case "shl" if ir.constant(one.operands[1]) is not None:
                return self.index(one.operands[0]).scaled(1 << (ir.constant(one.operands[1]) or 0))
            case "mul" if ir.constant(one.operands[1]) is not None:
                return self.index(one.operands[0]).scaled(ir.constant(one.operands[1]) or 0)
            case "or":
                return self._joined(one, unknown)
        return unknown

    def _joined(self, one: ir.Instruction, unknown: Index) -> Index:
        """An `or` adds where its constant has only bits that the other operand never has."""
        added, base = ir.constant(one.operands[1]), self.index(one.operands[0])
        if added is None or added < 0 or base.constant % (1 << added.bit_length()):
            return unknown
        free = all(factor % (1 << added.bit_length()) == 0 for _, factor in base.factors)
        return base.plus(Index(added)) if free else unknown


@dataclass(frozen=True, slots=True)
class Partition:
    """How dimension `dim` of an array, counted from 1, is split.

    Attributes:
        factor: into so many memories; 0: each element by itself.
        block: of neighbours, rather than every factor-th.
        reshaped: into parts of one word, rather than memories.
    """

    dim: int
    factor: int
    block: bool
    reshaped: bool

    def bank(self, indices: Sequence[Index], invariant: frozenset[str]) -> int | str | None:
        """The number of the memory; a text if a value decides that does not change within the loop; None if one does.

        Args:
            invariant: values that are the same in every iteration.
        """
        # an index that is not there is 0
        index = indices[self.dim - 1] if self.dim <= len(indices) else Index(0)
        if self.factor and not self.block:
            moving = [(name, k) for name, k in index.factors if k % self.factor]
            number: int = index.constant % self.factor
        else:
            moving, number = list(index.factors), index.constant
        if not moving:
            return number
        return str(index) if all(name in invariant for name, _ in moving) else None
