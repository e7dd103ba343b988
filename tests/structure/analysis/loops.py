"""Loops of a function: their blocks, their names in the source, and how often they run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from analysis import ir
from analysis.pragmas import Written
from analysis.trips import trips_of


@dataclass(frozen=True, slots=True)
class Loop:
    """A natural loop.

    Attributes:
        label, pipelined: as in the source; see `pragmas.Written`.
        header, latch: its first block, and the one that goes back.
        blocks: in the order in which they run, those of inner loops included.
        trips: how often it runs each time; None if data decides.
        depth: 1 if no loop is around it.
    """

    label: str
    pipelined: bool
    header: str
    latch: str
    blocks: tuple[str, ...]
    trips: int | None
    depth: int


def loops_of(
    function: ir.Function, module: ir.Module, sources: Mapping[tuple[str, int], Written]
) -> tuple[Loop, ...]:
    """The outermost first, in the order of the code.

    Args:
        sources: file and line of a `for` → the loop; see `front`.
    """
    order = ordered(function)
    dominators = _dominators(function, order)
    before = function.predecessors()
    found: dict[str, tuple[str, set[str]]] = {}
    for block in order:
        for after in function.successors(block):
            if after in dominators[block]:
                found[after] = block, found.get(after, ("", set()))[1] | _body(after, block, before)
    loops = []
    for header, (latch, body) in found.items():
        depth = sum(header in other for _, other in found.values())
        blocks = tuple(block for block in order if block in body)
        source = _source(function.blocks[latch][-1].loop, module, sources)
        trips = trips_of(function, header, latch, blocks)
        loops.append(Loop(source.label, source.pipelined, header, latch, blocks, trips, depth))
    return tuple(sorted(loops, key=lambda loop: (order.index(loop.header), loop.depth)))


def ordered(function: ir.Function) -> list[str]:
    """Blocks in an order in which each comes after those that lead to it, but for the way back of a loop."""
    seen: set[str] = set()
    found: list[str] = []
    stack: list[tuple[str, list[str]]] = []
    first = next(iter(function.blocks))
    stack.append((first, list(function.successors(first))))
    seen.add(first)
    while stack:
        block, after = stack[-1]
        if after:
            following = after.pop()
            if following not in seen:
                seen.add(following)
                stack.append((following, list(function.successors(following))))
        else:
            found.append(block)
            stack.pop()
    return found[::-1]


def _dominators(function: ir.Function, order: list[str]) -> dict[str, set[str]]:
    before = function.predecessors()
    found = {block: set(order) for block in order}
    found[order[0]] = {order[0]}
    changed = True
    while changed:
        changed = False
        for block in order[1:]:
            known = [found[one] for one in before[block] if one in found]
            new = set.intersection(*known) | {block} if known else {block}
            changed |= new != found[block]
            found[block] = new
    return found


def _body(header: str, latch: str, before: Mapping[str, list[str]]) -> set[str]:
    body, stack = {header}, [latch]
    while stack:
        block = stack.pop()
        if block not in body:
            body.add(block)
            stack += before[block]
    return body


def _source(loop: str, module: ir.Module, sources: Mapping[tuple[str, int], Written]) -> Written:
    """By the place where the loop begins, which its metadata names."""
    for reference in re.findall(r"!\d+", module.metadata.get(loop, "")):
        place = re.search(r"!DILocation\(line: (\d+).*?scope: (!\d+)", module.metadata.get(reference, ""))
        if place:
            name = _file(place[2], module)
            for (path, line), source in sources.items():
                if line == int(place[1]) and name.endswith(path):
                    return source
    return Written("", False)


def _file(scope: str, module: ir.Module) -> str:
    text = module.metadata[scope]
    file = re.search(r"file: (!\d+)", text)
    assert file is not None, text
    return re.search(r'filename: "([^"]*)"', module.metadata[file[1]])[1]  # type: ignore[index]
