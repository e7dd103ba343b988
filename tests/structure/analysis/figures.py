"""What decides the schedule of a loop: how often it runs, what an iteration does, and what the next has to wait for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from analysis import ir
from analysis.accesses import Access, Indices, Partition
from analysis.front import STREAMS, Compiled, Note
from analysis.loops import Loop, loops_of, ordered
from analysis.operations import Body, Kind
from analysis.recurrences import Recurrence, recurrences

_MOST_DIMENSIONS = 3
"""Of an array all of whose dimensions are split."""
NOTHING = Recurrence(Counter(), 1, "")


@dataclass(frozen=True, slots=True)
class Memory:
    """The accesses of one iteration to an array.

    Attributes:
        loads, stores: of different elements.
        variable: those of them of which data decide in which of the array's memories they lie.
        busiest: accesses to the memory that has most; 1 for all parts of one word.
        word: bits of an element.
    """

    array: str
    loads: int
    stores: int
    variable: int
    busiest: int
    word: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one loop, or of a function without any.

    Attributes:
        function: as C++ has it.
        label: of the loop in the source, "" if it has none.
        pipelined: whether a pragma asks for it.
        trips: None if data decide.
        operations: of an iteration, those of counters and of addresses left out.
        counting: those of counters and of addresses.
        recurrence: the longest of the data.
        path: operations that follow each other, at most.
        streams: reads and writes of streams.
        inner: labels of loops that are left within.
    """

    function: str
    label: str
    pipelined: bool
    trips: int | None
    operations: Counter[Kind]
    counting: Counter[Kind]
    recurrence: Recurrence
    path: int
    memories: tuple[Memory, ...]
    streams: int
    inner: tuple[str, ...]

    def count(self, what: str) -> int:
        return sum(number for (kind, _), number in self.operations.items() if kind == what)

    @property
    def variable_banks(self) -> tuple[str, ...]:
        return tuple(memory.array for memory in self.memories if memory.variable)


def figures(
    unit: Compiled,
    splits: Mapping[str, Sequence[Partition]] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
) -> tuple[Figures, ...]:
    """Of every loop of every function, outermost first; of a function without loop, one without label.

    Args:
        splits: array → how it is split, where another unit says so.
        shapes: of the arrays that are parameters; without, they have as many dimensions as indices.
    """
    splits = {**partitions(unit.notes), **(splits or {})}
    found: list[Figures] = []
    for function in unit.module.functions.values():
        if function.name.startswith("_GLOBAL__"):
            continue  # C++ has arrays built there when a program starts; hardware has not
        loops = loops_of(function, unit.module, unit.loops)
        for loop in loops or (None,):
            blocks = loop.blocks if loop else tuple(ordered(function))
            inner = [one.label or "?" for one in loops if loop and set(one.blocks) < set(loop.blocks)]
            found.append(_of(unit, function, blocks, loop, tuple(inner), splits, shapes or {}))
    return tuple(found)


def _of(
    unit: Compiled, function: ir.Function, blocks: tuple[str, ...], loop: Loop | None, inner: tuple[str, ...],
    splits: Mapping[str, Sequence[Partition]], shapes: Mapping[str, tuple[int, ...]],
) -> Figures:
    body = Body(function, blocks, loop)
    indices = Indices(unit.module, body.definitions, shapes)
    accesses = [indices.access(one) for one in body.code if one.op in ("load", "store")]
    found = [
        Recurrence(one.operations, one.iterations, plain(one.through)) for one in recurrences(body, accesses)
    ]
    operations, counting = body.operations()
    arrays = [access for access in accesses if _is_array(access, unit.module, body)]
    streams = sum(one.op == "call" and one.detail in STREAMS for one in body.code)
    return Figures(
        function.name, loop.label if loop else "", loop.pipelined if loop else _is_pipelined(unit, function),
        loop.trips if loop else 1, operations, counting,
        max(found, key=lambda one: (one.length, one.operations.total()), default=NOTHING), body.path(),
        tuple(_memories(arrays, splits, body)), streams, inner,
    )


def _is_pipelined(unit: Compiled, function: ir.Function) -> bool:
    """Whether a pragma of the function itself, and of no loop in it, says so."""
    own = (note.pragma for note in unit.notes if note.function == function.name)
    return any(pragma.kind == "PIPELINE" and not pragma.loop for pragma in own)


def _is_array(access: Access, module: ir.Module, body: Body) -> bool:
    """Neither a single value, nor a word on its way into or out of a stream."""
    if access.array.startswith("@"):
        return module.globals.get(access.array, "").startswith("[")
    definition = body.definitions.get(access.array)
    if definition is None:
        return bool(access.indices)  # a parameter that is indexed
    return definition.op == "alloca" and definition.type.startswith("[")


def _memories(accesses: Sequence[Access], splits: Mapping[str, Sequence[Partition]], body: Body) -> Iterable[Memory]:
    for array in dict.fromkeys(access.array for access in accesses):
        own = tuple(splits.get(plain(array), ()))
        each = {(one.op, one.indices): one for one in accesses if one.array == array}.values()
        places = [_places(access, own, body, False) for access in each]
        words = {(access.op, place, _word(access, own)) for access, place in zip(each, places, strict=True)}
        banks = Counter(place for _, place, _ in words)
        ops = Counter(access.op for access in each)
        yield Memory(
            plain(array), ops["load"], ops["store"], sum(None in _places(one, own, body, True) for one in each),
            max(banks.values()), max(access.word for access in each),
        )


def _places(
    access: Access, splits: Sequence[Partition], body: Body, within_words: bool
) -> tuple[int | str | None, ...]:
    """In which memory an element lies and, if asked for, at which place of its word; None where data decide."""
    invariant = frozenset(name for index in access.indices for name, _ in index.factors if name not in body.within)
    return tuple(split.bank(access.indices, invariant) for split in splits if within_words or not split.reshaped)


def _word(access: Access, splits: Sequence[Partition]) -> tuple[object, ...]:
    """What tells one word of a memory from another: the indices that no reshaping has taken in."""
    taken = {split.dim - 1 for split in splits if split.reshaped}
    return tuple(index for place, index in enumerate(access.indices) if place not in taken)


def partitions(notes: Iterable[Note]) -> dict[str, tuple[Partition, ...]]:
    """Variable → how it is split, by the pragmas that name it."""
    found: dict[str, dict[Partition, None]] = {}
    for note in notes:
        if note.pragma.kind in ("ARRAY_PARTITION", "ARRAY_RESHAPE"):
            options = note.pragma.options
            factor = note.factor if "factor" in options else 0
            every = "dim" in options and note.dim == 0
            for dim in range(1, _MOST_DIMENSIONS + 1) if every else (note.dim or 1,):
                split = Partition(dim, factor, "block" in options, note.pragma.kind == "ARRAY_RESHAPE")
                if factor != 1:
                    found.setdefault(options["variable"], {})[split] = None
    return {name: tuple(splits) for name, splits in found.items()}


def plain(array: str) -> str:
    """The name of an array as the source has it, without what mangling and inlining have added."""
    whole = array.strip('%@"')
    name = whole.removeprefix("_ZN12_GLOBAL__N_1").removeprefix("_ZL")
    if name == whole:
        return name.split(".")[0]
    digits = re.match(r"\d+", name)[0]  # type: ignore[index]
    for start in range(len(digits)):
        length = int(digits[start:])
        if name[len(digits) + length:] in ("", "E"):
            return name[len(digits):len(digits) + length]
    return name
