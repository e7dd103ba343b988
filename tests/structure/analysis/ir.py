"""LLVM's assembly language as plain values: just what the code of loops is made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from analysis.instructions import Instruction, constant, expression, instruction, leading_type, members

__all__ = ("Function", "Instruction", "Module", "constant", "expression", "members", "parse")


@dataclass(slots=True)
class Function:
    """Blocks by label, in order; the first is the entry."""

    name: str
    parameters: tuple[str, ...]
    blocks: dict[str, list[Instruction]] = field(default_factory=dict)

    def successors(self, block: str) -> tuple[str, ...]:
        return self.blocks[block][-1].blocks

    def predecessors(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {block: [] for block in self.blocks}
        for block in self.blocks:
            for after in self.successors(block):
                found[after].append(block)
        return found

    def definitions(self) -> dict[str, Instruction]:
        return {one.name: one for block in self.blocks.values() for one in block if one.name}


@dataclass(frozen=True, slots=True)
class Module:
    """Functions that have a body, the types of global arrays, struct types, and metadata as text."""

    functions: dict[str, Function]
    globals: dict[str, str]
    types: dict[str, str]
    metadata: dict[str, str]


def parse(text: str) -> Module:
    functions: dict[str, Function] = {}
    variables, types, metadata = {}, {}, {}
    current: Function | None = None
    block: list[Instruction] = []
    for line in joined(text):
        if current is not None:
            if line == "}":
                current = None
            elif label := re.match(r'("[^"]*"|[-\w.$]+):', line):
                block = current.blocks.setdefault("%" + label[1], [])
            elif line.startswith("  "):
                if not current.blocks:
                    block = current.blocks.setdefault("%0", [])
                block += filter(None, [instruction(line.strip())])
        elif line.startswith("define"):
            name, given = re.search(r'@("[^"]*"|[-\w.$]+)\((.*)\)', line).groups()  # type: ignore[union-attr]
            parameters = re.findall(r'(%"[^"]*"|%[-\w.$]+)(?=,|$)', re.sub(r"\([^()]*\)", "", given))
            current = functions[name] = Function(name, tuple(parameters))
        elif variable := re.match(r'@("[^"]*"|[-\w.$]+) = .*?\b(?:global|constant) (.*)', line):
            variables["@" + variable[1]] = leading_type(variable[2])
        elif kind := re.match(r"(%.+?) = type (.*)", line):
            types[kind[1]] = kind[2]
        elif entry := re.match(r"(!\d+) = (.*)", line):
            metadata[entry[1]] = entry[2]
    return Module(functions, variables, types, metadata)


def joined(text: str) -> Iterator[str]:
    """Lines, those of a switch made one."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.lstrip().startswith("switch") and line.rstrip().endswith("["):
            for more in lines:
                line += " " + more.strip()
                if more.strip().startswith("]"):
                    break
        yield line
