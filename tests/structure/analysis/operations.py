"""The instructions of one iteration: what each computes, which of them only count, and which follow each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from analysis import ir
from analysis.loops import Loop

Kind = tuple[str, int]
"""Of an operation: what it does, and the bits of its result, or of what it compares."""
_KINDS = {
    "add": "add", "sub": "add", "mul": "multiply", "icmp": "compare", "select": "select", "and": "logic", "or": "logic",
    "xor": "logic", "udiv": "divide", "sdiv": "divide", "urem": "divide", "srem": "divide",
}
_MINIMUM = ("llvm.smax", "llvm.smin", "llvm.umax", "llvm.umin")
_SATURATING = ("llvm.sadd.sat", "llvm.ssub.sat", "llvm.uadd.sat", "llvm.usub.sat")
"""A sum and both bounds that confine it."""
_COUNTING = (*_KINDS, "zext", "sext", "trunc", "shl", "lshr", "ashr", "phi", "freeze")


class Body:
    """An iteration of a loop, or all of a function without one.

    Attributes:
        code: its instructions, each behind those that it rests on.
        carried: phi of the header → what the next iteration finds there.
        counting: values that follow from constants alone: counters, and what is computed from them.
    """

    def __init__(self, function: ir.Function, blocks: tuple[str, ...], loop: Loop | None) -> None:
        self.loop = loop
        self.definitions = function.definitions()
        self.code = [one for block in blocks for one in function.blocks[block]]
        self.within = {one.name for one in self.code if one.name}
        header = [one for one in function.blocks[loop.header] if one.op == "phi"] if loop else []
        self.header = {one.name for one in header}
        self.carried = {one.name: one.operands[one.blocks.index(loop.latch)] for one in header} if loop else {}
        self._branches = {block: function.blocks[block][-1] for block in blocks}
        self._before = {
            block: [one for one in before if one in self._branches] for block, before in function.predecessors().items()
        }
        self._compared = {frozenset(one.operands) for one in self.code if one.op == "icmp"}
        self._ranges = self._within_ranges()
        self.counting = self._counters()

    def kinds(self, one: ir.Instruction) -> list[Kind]:
        """What hardware has to do for an instruction; nothing where bits are only wired otherwise."""
        match one.op:
            case "phi":
                # values that meet behind branches; those of the header come from the iteration before
                return [] if one.name in self.header else [("select", one.width)] * (len(one.operands) - 1)
            case "shl" | "lshr" | "ashr":
                return [] if ir.constant(one.operands[1]) is not None else [("shift", one.width)]
            case "icmp":
                return [("compare", self._bits(one.operands))]
            case "call" if one.detail.startswith(_MINIMUM):
                return [("compare", one.width), ("select", one.width)]
            case "call" if one.detail.startswith(_SATURATING):
                return [("add", one.width), *[("compare", one.width), ("select", one.width)] * 2]
            case "add" if one.name in self._ranges:
                return []
            case "and" | "or" | "xor" if ir.constant(one.operands[1]) is not None:
                return []
        return [(_KINDS[one.op], one.width)] if one.op in _KINDS else []

    def operations(self) -> tuple[Counter[Kind], Counter[Kind]]:
        """Of the data, and of counters and addresses."""
        data = self._data()
        found: tuple[Counter[Kind], Counter[Kind]] = Counter(), Counter()
        for one in self.code:
            kinds = self.kinds(one)
            if one.op == "call" and frozenset(one.operands) in self._compared:
                kinds = kinds[1:]  # the comparison is there already
            for kind in kinds:
                found[one.name not in data][kind] += 1
        return found

    def operands(self, one: ir.Instruction) -> Iterator[str]:
        """What a value rests on; where branches meet, also the conditions that chose the way."""
        yield from one.operands
        if one.op == "phi" and one.name not in self.header:
            for block in one.blocks:
                yield from (value for branch in self._choosers(block) for value in branch.operands[:1])

    def path(self) -> int:
        """Operations that follow each other, at most."""
        longest: dict[str, int] = {}
        for one in self.code:
            given = [] if one.name in self.header else [longest.get(value, 0) for value in self.operands(one)]
            if one.name:
                longest[one.name] = max(given, default=0) + bool(self.kinds(one))
        return max(longest.values(), default=0)

    def _within_ranges(self) -> set[str]:
        """Sums with a constant that are only compared with constants: whether a value lies between two bounds."""
        users: dict[str, list[ir.Instruction]] = {}
        for one in self.code:
            for operand in one.operands:
                users.setdefault(operand, []).append(one)
        return {
            one.name for one in self.code
            if one.op == "add" and ir.constant(one.operands[1]) is not None
            and all(user.op == "icmp" and ir.constant(user.operands[1]) is not None for user in users.get(one.name, ()))
        }

    def _choosers(self, block: str) -> Iterable[ir.Instruction]:
        branch = self._branches.get(block)
        if branch is not None and len(branch.blocks) > 1:
            return [branch]
        return [self._branches[before] for before in self._before.get(block, ())]

    def _bits(self, operands: Iterable[str]) -> int:
        found = [self.definitions[operand].width for operand in operands if operand in self.definitions]
        return max(found, default=1)

    def _data(self) -> set[str]:
        """What reaches memory, streams, results or a value carried on, other than as an address or by counting."""
        stack = [one.operands[0] for one in self.code if one.op in ("store", "ret") and one.operands]
        stack += [back for name, back in self.carried.items() if name not in self.counting]
        stack += [operand for one in self.code if one.op == "call" for operand in one.operands]
        stack += [branch.operands[0] for branch in self._branches.values() if branch.op != "ret" and branch.operands]
        seen: set[str] = set()
        while stack:
            name = stack.pop()
            if name in seen or name not in self.within or name in self.counting:
                continue
            seen.add(name)
            if self.definitions[name].op not in ("load", "getelementptr"):
                stack += self.operands(self.definitions[name])
        return seen

    def _counters(self) -> set[str]:
        counters = set(self.carried)
        while True:
            counting = self._following(counters)
            kept = {name for name in counters if _is_counting(self.carried[name], counting)}
            if kept == counters:
                return counting
            counters = kept

    def _following(self, counters: set[str]) -> set[str]:
        found = set(counters)
        for one in self.code:
            if one.name and one.name not in self.header and one.op in _COUNTING and all(
                _is_counting(operand, found) for operand in self.operands(one)
            ):
                found.add(one.name)
        return found


def _is_counting(value: str, counting: set[str]) -> bool:
    return value in counting or ir.constant(value) is not None
