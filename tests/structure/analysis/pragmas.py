"""Vitis's pragmas in words of clang: where they stand in the source, and how its loops are to be treated.

The source stays line for line as it is. In front of a loop goes what clang has for the pragmas of its body; every
other pragma becomes a call that only notes the values of its expressions, in a compilation of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

NOTE = "stand_in_note"
_PRAGMA = re.compile(r"^\s*#pragma HLS (\w+)\s*(.*)$", re.IGNORECASE)
_LOOP = re.compile(r"^(\s*(?:\w+:\s*)?)((?:for|while) ?\(.*|do \{)\s*$")
_KEPT = "unroll(disable) vectorize(disable) interleave(disable) distribute(disable)"


@dataclass(frozen=True, slots=True)
class Pragma:
    """One pragma as it is written.

    Attributes:
        kind: in capitals.
        options: by their names in small letters; one without a value has "".
        loop: whether it stands in the body of a loop, in front of everything else.
    """

    number: int
    file: str
    line: int
    kind: str
    options: dict[str, str]
    loop: bool


@dataclass(frozen=True, slots=True)
class Written:
    """A loop in the source: the label in front of it, and whether a pragma asks for a pipeline."""

    label: str
    pipelined: bool


def translated(text: str, file: str, noting: bool, first: int) -> tuple[str, list[Pragma]]:
    """The source for clang, and its pragmas.

    Args:
        noting: whether pragmas become notes, rather than hints for the loops they stand in.
        first: number of the first pragma.
    """
    lines = text.splitlines()
    found: list[Pragma] = []
    pipelined: list[bool] = []  # of each open brace
    heads = {line for head in written(text) for line in _after(lines, head)}
    for at, line in enumerate(lines):
        if match := _PRAGMA.match(line):
            options = dict(_options(match[2]))
            pragma = Pragma(first + len(found), file, at + 1, match[1].upper(), options, at in heads)
            found.append(pragma)
            if pragma.kind == "PIPELINE" and pipelined:
                pipelined[-1] = "off" not in pragma.options
            lines[at] = _noted(pragma) if noting else ""
            continue
        code = line.partition("//")[0]
        if (loop := _LOOP.match(code)) and not noting:
            lines[at] = f'{loop[1]}_Pragma("clang loop {_hint(lines, at, any(pipelined))}") {line[loop.start(2):]}'
        for character in re.sub(r'"[^"]*"', "", code):
            if character == "{":
                pipelined.append(False)
            elif character == "}" and pipelined:
                pipelined.pop()
    return "\n".join(lines) + "\n", found


def written(text: str) -> dict[int, Written]:
    """Line of each loop → the loop that begins there."""
    found, label = {}, ""
    lines = text.splitlines()
    for at, line in enumerate(lines):
        if match := re.match(r"\s*(\w+):\s*$", line):
            label = match[1]
        elif _LOOP.match(line.partition("//")[0]):
            own = re.match(r"\s*(\w+):\s*(?:for|while|do)\b", line)
            pipelined = any(pragma[1].upper() == "PIPELINE" for pragma in _leading(lines, at + 1))
            found[at + 1] = Written(own[1] if own else label, pipelined)
            label = ""
        elif line.strip():
            label = ""
    return found


def _leading(lines: list[str], at: int) -> Iterator[re.Match[str]]:
    """The pragmas from a line on."""
    for line in lines[at:]:
        pragma = _PRAGMA.match(line)
        if pragma is None:
            return
        yield pragma


def _after(lines: list[str], at: int) -> range:
    """The lines of the pragmas from a line on."""
    return range(at, at + len([*_leading(lines, at)]))


def _options(text: str) -> Iterator[tuple[str, str]]:
    """name=value, with blanks about the sign or not, and names alone."""
    for name, value in re.findall(r"(\w+)\s*(?:=\s*([^\s]+))?", text):
        yield name.lower(), value


def _hint(lines: list[str], at: int, within_pipeline: bool) -> str:
    """Of the loop that begins at a line: unrolled as its pragma says, or because a pipeline is around it."""
    for pragma in _leading(lines, at + 1):
        options = dict(_options(pragma[2]))
        if pragma[1].upper() == "UNROLL" and "factor" in options:
            return f"unroll_count({options['factor']})"
        if pragma[1].upper() == "UNROLL":
            return "unroll(full)"
    return "unroll(full)" if within_pipeline else _KEPT


def _noted(pragma: Pragma) -> str:
    values = [pragma.options.get(name) or "0" for name in ("factor", "dim", "depth", "ii")]
    return f"{NOTE}({pragma.number}, {', '.join(f'static_cast<long>({value})' for value in values)});"
