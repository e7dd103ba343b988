"""What an iteration has to wait for: the ways by which a value rests on that of an iteration before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from analysis import ir
from analysis.accesses import Access, Index
from analysis.operations import Body

Ways = Mapping[str, Mapping[str, Counter[str]]]
"""Value → each value carried or loaded that it rests on → operations of the longest way between them."""
_MOST_PARTS = 4
"""Values that a way round may lead through."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A way round.

    Attributes:
        operations: on it, by what they do.
        iterations: that it takes.
        through: what carries it: the name of an array, or "" for a value.
    """

    operations: Counter[str]
    iterations: int
    through: str

    @property
    def length(self) -> float:
        """Operations per iteration."""
        return self.operations.total() / self.iterations


def recurrences(body: Body, accesses: Sequence[Access]) -> Iterator[Recurrence]:
    """Those of the data; that of a counter is an addition, always. Of a function without loop an iteration is a call,
    and only what is static carries anything on."""
    ways = _ways(body)
    for name in body.carried:
        if name not in body.counting:
            yield from (Recurrence(kinds, count, "") for kinds, count in _rounds(name, body.carried, ways))
    for load, store, iterations in _through_memory(body, accesses):
        kinds = ways.get(store.instruction.operands[0], {}).get(load.instruction.name)
        if kinds is not None:
            yield Recurrence(kinds, iterations, load.array)


def _ways(body: Body) -> Ways:
    sources = {*body.carried, *(one.name for one in body.code if one.op == "load")} - body.counting
    found: dict[str, dict[str, Counter[str]]] = {name: {name: Counter()} for name in sources}
    for one in body.code:
        if not one.name or one.name in body.header or one.op == "load":
            continue
        longest: dict[str, Counter[str]] = {}
        for value in body.operands(one):
            for source, kinds in found.get(value, {}).items():
                if source not in longest or kinds.total() > longest[source].total():
                    longest[source] = kinds
        own = Counter(kind for kind, _ in body.kinds(one))
        if longest:
            found[one.name] = {source: kinds + own for source, kinds in longest.items()} if own else longest
    return found


def _rounds(start: str, carried: Mapping[str, str], ways: Ways) -> Iterator[tuple[Counter[str], int]]:
    """Ways from a carried value to itself, through others too, with the iterations they take."""
    stack: list[tuple[str, Counter[str], tuple[str, ...]]] = [(start, Counter(), (start,))]
    while stack:
        name, kinds, passed = stack.pop()
        for source, own in ways.get(carried[name], {}).items():
            if source == start:
                yield kinds + own, len(passed)
            elif source in carried and source not in passed and len(passed) < _MOST_PARTS:
                stack.append((source, kinds + own, (*passed, source)))


def _through_memory(body: Body, accesses: Sequence[Access]) -> Iterable[tuple[Access, Access, int]]:
    """Loads of what a store of an earlier iteration may have left, and how many iterations lie between."""
    for store in (access for access in accesses if access.op == "store"):
        for load in accesses:
            if load.op == "load" and load.array == store.array:
                iterations = _between(body, load, store) if body.loop else _calls(load, store)
                if iterations:
                    yield load, store, iterations


def _calls(load: Access, store: Access) -> int:
    if not load.array.startswith("@"):
        return 0
    apart = [other.plus(one, -1) for one, other in zip(load.indices, store.indices, strict=False)]
    return int(not any(index.is_constant and index.constant for index in apart))


def _between(body: Body, load: Access, store: Access) -> int:
    """Iterations after which the load finds what the store has left; 0: never; 1 where the code does not say."""
    found: set[int] = set()
    for one, other in zip(load.indices, store.indices, strict=False):
        apart, step = other.plus(one, -1), _step(body, one)
        if not apart.is_constant or step is None:
            return 1
        if step == 0 and apart.constant:
            return 0
        if step:
            if apart.constant % step or apart.constant // step <= 0:
                return 0
            found.add(apart.constant // step)
    return found.pop() if len(found) == 1 else int(not found)


def _step(body: Body, index: Index) -> int | None:
    """By how much an index grows from one iteration to the next; None if data or other counters decide."""
    total = 0
    for name, factor in index.factors:
        if name not in body.within:
            continue
        added = body.definitions.get(body.carried.get(name, ""))
        if added is None or added.op != "add" or name not in added.operands:
            return None
        by = ir.constant(next((value for value in added.operands if value != name), ""))
        if by is None:
            return None
        total += factor * by
    return total
