"""One line of LLVM's assembly language as a plain value."""

from __future__ import annotations

import re
from dataclasses import dataclass

_INTEGER = re.compile(r"-?\d+$")
_BLOCK = r'label (%"[^"]*"|%[-\w.$]+)'
_VALUE = re.compile(r'(%"[^"]*"|%[-\w.$]+|@"[^"]*"|@[-\w.$]+|-?\d+\b|true|false|poison|undef|zeroinitializer|null)')
_BINARY = ("add", "sub", "mul", "udiv", "sdiv", "urem", "srem", "shl", "lshr", "ashr", "and", "or", "xor")
_CASTS = ("zext", "sext", "trunc", "bitcast", "ptrtoint", "inttoptr", "freeze")
_SKIPPED = ("llvm.lifetime.", "llvm.dbg.", "llvm.assume", "llvm.experimental.noalias", "llvm.invariant.")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One operation.

    Attributes:
        name: of its result, with %; empty if it has none.
        type: of its result; of a store, of what is stored.
        operands: values by name, integers as text. Of a store: the value and the pointer; of a call: its arguments;
            of a select: condition and both values; of a branch: its condition, if there is one.
        detail: predicate of an icmp, callee of a call, type that a getelementptr counts in.
        blocks: of a phi, where each operand comes from; of a branch, where it goes.
    """

    op: str
    name: str
    type: str
    operands: tuple[str, ...]
    detail: str = ""
    blocks: tuple[str, ...] = ()
    loop: str = ""

    @property
    def width(self) -> int:
        return int(self.type[1:]) if re.fullmatch(r"i\d+", self.type) else 0


def constant(value: str) -> int | None:
    if value in ("true", "false"):
        return int(value == "true")
    return int(value) if _INTEGER.match(value) else None


def leading_type(text: str) -> str:
    """The type that `text` begins with."""
    if text[0] in "[{<":
        depth = 0
        for at, character in enumerate(text):
            depth += (character in "[{<") - (character in "]}>")
            if depth == 0:
                return text[: at + 1]
    if quoted := re.match(r'%"[^"]*"', text):
        return quoted[0]
    return re.match(r"[^\s,()]+", text)[0]  # type: ignore[index]


def instruction(line: str) -> Instruction | None:
    """None for what computes nothing."""
    loop = re.search(r"!llvm\.loop (!\d+)", line)
    line = re.split(r", (?:align \d|!\w)", line)[0]
    result = re.match(r'(%"[^"]*"|%[-\w.$]+) = ', line)
    name, body = (result[1], line[result.end():]) if result else ("", line)
    body = re.sub(r"^(tail|musttail|notail) ", "", body)
    op, _, rest = body.partition(" ")
    if op in _BINARY or op == "icmp":
        return _two(op, name, rest)
    match op:
        case "br" | "switch":
            labels = re.findall(_BLOCK, rest)
            condition = _values(rest.partition(",")[0])[:1] if len(labels) > 1 else ()
            return Instruction(op, "", "", condition, "", tuple(labels), loop[1] if loop else "")
        case "ret":
            kind = leading_type(rest)
            return Instruction(op, "", kind, () if kind == "void" else _operand(rest[len(kind):]))
        case "unreachable":
            return Instruction(op, "", "", ())
        case "phi":
            kind = leading_type(rest)
            pairs = re.findall(r'\[ (.+?), (%"[^"]*"|%[-\w.$]+) \]', rest[len(kind):])
            return Instruction(op, name, kind, tuple(v for v, _ in pairs), "", tuple(b for _, b in pairs))
        case "select":
            parts = _arguments(rest)
            return Instruction(op, name, leading_type(parts[1]), tuple(map(_last, parts)))
        case "load":
            kind, pointer = _arguments(rest.removeprefix("volatile "))
            return Instruction(op, name, kind, (_last(pointer),))
        case "store":
            value, pointer = _arguments(rest.removeprefix("volatile "))
            kind = leading_type(value)
            return Instruction(op, "", kind, (value[len(kind):].strip(), _last(pointer)))
        case "alloca":
            return Instruction(op, name, leading_type(rest), ())
        case "getelementptr":
            return _address(name, rest)
        case "extractvalue" | "insertvalue":
            first, *others = _arguments(rest)
            kind = leading_type(first)
            values = [first[len(kind):].strip(), *(_last(one) for one in others if " " in one)]
            return Instruction(op, name, kind, tuple(values))
        case "call":
            return _call(name, rest)
    if op in _CASTS:
        source, _, kind = rest.partition(" to ")
        return Instruction(op, name, kind or leading_type(rest), (_last(source),))
    raise ValueError(f"unknown instruction: {line}")


def _two(op: str, name: str, rest: str) -> Instruction:
    words = rest.split(" ")
    flags = [word for word in words[:3] if word in ("nsw", "nuw", "exact", "disjoint")]
    rest = " ".join(words[len(flags):])
    predicate = ""
    if op == "icmp":
        predicate, _, rest = rest.partition(" ")
    kind = leading_type(rest)
    one, other = _arguments(rest[len(kind):].strip())
    return Instruction(op, name, "i1" if op == "icmp" else kind, (one, other), predicate)


def _address(name: str, rest: str) -> Instruction:
    kind, pointer, *indices = _arguments(rest.removeprefix("inbounds "))
    return Instruction("getelementptr", name, "ptr", (pointer.partition(" ")[2], *map(_last, indices)), kind)


def _call(name: str, rest: str) -> Instruction | None:
    callee = re.search(r'@("[^"]*"|[-\w.$]+)\(', rest)
    if callee is None:
        return Instruction("call", name, leading_type(rest), (), "asm")
    if callee[1].startswith(_SKIPPED):
        return None
    end, depth = callee.end(), 1
    while depth:
        depth += (rest[end] == "(") - (rest[end] == ")")
        end += 1
    head = re.sub(r"\b(noundef|signext|zeroext|noalias|nonnull|inreg|fastcc|align \d+|range\([^)]*\))\s", "", rest)
    arguments = tuple(_last(one) for one in _arguments(rest[callee.end(): end - 1]))
    return Instruction("call", name, leading_type(head), arguments, callee[1])


def _arguments(text: str) -> list[str]:
    """Split at the commas that no bracket encloses."""
    parts, depth, start, quoted = [], 0, 0, False
    for at, character in enumerate(text):
        quoted ^= character == '"'
        if quoted:
            continue
        depth += (character in "[{(<") - (character in "]})>")
        if character == "," and depth == 0:
            parts.append(text[start:at].strip())
            start = at + 1
    return [*parts, text[start:].strip()] if text.strip() else []


def _values(text: str) -> tuple[str, ...]:
    return tuple(_VALUE.findall(text.split(" ", 1)[1])) if " " in text else ()


def _operand(text: str) -> tuple[str, ...]:
    return (text.strip(),)


def _last(argument: str) -> str:
    """The value of an argument without its type and attributes; an address within a global stays an expression."""
    if "getelementptr" in argument:
        return argument[argument.index("getelementptr"):]
    found = _VALUE.findall(argument)
    return found[-1] if found else argument


def members(kind: str) -> list[str]:
    """The types of a struct's members."""
    return _arguments(kind.strip("<>").strip("{} ")) if kind.startswith(("{", "<{")) else [kind]


def expression(text: str) -> Instruction | None:
    """An address that is computed within another instruction."""
    inner = re.fullmatch(r"getelementptr (?:inbounds )?\((.*)\)", text)
    return instruction(f"%_ = getelementptr {inner[1]}") if inner else None
