"""How often a loop runs, where that rests on constants alone."""

from __future__ import annotations

from collections.abc import Mapping

from analysis import ir

_MOST = 1_000_000


def trips_of(function: ir.Function, header: str, latch: str, blocks: tuple[str, ...]) -> int | None:
    """By running what decides about the end of the loop; None if data decide, or nothing does."""
    ends = [block for block in blocks if any(after not in blocks for after in function.successors(block))]
    if len(ends) != 1 or function.blocks[ends[0]][-1].op != "br":
        return None
    branch = function.blocks[ends[0]][-1]
    stays = branch.blocks.index(next(after for after in branch.blocks if after in blocks))
    definitions = {one.name: one for block in blocks for one in function.blocks[block]}
    phis = {one.name: one for one in function.blocks[header] if one.op == "phi"}
    values: dict[str, int | None] = {}
    for name, phi in phis.items():
        starts = [value for value, block in zip(phi.operands, phi.blocks, strict=True) if block not in blocks]
        values[name] = ir.constant(starts[0]) if len(starts) == 1 else None
    back = {name: phi.operands[phi.blocks.index(latch)] for name, phi in phis.items()}
    needed = _needed(branch.operands[0], back, definitions)
    # the block that ends a loop runs once more than the blocks behind it
    for count in range(1, _MOST):
        known = {name: values[name] for name in needed}
        condition = _value(branch.operands[0], known, definitions)
        if condition is None:
            return None
        if (0 if condition else 1) != stays:
            return count if ends[0] == latch else count - 1
        values |= {name: _value(back[name], dict(known), definitions) for name in needed}
    return None


def _needed(value: str, back: Mapping[str, str], definitions: Mapping[str, ir.Instruction]) -> set[str]:
    """The phis of the header that `value` rests on."""
    found: set[str] = set()
    seen: set[str] = set()
    stack = [value]
    while stack:
        name = stack.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in back:
            found.add(name)
            stack.append(back[name])
        elif name in definitions:
            stack += definitions[name].operands
    return found


def _value(name: str, known: dict[str, int | None], definitions: Mapping[str, ir.Instruction]) -> int | None:
    """A value, unsigned, as far as it follows from what is known; None otherwise."""
    if name in known:
        return known[name]
    number = ir.constant(name)
    if number is not None or name not in definitions:
        return number
    one = definitions[name]
    given = [_value(operand, known, definitions) for operand in one.operands]
    known[name] = None if None in given else _computed(one, [value or 0 for value in given], definitions)
    return known[name]


def _computed(one: ir.Instruction, given: list[int], definitions: Mapping[str, ir.Instruction]) -> int | None:
    whole = (1 << one.width) - 1
    source = definitions.get(one.operands[0])
    bits = (source.width if source else 0) or one.width
    match one.op:
        case "add":
            return given[0] + given[1] & whole
        case "sub":
            return given[0] - given[1] & whole
        case "mul":
            return given[0] * given[1] & whole
        case "shl":
            return given[0] << given[1] & whole
        case "and":
            return given[0] & given[1]
        case "or":
            return given[0] | given[1]
        case "xor":
            return (given[0] ^ given[1]) & whole
        case "zext" | "trunc":
            return given[0] & whole
        case "sext":
            return _signed(given[0], bits) & whole
        case "select":
            return given[1] if given[0] else given[2]
        case "icmp":
            return _compared(one.detail, given[0], given[1], bits)
    return None


def _compared(predicate: str, one: int, other: int, bits: int) -> int:
    if predicate in ("eq", "ne"):
        return int((one - other) % (1 << bits) == 0) ^ (predicate == "ne")
    sides = [_signed(one, bits), _signed(other, bits)] if predicate[0] == "s" else [
        value % (1 << bits) for value in (one, other)
    ]
    less, equal = sides[0] < sides[1], sides[0] == sides[1]
    return int({"lt": less, "le": less or equal, "gt": not less and not equal, "ge": not less}[predicate[1:]])


def _signed(value: int, bits: int) -> int:
    value %= 1 << bits
    return value - (1 << bits) if value >> bits - 1 else value
